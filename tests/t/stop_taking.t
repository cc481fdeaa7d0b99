# A stop waits for a client that takes its last answer, and no longer.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(time sleep);
my $n = 3 << 20;
my $o = Mosn::origin(sub { Mosn::ok_response('x' x $n) });
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
drain_timeout = "40s";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E
my $s = Mosn::narrow($mosn->port(1), 8192);
syswrite $s, "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
my $got = 0;
while ($got < 600_000) { $got += sysread $s, my $x, 50_000 }
ok(Mosn::wait_for(sub { $mosn->stats->{'cluster.c.requests_active'} == 0 }), 'the host has answered, the client takes the rest');
my $began = time;
kill 'TERM', $mosn->{pid};
# what is left in about two seconds
while ($got < $n) { my $k = sysread $s, my $x, 60_000; last unless $k; $got += $k; sleep 0.05 }
cmp_ok($got, '>=', $n, 'the client gets all of it');
my $took = time - $began; 
Mosn::wait_for(sub { my %p = $mosn->pids; !grep { /worker/ } keys %p }, 25);
diag sprintf 'the client was done after %.1f s, mosn after %.1f s', $took, time - $began;
cmp_ok(time - $began, '<', $took + 10, 'mosn ends soon after');
$mosn->finish;
done_testing();
