# drain.t - what is left at the end of drain_timeout is closed a little at a
# time, and not after it.

use strict;
use warnings;
use Test::More;
use Mosn;
use IO::Select;
use Time::HiRes qw(time);

my $steady = Mosn::tool('steady');
my ($http, $tcp) = (Mosn::free_port(), Mosn::free_port());
my ($pid, $out) = Mosn::background($steady, 'origin', $http, $tcp);
Mosn::wait_for(sub { Mosn::slurp($out) =~ /ready/ });
my $mosn = Mosn->start(<<"E", workers => 1);
control_socket = "%%DIR%%/control.sock";
drain_timeout = "4s";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$http"; } ); } );
E
my @tunnels = map {
    my $s = Mosn::connect_to($mosn->port(1));
    print $s "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    sysread $s, my $x, 1000;
    $s;
} 1 .. 40;
is(($mosn->ctl('reload'))[1], 0, 'reload');
my $start = time;
my $select = IO::Select->new(@tunnels);
my @closed;
while (@closed < 40 && time - $start < 10) {
    for my $s ($select->can_read(0.05)) {
        if (!sysread $s, my $x, 100) {
            push @closed, time - $start;
            $select->remove($s);
        }
    }
}
is(scalar @closed, 40, 'all tunnels are closed in the end');
cmp_ok($closed[0], '>', 2.5, 'they live for most of drain_timeout');
cmp_ok($closed[-1], '<', 4.7, 'and not beyond it');
cmp_ok($closed[-1] - $closed[0], '>', 0.4, 'not all at once');
ok(Mosn::wait_for(sub { !grep { $_->{state} ne 'serving' } @{ $mosn->status->{children} } }, 5), 'the old worker has ended');
$mosn->finish;
done_testing();
