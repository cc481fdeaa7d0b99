# A client that takes some bytes all the time is not one "that takes no byte":
# send_timeout must not cut it.  The kernel says EPOLLOUT only when a third of
# the socket's buffer is free, so silence of epoll is not silence of the peer.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(time sleep);
use constant LONG => 5 << 20;

my $host = Mosn::server(sub {
    my $s = shift;
    while (<$s>) { last if $_ eq "\r\n" }
    print $s "HTTP/1.1 200 OK\r\nContent-Length: @{[ LONG ]}\r\n\r\n", 'x' x LONG;
    1 while <$s>;
});
my $raw = Mosn::server(sub { my $s = shift; print $s 'x' x LONG; sleep 60 });
my $mosn = Mosn->start(<<"E");
drain_timeout = "1s";
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; send_timeout = "1s"; filters = ( { type = "proxy"; routes = "r"; } ); },
 { name = "t"; address = "127.0.0.1:%%PORT2%%"; send_timeout = "1s"; filters = ( { type = "tcp_proxy"; cluster = "t"; splice = false; } ); },
 { name = "s"; address = "127.0.0.1:%%PORT3%%"; send_timeout = "1s"; filters = ( { type = "tcp_proxy"; cluster = "t"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); }, { name = "t"; hosts = ( { address = "127.0.0.1:$raw->{port}"; } ); } );
E
sub slowly {
    my ($port, $say, $want) = @_;
    my $s = Mosn::narrow($port, 65536);
    syswrite $s, $say if length $say;
    my ($got, $longest, $last) = (0, 0, time);
    while ($got < $want) {
        my $n = sysread $s, my $piece, 40_000;
        last unless $n;
        $got += $n;
        my $now = time; $longest = $now - $last if $now - $last > $longest; $last = $now;
        sleep 0.08;
    }
    diag("got $got of $want, longest pause between two reads $longest");
    return $got;
}
my $head = 0;
cmp_ok(slowly($mosn->port(1), "GET / HTTP/1.1\r\nHost: a\r\n\r\n", LONG), '>=', LONG, 'HTTP/1.1: all of the answer');
is(slowly($mosn->port(2), '', LONG), LONG, 'tcp_proxy: all of it');
is(slowly($mosn->port(3), '', LONG), LONG, 'tcp_proxy with splice: all of it');
$mosn->finish;
done_testing;
