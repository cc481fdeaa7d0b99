# `mosnctl diff` with names that are there twice, and with an order.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { return Mosn::ok_response('x') }); my $op = $o->port;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = (
  { name = "v"; domains = ["a.example"]; routes = ( { respond = { body = "a"; }; } ); },
  { name = "v"; domains = ["b.example"]; routes = ( { respond = { body = "b"; }; } ); },
  { name = "w"; domains = ["*"]; routes = (
     { name = "one"; match = { path = "/1"; }; respond = { body = "1"; }; },
     { name = "two"; match = { path = "/2"; }; respond = { body = "2"; }; },
     { name = "three"; match = { path = "/3"; }; respond = { body = "3"; }; },
     { match = { headers = ( { name = "x"; prefix = "a"; }, { name = "x"; suffix = "b"; } ); }; respond = { body = "h"; }; },
     { route = { clusters = ( { name = "c"; weight = 1; subset = { v = "1"; }; }, { name = "c"; weight = 2; subset = { v = "2"; }; } ); }; } ); } ); } );
clusters = ( { name = "c"; subset_selectors = ( ["v"] ); hosts = ( { address = "127.0.0.1:$op"; metadata = { v = "1"; }; }, { address = "127.0.0.2:$op"; metadata = { v = "2"; }; } ); } );
E
sub diff {
    my ($change) = @_;
    my $conf = Mosn::slurp($mosn->{conf}); $change->() for $conf;
    open my $f, '>', "$mosn->{dir}/other.conf" or die; print $f $conf; close $f;
    return ($mosn->ctl('diff', "$mosn->{dir}/other.conf"))[0];
}
is(diff(sub {}), "no difference\n", 'the same file');
like(diff(sub { s/suffix = "b"/suffix = "c"/ }), qr/suffix.*"b" -> "c"/, 'the second of a name');
unlike(diff(sub { s/body = "b"/body = "bb"/ }), qr/no difference/, 'a second virtual host');
my $routes = 'routes[r].virtual_hosts[w].routes';
is(diff(sub { s/( +\{ name = "one")/{ name = "zero"; match = { path = "\/0"; }; respond = { body = "0"; }; },\n$1/ }), "${routes}[zero]: added\n", 'a route before the others');
is(diff(sub { s/ +\{ name = "two".*\n// }), "${routes}[two]: removed\n", 'one that is gone');
is(diff(sub { s/( +\{ name = "one".*\n)( +\{ name = "two".*\n)/$2$1/; s/body = "1"/body = "11"/ }), "${routes}[one]: moved\n${routes}[one].respond.body: \"1\" -> \"11\"\n", 'one behind another, changed') or diag diff(sub { s/( +\{ name = "one".*\n)( +\{ name = "two".*\n)/$2$1/ });
is(diff(sub { s/(     \{ match = \{ headers)/     { match = { path = "\/x"; }; respond = { body = "x"; }; },\n$1/ }), "${routes}[3]: added\n", 'one without a name');
is(diff(sub { s/body = "h"/body = "hh"/ }), "${routes}[3].respond.body: \"h\" -> \"hh\"\n", 'one without a name that is another');
my $again = '     { name = "two"; match = { path = "/again"; }; respond = { body = "again"; }; },';
is(diff(sub { s/( +\{ name = "three")/$again\n$1/ }), "${routes}[two]: added\n", 'a second of a name');
$mosn->finish; done_testing();
