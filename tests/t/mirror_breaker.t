# Copies are requests of the cluster that gets them: its max_requests counts.
use strict; use warnings; use Test::More; use Mosn;
my $good = Mosn::origin(sub { Mosn::ok_response("fine") });
my $slow = Mosn::origin(sub { Mosn::sleep(1); Mosn::ok_response("fine") });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; mirror = ( { cluster = "m"; } ); }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$good->port]}"; } ); }, { name = "m"; circuit_breaker = { max_requests = 1; }; hosts = ( { address = "127.0.0.1:@{[$slow->port]}"; } ); } );
E
Mosn::get($mosn->port(1), "/$_") for 1 .. 6;
ok(Mosn::wait_for(sub { $mosn->stats->{'cluster.m.requests_active'} == 1 }), 'a copy is under way');
is(scalar($slow->requests), 1, 'and no other one');
$mosn->finish; done_testing();
