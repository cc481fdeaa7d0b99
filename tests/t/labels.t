# Metadata with names that libconfig cannot write: labels of Kubernetes.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { Mosn::ok_response('x') }); my $p = $o->port;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; subset = ( ["app.k8s.io/x", "1"] ); }; } ); } ); } );
clusters = ( { name = "c"; subset_selectors = ( ["app.k8s.io/x"] ); hosts = ( { address = "127.0.0.1:$p"; } ); } );
E
is(Mosn::get($mosn->port(1), '/')->{status}, 503, 'no host has it');
is(($mosn->ctl('host', 'set', 'c', "127.0.0.1:$p", 'app.k8s.io/x=1'))[1], 0, 'a label of Kubernetes');
ok(Mosn::wait_for(sub { Mosn::get($mosn->port(1), '/')->{status} == 200 }), 'is one of metadata');
is(($mosn->ctl('reload'))[1], 0, 'reload');
$mosn->finish; done_testing();
