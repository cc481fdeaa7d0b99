# A host that takes the request slowly, and all the time, makes no "pause while
# the request is sent": idle_timeout of the route must not end it.
use strict; use warnings; use Test::More; use Mosn; use Socket; use Time::HiRes qw(time sleep);
use constant LONG => 6 << 20;
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8, ReuseAddr => 1) or die;
setsockopt $listen, SOL_SOCKET, SO_RCVBUF, 65536 or die;
my $port = $listen->sockport;
my $host = Mosn::spawn(sub {
    while (my $s = $listen->accept) {
        next if fork;
        my $got = 0; my $buf = '';
        while ($buf !~ /\r\n\r\n/) { sysread $s, $buf, 1000, length $buf or POSIX::_exit(0) }
        $got = length($buf) - index($buf, "\r\n\r\n") - 4;
        while ($got < LONG) { my $n = sysread $s, my $x, 40_000 or last; $got += $n; sleep 0.05 }
        print $s Mosn::ok_response("got $got"); close $s; POSIX::_exit(0);
    }
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { path = "/try"; }; route = { cluster = "c"; timeout = "60s"; retry = { on = ["connect_failure"]; per_try_timeout = "10s"; }; }; },
  { route = { cluster = "c"; timeout = "60s"; idle_timeout = "1s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$port"; } ); } );
E
my $a = Mosn::get($mosn->port(1), '/up', method => 'POST', body => 'x' x LONG);
is(($a->{status} // 'none') . ' ' . ($a->{body} // ''), '200 got ' . LONG, 'all of it, and an answer');
$mosn->finish;
done_testing;
