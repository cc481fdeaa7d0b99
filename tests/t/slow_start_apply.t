# slow_start of a host that `mosnctl apply` enables again together with another change.
use strict; use warnings; use Test::More; use Mosn;
my @hosts = map { my $n = $_; Mosn::origin(sub { Mosn::ok_response("h$n") }) } 0 .. 1;
my @at = map { '127.0.0.1:' . $_->port } @hosts;
sub c { my ($state, $t) = @_; return qq|clusters = ( { name = "c"; slow_start = "10m"; connect_timeout = "$t"; hosts = ( { address = "$at[0]"; }, { address = "$at[1]"; state = "$state"; } ); } );| }
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
@{[c('disabled', '1s')]}
E
sub share { return scalar grep { Mosn::get($mosn->port(1), '/')->{body} eq 'h1' } 1 .. 80 }
is(share(), 0, 'disabled');
is($mosn->apply(c('enabled', '1s')), '', 'enabled');
ok(Mosn::wait_for(sub { share() > 0 }), 'back');
my $n = share(); cmp_ok($n, '<', 25, "slowly ($n of 80)");
is($mosn->apply(c('disabled', '1s')), '', 'disabled');
ok(Mosn::wait_for(sub { share() == 0 }), 'gone');
$mosn->finish;
$mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
@{[c('disabled', '1s')]}
E
is(share(), 0, 'disabled');
is($mosn->apply(c('enabled', '2s')), '', 'enabled, and another connect_timeout');
ok(Mosn::wait_for(sub { share() > 0 }), 'back');
$n = share(); cmp_ok($n, '<', 25, "slowly ($n of 80)");
$mosn->finish;
done_testing();
