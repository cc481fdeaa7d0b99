# A file with clusters and routes is taken as a whole, or not at all; routes are looked at with the clusters of the same file.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { my $r = shift; return Mosn::ok_response('x') }); my $op = $o->port;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "plain"; }; } ); } ); } );
clusters = ( { name = "plain"; hosts = ( { address = "127.0.0.1:$op"; } ); },
  { name = "parts"; subset_selectors = ( ["v"] ); hosts = ( { address = "127.0.0.1:$op"; metadata = { v = "1"; }; } ); } );
E
my $h = "hosts = ( { address = \"127.0.0.1:$op\"; metadata = { v = \"1\"; }; } );";
sub table { return "routes = ( { name = \"r\"; virtual_hosts = ( { name = \"v\"; domains = [\"*\"]; routes = ( { route = { cluster = \"$_[0]\"; subset = { v = \"1\"; }; }; } ); } ); } );" }
is($mosn->apply("clusters = ( { name = \"new\"; subset_selectors = ( [\"v\"] ); $h } ); " . table('new')), '', 'a new cluster with selectors, and routes that use them');
is($mosn->apply("clusters = ( { name = \"plain\"; subset_selectors = ( [\"v\"] ); $h } ); " . table('plain')), '', 'a cluster that gets selectors, and routes that use them');
# back to the beginning
$mosn->apply("routes = ( { name = \"r\"; virtual_hosts = ( { name = \"v\"; domains = [\"*\"]; routes = ( { route = { cluster = \"plain\"; }; } ); } ); } );");
my $before = $mosn->status->{change};
my $said = $mosn->apply("clusters = ( { name = \"parts\"; $h } ); " . table('parts'));
note $said;
isnt($said, '', 'a cluster that loses its selectors, and routes that want them: refused');
is($mosn->status->{change}, $before, 'and nothing of it is done');
like(($mosn->ctl('config'))[0], qr/name = "parts";(?:(?!name = ").)*subset_selectors/s, 'the cluster is as it was');
$mosn->finish; done_testing();
