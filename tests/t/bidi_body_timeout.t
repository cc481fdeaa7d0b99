# A stream both ways (gRPC: watch, xDS): the client has asked and listens, with
# its side open; the host speaks all the time.  The stream is alive.
use strict; use warnings; use Test::More; use Mosn; use IO::Select; use Time::HiRes qw(time sleep);
my $host = Mosn::server(sub {
    my ($s, $log) = @_;
    while (<$s>) { last if $_ eq "\r\n" }
    syswrite $s, "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (1 .. 30) { syswrite($s, "4\r\ntick\r\n") // last; sleep 0.2 }
    syswrite $s, "0\r\n\r\n";
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; body_timeout = "1s"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
sub frame { my ($type, $flags, $id, $payload) = @_; return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $id) . $payload }
my $s = Mosn::connect_to($mosn->port(1));
syswrite $s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '') . frame(1, 4, 1, "\x83\x86\x84\x01\x01a") . frame(0, 0, 1, 'watch') . frame(4, 1, 0, '');
my ($in, $body, $end) = ('', '', '');
while (!$end && length $body < 80 && IO::Select->new($s)->can_read(10)) {
    sysread $s, $in, 65536, length $in or last;
    while (length $in >= 9 && length $in >= 9 + (my $n = unpack 'N', "\0" . substr $in, 0, 3)) {
        my $type = ord substr $in, 3, 1;
        $body .= substr $in, 9, $n if $type == 0;
        $end = 'reset ' . unpack 'N', substr $in, 9, 4 if $type == 3;
        substr $in, 0, 9 + $n, '';
    }
}
is($end, '', 'a client that listens is not late with its body') or diag(length($body) / 4 . ' ticks');
$mosn->finish;
done_testing;
