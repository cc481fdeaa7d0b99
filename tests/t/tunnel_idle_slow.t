# A WebSocket client that takes what was said slowly, and all the time: in this
# tunnel something moves.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(time sleep);
use constant LONG => 5 << 20;
my $host = Mosn::server(sub {
    my $s = shift;
    while (<$s>) { last if $_ eq "\r\n" }
    print $s "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 'x' x LONG;
    1 while sysread $s, my $x, 1000;
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; tunnel_idle_timeout = "1s"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
my $s = Mosn::narrow($mosn->port(1), 65536);
syswrite $s, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
my ($got, $end) = (0, 'whole');
while ($got < LONG) {
    my $n = sysread $s, my $piece, 40_000;
    if (!$n) { $end = defined $n ? 'a clean end' : "$!"; last }
    $got += $n; sleep 0.08;
}
is($end, 'whole', 'all of it') or diag("$got of " . LONG);
$mosn->finish;
done_testing;
