# per_try_timeout runs "anew: its last byte is sent"; a long request that the
# host takes steadily must not be given up in its midst.
use strict; use warnings; use Test::More; use Mosn; use Socket; use Time::HiRes qw(time sleep);
use constant LONG => 24 << 20;
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8, ReuseAddr => 1) or die;
setsockopt $listen, SOL_SOCKET, SO_RCVBUF, 65536 or die;
my $port = $listen->sockport;
my $host = Mosn::spawn(sub {
    while (my $s = $listen->accept) {
        next if fork;
        my $buf = '';
        while ($buf !~ /\r\n\r\n/) { sysread $s, $buf, 1000, length $buf or POSIX::_exit(0) }
        my $got = length($buf) - index($buf, "\r\n\r\n") - 4;
        while ($got < LONG) { my $n = sysread $s, my $x, 100_000 or last; $got += $n; sleep 0.012 }
        print $s Mosn::ok_response("got $got"); close $s; POSIX::_exit(0);
    }
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { route = { cluster = "c"; timeout = "60s"; retry = { on = ["connect_failure"]; per_try_timeout = "2s"; }; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$port"; } ); } );
E
my $begun = time;
my $a = Mosn::get($mosn->port(1), '/up', method => 'POST', body => 'x' x LONG);
diag(sprintf 'after %.1f s', time - $begun);
is(($a->{status} // 'none') . ' ' . ($a->{body} // ''), '200 got ' . LONG, 'all of it, and an answer');
$mosn->finish;
done_testing;
