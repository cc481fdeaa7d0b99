# Answers that a filter holds: filters in front of it see all of them, and the
# end of a tunnel's other side takes nothing away.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(sleep);
sub frame { my ($type, $flags, $id, $body) = @_; return substr(pack('N', length $body), 1) . pack('CCN', $type, $flags, $id) . $body }
sub literal { my ($name, $value) = @_; return "\x00" . chr(length $name) . $name . chr(length $value) . $value }
# Reads frames, and has a look at each until that says enough.
sub frames {
    my ($s, $look, $seconds) = @_;
    my $in = '';
    while (IO::Select->new($s)->can_read($seconds // 10) && sysread $s, $in, 65536, length $in) {
        $in =~ s/^PRI \* HTTP\/2\.0\r\n\r\nSM\r\n\r\n//;
        while (length $in >= 9 && length $in >= 9 + (my $len = unpack 'N', "\0" . substr $in, 0, 3)) {
            my ($type, $flags, $id) = unpack 'CCN', substr $in, 3, 6;
            my $body = substr $in, 9, $len;
            substr($in, 0, 9 + $len) = '';
            return if $look->($type, $flags, $id, $body);
        }
    }
}
sub host {
    my ($answer) = @_;
    return Mosn::server(sub {
        my ($s) = @_;
        syswrite $s, frame(4, 0, 0, pack 'nN', 8, 1) . frame(4, 1, 0, '');
        frames($s, sub { my ($type, $flags, $id) = @_; syswrite $s, $answer->($id) if $type == 1; return 0 }, 60);
    });
}
my $grpc = host(sub { my $id = shift; return frame(1, 4, $id, "\x88" . literal('content-type', 'application/grpc')) . frame(0, 0, $id, "\0\0\0\0\5hello") . frame(1, 5, $id, literal('grpc-status', '0')) });
my $far = host(sub { my $id = shift; return frame(1, 4, $id, "\x88") . frame(0, 1, $id, 'hello') });
my $delay = '{ type = "delay"; delay = "400ms"; what = "response"; }';
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "web"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; stream_filters = ( { type = "grpc_web"; }, $delay ); } ); },
  { name = "tunnel"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; allow_connect = true; routes = "r"; stream_filters = ( $delay ); } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { methods = ["CONNECT"]; }; route = { cluster = "far"; }; }, { route = { cluster = "grpc"; }; } ); } ); } );
clusters = ( { name = "grpc"; protocol = "http2"; hosts = ( { address = "127.0.0.1:$grpc->{port}"; } ); },
  { name = "far"; protocol = "http2"; hosts = ( { address = "127.0.0.1:$far->{port}"; } ); } );
E
my $answer = Mosn::get($mosn->port(1), '/a.B/c', method => 'POST', headers => ['Content-Type: application/grpc-web'], body => "\0\0\0\0\0");
is($answer->{status}, 200, 'a call of grpc-web');
like($answer->{body}, qr/^\x00{4}\x05hello\x80\x00{3}.grpc-status: ?0/s, 'its trailers are a frame');

# A client over HTTP/2 ends its side while the answer is held.
my $s = Mosn::connect_to($mosn->port(2));
syswrite $s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '') . frame(4, 1, 0, '') . frame(1, 4, 1, literal(':method', 'CONNECT') . literal(':authority', 'a:443'));
sleep 0.1;
syswrite $s, frame(0, 1, 1, '');
my @seen;
frames($s, sub { my ($type, $flags, $id, $body) = @_; push @seen, $type == 0 ? $body : (), $flags & 1 ? 'end' : () if $id == 1; return $id == 1 && $flags & 1 });
is("@seen", 'hello end', 'a tunnel has all of what was held');
close $s;
ok(Mosn::wait_for(sub { $mosn->stats->{'cluster.far.requests_active'} == 0 }), 'and is over');
$mosn->finish; done_testing();
