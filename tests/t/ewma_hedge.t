# peak_ewma with a hedge: a host whose answers are never waited for is slow, and
# not unknown.
use strict; use warnings; use Test::More; use Mosn;
my $good = Mosn::origin(sub { Mosn::ok_response('good') });
my $slow = Mosn::origin(sub { Mosn::sleep(0.5); Mosn::ok_response('slow') });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; hedge = { delay = "50ms"; }; }; } ); } ); } );
clusters = ( { name = "c"; lb = "peak_ewma"; retry_budget = { min_per_second = 1000; }; hosts = ( { address = "127.0.0.1:@{[$good->port]}"; }, { address = "127.0.0.1:@{[$slow->port]}"; } ); } );
E
Mosn::get($mosn->port(1), '/') for 1 .. 20;
my $n = $mosn->stats->{'cluster.c.hedges'};
cmp_ok($n, '<', 12, "the slow host is not asked first each time ($n hedges of 20)");
$mosn->finish; done_testing();
