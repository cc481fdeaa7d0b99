# The only host of the first priority refuses connections: "it never left:
# another host may have it".
use strict; use warnings; use Test::More; use Mosn;
my $good = Mosn::origin(sub { Mosn::ok_response("fine") }); my $dead = Mosn::free_port();
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { path = "/none"; }; route = { cluster = "c"; }; }, { route = { cluster = "c"; retry = { on = ["5xx"]; attempts = 6; backoff = "1ms"; }; }; } ); } ); } );
clusters = ( { name = "c"; retry_budget = { min_per_second = 100; }; hosts = ( { address = "127.0.0.1:$dead"; }, { address = "127.0.0.1:@{[$good->port]}"; priority = 1; } ); } );
E
is(Mosn::get($mosn->port(1), '/none')->{status}, 200, 'what never left goes to another host') for 1 .. 3;
is(Mosn::get($mosn->port(1), '/retry')->{status}, 200, 'and so does a retry') for 1 .. 3;
$mosn->finish; done_testing();
