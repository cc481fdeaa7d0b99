# slow_start of a host that a reload enables again, as of one that mosnctl does.
use strict; use warnings; use Test::More; use Mosn;
my @hosts = map { my $n = $_; Mosn::origin(sub { Mosn::ok_response("h$n") }) } 0 .. 1;
my @at = map { '127.0.0.1:' . $_->port } @hosts;
sub conf { my ($state) = @_; return <<"E" }
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; slow_start = "10m"; hosts = ( { address = "$at[0]"; }, { address = "$at[1]"; state = "$state"; } ); } );
E
my $mosn = Mosn->start(conf('disabled'));
sub share { return scalar grep { Mosn::get($mosn->port(1), '/')->{body} eq 'h1' } 1 .. 80 }
is(share(), 0, 'a host is disabled by the file');
$mosn->write_conf(conf('enabled'));
is(($mosn->ctl('reload'))[1], 0, 'a reload enables it');
my $n = share();
cmp_ok($n, '<', 25, "slowly ($n of 80)");
is(($mosn->ctl('host', 'set', 'c', $at[1], 'state=disabled'))[1], 0, 'mosnctl disables it');
ok(Mosn::wait_for(sub { share() == 0 }), 'nobody comes');
is(($mosn->ctl('host', 'set', 'c', $at[1], 'state=enabled'))[1], 0, 'and enables it');
ok(Mosn::wait_for(sub { share() > 0 }), 'it is back');
$n = share(); cmp_ok($n, '<', 25, "slowly ($n of 80)");
is(($mosn->ctl('host', 'set', 'c', $at[1], 'state=disabled'))[1], 0, 'mosnctl disables it');
ok(Mosn::wait_for(sub { share() == 0 }), 'nobody comes');
$mosn->finish;
# Disabled by mosnctl a long time ago (slow_start is over), enabled by a reload.
$mosn = Mosn->start(conf('enabled'));
is(($mosn->ctl('host', 'set', 'c', $at[1], 'state=disabled'))[1], 0, 'mosnctl disables it');
ok(Mosn::wait_for(sub { share() == 0 }), 'nobody comes');
is(($mosn->ctl('reload'))[1], 0, 'a reload enables it');
$n = share(); cmp_ok($n, '<', 25, "slowly ($n of 80)");
$mosn->finish;
done_testing();
