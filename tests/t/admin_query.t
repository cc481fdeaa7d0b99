# The admin API: queries are written in %XX, and `persist` is not lost in silence.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { return Mosn::ok_response('x') });
my $op = $o->port;
my $mosn = Mosn->prepare; $mosn->write_conf(<<"E", whole => 1);
workers = 1; user = "root"; error_log = { path = "%%DIR%%/error.log"; level = "info"; };
admin = { address = "127.0.0.1:%%PORT0%%"; allow_changes = true; };
control_socket = "%%DIR%%/control.sock";
runtime_file = "%%DIR%%/runtime.conf";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$op"; } ); } );
E
$mosn->run;
sub admin { my ($method, $path, %o) = @_; my $a = Mosn::get($mosn->port(0), $path, method => $method, %o); return $a->{status} }
is(admin('PUT', "/clusters/c/hosts/127.0.0.1%3A$op?zone=eu%2Fwest"), 200, 'an address in %XX');
admin('PUT', "/clusters/c/hosts/127.0.0.1:$op?zone=eu%2Fwest");
like(($mosn->ctl('config'))[0], qr{zone = "eu/west"}, 'a value in %XX') or diag $mosn->hosts_of('c');
my $st = admin('POST', "/clusters/c/hosts/127.0.0.2:$op?persist");
ok($st != 200 || -e "$mosn->{dir}/runtime.conf", "`persist` is done or refused ($st)") or diag $mosn->hosts_of('c');
my $st2 = admin('POST', "/apply?persist", body => "clusters = ( { name = \"d\"; hosts = ( { address = \"127.0.0.1:$op\"; } ); } );");
ok($st2 != 200 || -e "$mosn->{dir}/runtime.conf", "`persist` of apply is done or refused ($st2)");
is(admin('POST', "/apply?keep=1", body => ''), 409, 'what is no parameter of apply is refused');
is(admin('PUT', "/clusters/c/hosts/127.0.0.1:$op?zone=%zz"), 409, 'and what is no byte');
is(admin('PUT', "/clusters/c/hosts/127.0.0.1:$op?zone=a%0ab"), 409, 'or would end the line');
is(admin('PUT', "/clusters/c/hosts/127.0.0.1:$op?zone=a%20b"), 200, 'a blank is fine');
like(($mosn->ctl('config'))[0], qr{zone = "a b"}, '... as it is');
$mosn->finish; done_testing();
