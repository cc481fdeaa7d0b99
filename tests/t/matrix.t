# matrix.t - HTTP/1.1 and HTTP/2, clear and under TLS, in every combination:
# curl in front, the servers of Node behind.

use strict;
use warnings;
use Test::More;
use Mosn;

my $dir = Mosn::certificates('a.test', 'o.test');
my @kinds = qw(h1 h1s h2c h2);
my %up = map { $_ => Mosn::free_port() } @kinds;
my ($node, $said) = Mosn::background('node', "$Mosn::TOP/tests/tools/origin.js",
    (map { $_ => $up{$_} } @kinds), "$dir/o.test.pem", "$dir/o.test.key");
ok(Mosn::wait_for(sub { Mosn::slurp($said) =~ /ready/ }), 'the origins of Node');

my $tls = qq(tls = { certificates = ( { certificate = "$dir/a.test.pem"; private_key = "$dir/a.test.key"; } ); alpn = ["h2", "http/1.1"]; };);
my $to_tls = qq(tls = { sni = "o.test"; trusted_ca = "$dir/ca.pem"; };);
my $clusters = join ",\n", map {
    my $h2 = /^h2/ ? 'protocol = "http2";' : '';
    my $t = /^(h1s|h2)$/ ? $to_tls : '';
    qq({ name = "$_"; $h2 $t hosts = ( { address = "127.0.0.1:$up{$_}"; } ); })
} @kinds;
my ($listeners, $routes) = ('', '');
for my $to (@kinds) {
    for my $secure (0, 1) {
        my $own = $secure ? $tls : '';
        $listeners .= ($listeners && ",\n") . qq({ name = "${to}_$secure"; address = "127.0.0.1:%%PORT@{[ port_of($to, $secure) ]}%%"; $own
            filters = ( { type = "proxy"; routes = "$to"; } ); });
    }
    $routes .= ($routes && ",\n") . qq({ name = "$to"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "$to"; timeout = "10s"; }; } ); } ); });
}

# The port of the listener that passes on to hosts of that kind.
sub port_of { my ($to, $secure) = @_; my %i = (h1 => 1, h1s => 3, h2c => 5, h2 => 7); return $i{$to} + $secure }

my $mosn = Mosn->start("listeners = ( $listeners );\nroutes = ( $routes );\nclusters = ( $clusters );\n", workers => 1);
my $body = Mosn::new_dir() . '/body';
system "head -c 3000000 /dev/urandom > $body";
my $sum = (split ' ', `sha1sum $body`)[0];

# An Upgrade to WebSocket, `$text` when it is agreed on; everything that came.
sub websocket {
    my ($port, $secure, $text) = @_;
    my $ask = "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    return Mosn::s_client($port, "-quiet -no_ign_eof -verify_quiet -CAfile $dir/ca.pem -servername a.test", in => $ask . $text) if $secure;
    my $s = Mosn::connect_to($port);
    print $s $ask;
    my $got = '';
    1 while $got !~ /\r\n\r\n/ && sysread $s, $got, 4096, length $got;
    print $s $text;
    my $n = length $got;
    1 while length $got < $n + length $text && sysread $s, $got, 4096, length $got;
    return $got;
}

for my $from (@kinds) {
    my $secure = $from =~ /^(h1s|h2)$/ ? 1 : 0;
    for my $to (@kinds) {
        my $port = $mosn->port(port_of($to, $secure));
        my $url = ($secure ? 'https' : 'http') . "://a.test:$port";
        my $curl = "curl -s --max-time 20 --cacert $dir/ca.pem --resolve a.test:$port:127.0.0.1 "
            . ($from eq 'h2c' ? '--http2-prior-knowledge' : $from eq 'h2' ? '--http2' : '--http1.1');
        my $run = sub { my $out = `$curl $_[0]`; return $out };
        subtest "$from -> $to" => sub {
            my $head = $run->("-i -H 'Cookie: a=1' -H 'X-Up: v' '$url/headers?q=1' -w '\\n%{http_version}'");
            like($head, $from =~ /^h2/ ? qr/\n2$/ : qr/\n1.1$/, 'the version in front');
            like($head, $to =~ /^h2/ ? qr/"version":"2.0"/ : qr/"version":"1.1"/, 'the version behind');
            like($head, qr/"path":"\/headers\?q=1"/, 'the path');
            like($head, $to =~ /^h2/ ? qr/":authority":"a.test:$port"/ : qr/"host":"a.test:$port"/, 'the authority');
            like($head, qr/"x-up":"v"/, 'fields');
            like($head, qr/"cookie":"a=1"/, 'the cookie');
            is(() = $head =~ /^set-cookie: /mig, 2, 'two cookies back');
            unlike($head, qr/"(connection|keep-alive|transfer-encoding|upgrade)"/, 'nothing of the other hop') if $to =~ /^h2/;
            is($run->("-H Expect: --data-binary \@$body $url/echo | sha1sum"), "$sum  -\n", 'a body there and back');
            is($run->("-H Expect: -H 'Transfer-Encoding: chunked' --data-binary \@$body $url/echo | sha1sum"), "$sum  -\n", '... of a length not known')
                if $from !~ /^h2/;
            is($run->("-T - $url/count < $body"), 'PUT /count 3000000', 'a body from a pipe');
            is($run->("-d '' $url/count"), 'POST /count 0', 'an empty one');
            is($run->("--data-binary \@$body $url/count"), 'POST /count 3000000', 'with Expect');
            is($run->("$url/big/5000000 -o /dev/null -w '%{size_download}'"), '5000000', 'much back');
            is($run->("-I $url/big/5000 -o /dev/null -w '%{http_code} %{size_download} %header{content-length}'"), '200 0 5000', 'HEAD');
            is($run->("-o /dev/null -w '%{http_code}' $url/status/$_"), $_, "status $_") for 204, 304, 404, 500;
            like($run->("-i $url/early"), qr/^HTTP\S+ 103.*HTTP\S+ 200.*late$/s, 'early hints');
            like($run->("-i -H 'TE: trailers' --raw $url/trailers"), qr/x-sum: 6/i, 'trailers') if $from !~ /^h2/;
            isnt($run->("-o /dev/null $url/reset; echo \$?"), "0\n", 'half an answer is none');
            is($run->("-X DELETE $url/count"), 'DELETE /count 0', 'and it goes on');
            my $text = 'frames of a WebSocket';
            if ($from =~ /^h2/) {
                my $at = ($secure ? 'https' : 'http') . "://127.0.0.1:$port";
                my $out = `node $Mosn::TOP/tests/tools/websocket_h2.js $at websocket '$text' @{[ $secure ? "$dir/ca.pem" : '' ]} 2>&1`;
                is($out, "200 no key\n$text\n", 'an extended CONNECT');
            }
            else {
                like(websocket($port, $secure, $text),
                    qr/^HTTP\/1.1 101 .*Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n.*\r\n\r\n\Q$text\E/s, 'an Upgrade');
            }
        };
    }
}

my $port = $mosn->port(port_of('h2c', 0));
my @answers = map { scalar `curl -s --max-time 10 http://127.0.0.1:$port/goaway` } 1 .. 20;
is_deeply([ grep { $_ ne 'GET /goaway 0' } @answers ], [], 'a host that says GOAWAY loses nothing');
Mosn::end_child($node);
$mosn->finish;
done_testing();
