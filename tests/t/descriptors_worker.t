# A worker whose descriptors are used up gets a change: it must not take that
# for the end of its master.
use strict; use warnings; use Test::More; use Mosn;
my $origin = Mosn::origin(sub { Mosn::ok_response('x') });
my $o = $origin->port;
my $mosn = Mosn->prepare;
$mosn->write_conf(<<"E", whole => 1);
workers = 1; user = "root"; error_log = { path = "%%DIR%%/error.log"; level = "info"; };
admin = { address = "127.0.0.1:%%PORT0%%"; };
control_socket = "%%DIR%%/control.sock"; drain_timeout = "3s"; hang_timeout = "0ms";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$o"; } ); } );
E
$mosn->run(pre => [ 'prlimit', '--nofile=100' ]);
my %before = $mosn->pids;
my @c;
for (1 .. 120) { my $s = eval { Mosn::connect_to($mosn->port(1)) } or last; push @c, $s }
my $first = $c[0];
ok(Mosn::wait_for(sub { (() = glob "/proc/$before{'worker 0'}/fd/*") >= 99 }), 'the worker has all descriptors that it may');
my ($said, $rc) = $mosn->ctl('host', 'set', 'c', "127.0.0.1:$o", 'weight=7');
is($rc, 0, 'a host is changed') or diag $said;
close $_ for @c; @c = ();
ok(Mosn::wait_for(sub { ($mosn->ctl('status'))[0] =~ /worker 0 .*change: 1/ }, 5), 'the change arrives when there is room');
unlike($mosn->log, qr/worker 0.*draining/, 'the worker does not end for it');
my %after = $mosn->pids;
is($after{'worker 0'} // 'none', $before{'worker 0'}, 'it is the same worker');
$mosn->stop;
done_testing();
