# A client that takes nothing at all is closed after send_timeout, also when
# its host goes on saying a little now and then.
use strict; use warnings; use Test::More; use Mosn; use Socket; use Time::HiRes qw(time sleep);
my $host = Mosn::server(sub {
    my ($s, $log) = @_;
    while (<$s>) { last if $_ eq "\r\n" }
    print $s "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    # fills the sockets on the way, then speaks softly
    my $begun = time;
    my ($fill) = (Mosn::slurp("$log.fill") || 0) + 0;
    print $s 'x' x $fill if $fill;
    while (time - $begun < 25) { syswrite($s, "tick\n") // last; sleep 0.1 }
    Mosn::say_to($log, "end");
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; send_timeout = "2s"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "60s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
my %pids = $mosn->pids;
sub dead {
    my $s = Mosn::narrow($mosn->port(1), 4096);
    syswrite $s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    return $s;
}
# How much do the sockets between mosn and the client take?  By bisection the
# amount that leaves something with mosn, and not so much that it stops to read.
# Recv-Q/Send-Q of mosn's side tells: when it does not grow with the fill.
sub left_with_mosn {
    my ($fill) = @_;
    open my $f, '>', "$host->{log}.fill"; print $f $fill; close $f;
    my $s = dead();
    return $s;
}
sub sndq { # bytes in mosn's send queue to the client with that port
    my $port = (sockaddr_in getsockname $_[0])[0];
    my $listen = sprintf '%04X', $mosn->port(1);
    my $peer = sprintf '%04X', $port;
    for (split /\n/, Mosn::slurp('/proc/net/tcp')) {
        return hex $1 if /^\s*\d+: \S+:$listen \S+:$peer \S\S ([0-9A-F]+):/;
    }
    return -1;
}
sub rcvq {
    my $port = (sockaddr_in getsockname $_[0])[0];
    my $peer = sprintf '%04X', $mosn->port(1);
    my $me = sprintf '%04X', $port;
    for (split /\n/, Mosn::slurp('/proc/net/tcp')) {
        return hex $1 if /^\s*\d+: \S+:$me \S+:$peer \S\S [0-9A-F]+:([0-9A-F]+)/;
    }
    return -1;
}
# First: how much the kernel takes when there is more than enough.
my $s = left_with_mosn(8_000_000);
my ($kernel, $last, $same) = (0, 0, 0);
Mosn::wait_for(sub { my $n = sndq($s) + rcvq($s); $kernel = $n if $n > $kernel; $same = $n == $last && $n > 100_000 ? $same + 1 : 0; $last = $n; $same > 20 }, 5);
diag("the kernel keeps $kernel");
ok(Mosn::wait_for(sub { sndq($s) < 0 }, 10), 'a client that takes nothing is closed when there is much to say');
close $s;
# Then: a little more than that, and ticks behind it.
my $fill = $kernel + 50_000;
$s = left_with_mosn($fill);
Mosn::wait_for(sub { sndq($s) + rcvq($s) >= $kernel - 200_000 }, 5);
my $begun = time;
my $gone = Mosn::wait_for(sub { sndq($s) < 0 }, 12);
diag(sprintf 'after %.1f s, sndq %d, rcvq %d', time - $begun, sndq($s), rcvq($s));
cmp_ok(sndq($s) + rcvq($s), '<', $fill, 'mosn has kept some of it');
ok($gone, 'and also when it is said bit by bit');
close $s;
$mosn->finish;
done_testing;
