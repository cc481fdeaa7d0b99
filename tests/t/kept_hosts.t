# Hosts that are kept, of a cluster of which more was changed and not kept:
# what the file says of it stays, and the configuration is usable.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { return Mosn::ok_response('o') }); my $at = '127.0.0.1:' . $o->port;
my $mosn = Mosn->prepare; $mosn->write_conf(<<"E", whole => 1);
workers = 1; user = "root"; error_log = { path = "%%DIR%%/error.log"; level = "info"; };
admin = { address = "127.0.0.1:%%PORT0%%"; allow_changes = true; };
control_socket = "%%DIR%%/control.sock"; runtime_file = "%%DIR%%/runtime.conf";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; subset = { v = "1"; }; }; } ); } ); } );
clusters = ( { name = "c"; subset_selectors = ( ["v"] ); hosts = ( { address = "$at"; metadata = { v = "1"; }; } ); },
  { name = "d"; hosts = ( { address = "$at"; } ); } );
E
$mosn->run;
is($mosn->apply(qq|clusters = ( { name = "c"; hosts = ( { address = "$at"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );|), '', 'no selectors any more, not kept');
is(($mosn->ctl('host', 'add', 'c', '127.0.0.1:9', '--persist'))[1], 0, 'a host is added, and kept');
is(($mosn->ctl('check', $mosn->{conf}))[1], 0, 'the configuration can be used');
is(($mosn->ctl('reload'))[1], 0, 'a reload does');
is($mosn->set_of('c'), join(' ', sort '127.0.0.1:9', $at), 'the host is there');
like(Mosn::slurp("$mosn->{dir}/runtime.conf"), qr/subset_selectors/, 'and the selectors of the file');

# Over the admin address; what cannot be meant is refused.
sub admin { my ($method, $path) = @_; return Mosn::get($mosn->port(0), $path, method => $method, body => '') }
is(admin('POST', '/clusters/d/hosts/127.0.0.1:7?persist=1')->{status}, 200, 'persist=1');
is(admin('POST', '/clusters/d/hosts/127.0.0.1:8?persist=true')->{status}, 200, 'persist=true');
is(admin('DELETE', '/clusters/d/hosts/127.0.0.1:7?persist=1')->{status}, 200, 'and when one goes');
is(($mosn->ctl('reload'))[1], 0, 'a reload');
is($mosn->set_of('d'), join(' ', sort '127.0.0.1:8', $at), 'knows it all');
is(admin('POST', '/clusters/d/hosts/127.0.0.1:6?persist=perhaps')->{status}, 409, 'persist=perhaps is refused');
is(admin('DELETE', '/clusters/d/hosts/127.0.0.1:8?state=drain')->{status}, 409, 'so are settings of one that goes');
isnt(($mosn->ctl('host', 'remove', 'd', '127.0.0.1:8', 'nonsense'))[1], 0, 'and words behind it');
is($mosn->set_of('d'), join(' ', sort '127.0.0.1:8', $at), 'nothing has changed');
$mosn->finish; done_testing();
