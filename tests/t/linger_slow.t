# A host answers at length before the request is whole.  The client, which is
# still sending, takes the answer slowly, and must get all of it.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(time sleep);
use constant LONG => 4_000_000;
my $host = Mosn::server(sub {
    my $s = shift;
    while (<$s>) { last if $_ eq "\r\n" }
    print $s "HTTP/1.1 200 OK\r\nContent-Length: @{[ LONG ]}\r\n\r\n", 'x' x LONG;
    1 while sysread $s, my $x, 10000;
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
my $s = Mosn::narrow($mosn->port(1), 65536);
syswrite $s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
my ($in, $begun) = ('', time);
while ($in !~ /\r\n\r\n/) { sysread $s, $in, 1000, length $in or die }
my ($whole, $end) = (index($in, "\r\n\r\n") + 4 + LONG, 'whole');
while (length $in < $whole) {
    my $n = sysread $s, $in, 25_000, length $in;
    if (!$n) { $end = defined $n ? 'a clean end' : "$!"; last }
    defined syswrite $s, 'y' x 100 or do { $end = "sending: $!"; last };
    sleep 0.08;
}
diag(sprintf 'after %.1f s', time - $begun); diag($mosn->log);
is(length($in) . " $end", "$whole whole", 'all of the answer');
$mosn->finish;
done_testing;
