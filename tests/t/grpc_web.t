# grpc_web.t - gRPC-Web in front of a gRPC server: binary and text, all that
# a browser may do.

use strict;
use warnings;
use Test::More;
use Mosn;
use MIME::Base64;

my $port = Mosn::free_port();
my ($server, $said) = Mosn::background('/usr/bin/python3', "$Mosn::TOP/tests/tools/grpc_peer.py", 'server', $port);
ok(Mosn::wait_for(sub { Mosn::slurp($said) =~ /ready/ }), 'a gRPC server');
my $mosn = Mosn->start(<<"E", workers => 1);
listeners = ( { name = "w"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; stream_filters = ( { type = "grpc_web"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { path = "/plain"; }; respond = { body = "plain"; }; }, { match = { prefix = "/t.T/"; }; route = { cluster = "g"; timeout = "10s"; }; } ); } ); } );
clusters = ( { name = "g"; protocol = "http2"; hosts = ( { address = "127.0.0.1:$port"; } ); } );
E

# Calls; returns type, messages, and what the last frame says.
sub call {
    my ($how, $method, $message, $type, @more) = @_;
    my $frame = pack('CN', 0, length $message) . $message;
    $frame = encode_base64($frame, '') if $type =~ /text/;
    my $file = Mosn::new_dir() . '/body';
    open my $f, '>', $file or die; print $f $frame; close $f;
    my $out = `curl -si --max-time 10 $how -H 'Expect:' -H 'Content-Type: $type' -H 'X-Grpc-Web: 1' @more --data-binary \@$file http://127.0.0.1:@{[ $mosn->port(1) ]}$method`;
    my ($head, $body) = split /\r\n\r\n/, $out, 2;
    my ($got) = $head =~ /^content-type: (.*?)\r?$/mi;
    if ($type =~ /text/) { # pieces, each with its padding
        my $all = '';
        $all .= decode_base64($1) while $body =~ /((?:[A-Za-z0-9+\/]{4})*(?:[A-Za-z0-9+\/]{2}==|[A-Za-z0-9+\/]{3}=|[A-Za-z0-9+\/]{4}))/g;
        $body = $all;
    }
    my ($messages, $last) = ([], '');
    while (length $body >= 5) {
        my ($flags, $n) = unpack 'CN', substr $body, 0, 5, '';
        my $data = substr $body, 0, $n, '';
        if ($flags & 0x80) { $last = $data } else { push @$messages, $data }
    }
    return ($got, $messages, $last, $head);
}

for my $how ('--http1.1', '--http2-prior-knowledge') {
    for my $type ('application/grpc-web+proto', 'application/grpc-web-text+proto') {
        my ($got, $messages, $last) = call($how, '/t.T/Unary', 'abc', $type);
        is($got, $type, "$how $type: the type");
        is_deeply($messages, ['cba'], 'one message');
        like($last, qr/^grpc-status: 0\r$/m, 'the status in the last frame');
        like($last, qr/^x-trailing: yes\r$/m, 'and other trailers');
        (undef, $messages, $last) = call($how, '/t.T/Down', '3', $type);
        is_deeply([ map { length } @$messages ], [ (1 << 20) x 3 ], 'a stream of megabytes');
        like($last, qr/^grpc-status: 0\r$/m, 'and its status');
        (undef, $messages, $last, my $head) = call($how, '/t.T/Fail', '', $type);
        like("$last$head", qr/^grpc-status: 9\r?$/m, 'an error');
        # Answered before its body has come; curl may report that as an error over HTTP/2.
        (undef, $messages, $last, $head) = call('--http1.1', '/t.T/Nothing', '', $type);
        like("$last$head", qr/^grpc-status: 12\r?$/m, 'of a method that is none');
        (undef, $messages, $last, $head) = call($how, '/no/where', '', $type);
        like($head, qr/^grpc-status: 12\r?$/m, 'an error of ours');
    }
}
my $bad = `curl -si --max-time 5 -H 'Content-Type: application/grpc-web-text' --data-binary 'no base 64!!' http://127.0.0.1:@{[ $mosn->port(1) ]}/t.T/Unary`;
like($bad, qr/^HTTP\/1.1 (400|200).*(400 Bad Request|grpc-status: 13)/s, 'what is not base64 is refused');
is(`curl -s http://127.0.0.1:@{[ $mosn->port(1) ]}/plain`, 'plain', 'others pass');
like(`timeout 60 /usr/bin/python3 $Mosn::TOP/tests/tools/grpc_peer.py client 127.0.0.1:@{[ $mosn->port(1) ]} 2>/dev/null`, qr/^ok unary\n(ok \w+\n){7}\z/, 'gRPC itself too');
$mosn->finish;
done_testing();
