# A rewrite that comes out too long is answered 414; explain and `tests` say so, and nobody dies.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { return Mosn::ok_response('x') }); my $op = $o->port;
my $sub = '\$1' x 20; $sub =~ s/\\//g;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { prefix = "/plain"; }; route = { cluster = "c"; regex_rewrite = { regex = "(.)"; substitution = "$sub"; }; }; },
  { match = { prefix = "/query"; }; route = { cluster = "c"; regex_rewrite = { regex = "(.)"; substitution = "$sub"; }; }; query = { set = { a = "b"; }; }; },
  { match = { prefix = "/redirect"; }; redirect = { regex_rewrite = { regex = "(.)"; substitution = "$sub"; }; }; },
  { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$op"; } ); } );
E
my $long = 'x' x 3700;
is(Mosn::get($mosn->port(1), "/plain$long")->{status}, 414, 'served');
like(($mosn->ctl('explain', 'GET', "http://h/plain$long"))[0], qr/^action .*414/m, 'and explained');
my $a = Mosn::get($mosn->port(1), "/redirect$long");
isnt($a->{h}{location}[0] // '', '/', "a redirect that comes out too long does not lead to / ($a->{status})");
my ($t, $rc) = $mosn->ctl('explain', 'GET', "http://h/query$long");
like($t, qr/^action .*414/m, 'with a query that is changed, too') or diag substr $t, 0, 300;
ok(kill(0, $mosn->{pid}) && waitpid($mosn->{pid}, 1) == 0, 'the master lives');
is(eval { Mosn::get($mosn->port(1), '/')->{status} } // 'nobody', 200, 'and serves');
$mosn->finish; done_testing();
