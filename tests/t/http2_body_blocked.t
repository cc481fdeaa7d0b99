# A client that takes one stream slowly and sends on another one steadily: while
# mosn itself does not read (its output is blocked), body_timeout is not due.
use strict; use warnings; use Test::More; use Mosn; use IO::Select; use Fcntl; use Time::HiRes qw(time sleep);
my $host = Mosn::server(sub {
    my ($s, $log) = @_;
    my $first = <$s>;
    while (<$s>) { last if $_ eq "\r\n" }
    if ($first =~ /^GET/) { print $s "HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n", 'x' x 30_000_000; return }
    while (my $n = sysread $s, my $x, 1000) { Mosn::say_to($log, sprintf "%.2f:%d ", time, $n) }
    Mosn::say_to($log, sprintf "%.2f:end", time);
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; body_timeout = "1s"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "60s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
sub frame { my ($type, $flags, $id, $payload) = @_; return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $id) . $payload }
my $s = Mosn::narrow($mosn->port(1), 65536);
my $W = 0x7fff0000;
syswrite $s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, pack 'nN', 4, $W) . frame(8, 0, 0, pack 'N', $W - 65535)
    . frame(1, 4, 3, "\x83\x86\x84\x01\x01a") . frame(0, 0, 3, 'first') . frame(1, 5, 5, "\x82\x86\x84\x01\x01a") . frame(4, 1, 0, '');
diag(sprintf "begun %.2f", time);
my ($in, $got, $end, $begun, $sent, $last, $longest) = ('', 0, '', time, 0, time, 0);
while (time - $begun < 16 && !$end) {
    sysread $s, $in, 40_000, length $in or last;
    while (length $in >= 9 && length $in >= 9 + (my $n = unpack 'N', "\0" . substr $in, 0, 3)) {
        my ($type, $id) = (ord(substr $in, 3, 1), unpack 'N', substr $in, 5, 4);
        $got += $n if $type == 0;
        $end = "stream 3 got a frame of type $type: " . unpack 'H*', substr $in, 9, $n > 20 ? 20 : $n if $id == 3 && ($type == 1 || $type == 3);
        substr $in, 0, 9 + $n, '';
    }
    syswrite $s, frame(0, 0, 3, 'more'); $sent++;    # a few bytes: they fit in any socket
    my $now = time; $longest = $now - $last if $now - $last > $longest; $last = $now;
    sleep 0.08;
}
diag(sprintf "after %.1f s, %d bytes taken, %d pieces sent, longest pause between them %.2f s", time - $begun, $got, $sent, $longest);
diag($host->seen);
is($end, '', 'the upload goes on');
close $s;
$mosn->finish;
done_testing;
