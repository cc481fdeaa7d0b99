# A host that takes the request slowly, and all the time, makes no "pause while
# the request is sent", and its try runs anew from the last byte: neither
# idle_timeout nor per_try_timeout of the route may end it.
use strict; use warnings; use Test::More; use Mosn; use Socket; use Time::HiRes qw(time sleep);
# Length, and how the host takes it: so much at a time, with such a pause.
my %pace = ('/up' => [ 6 << 20, 40_000, 0.05 ], '/try' => [ 24 << 20, 100_000, 0.012 ]);
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8, ReuseAddr => 1) or die;
setsockopt $listen, SOL_SOCKET, SO_RCVBUF, 65536 or die;
my $port = $listen->sockport;
my $host = Mosn::spawn(sub {
    while (my $s = $listen->accept) {
        next if fork;
        my $got = 0; my $buf = '';
        while ($buf !~ /\r\n\r\n/) { sysread $s, $buf, 1000, length $buf or POSIX::_exit(0) }
        $got = length($buf) - index($buf, "\r\n\r\n") - 4;
        my ($long, $piece, $pause) = @{ $pace{ (split ' ', $buf)[1] } };
        while ($got < $long) { my $n = sysread $s, my $x, $piece or last; $got += $n; sleep $pause }
        print $s Mosn::ok_response("got $got"); close $s; POSIX::_exit(0);
    }
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { path = "/try"; }; route = { cluster = "c"; timeout = "60s"; retry = { on = ["connect_failure"]; per_try_timeout = "2s"; }; }; },
  { route = { cluster = "c"; timeout = "60s"; idle_timeout = "1s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$port"; } ); } );
E
for my $path (sort keys %pace) {
    my $long = $pace{$path}[0];
    my $a = Mosn::get($mosn->port(1), $path, method => 'POST', body => 'x' x $long);
    is(($a->{status} // 'none') . ' ' . ($a->{body} // ''), "200 got $long", "$path: all of it, and an answer");
}
$mosn->finish;
done_testing;
