# max_retries: "Requests under way that are repeated": hedges are.
use strict; use warnings; use Test::More; use Mosn;
my $dir = Mosn::new_dir();
my @h = map { Mosn::origin(sub { Mosn::wait_for(sub { -e "$dir/go" }); Mosn::ok_response('x') }) } 0 .. 1;
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; hedge = { delay = "200ms"; }; }; } ); } ); } );
clusters = ( { name = "c"; circuit_breaker = { max_retries = 1; }; retry_budget = { min_per_second = 1000; }; hosts = ( { address = "127.0.0.1:@{[$h[0]->port]}"; }, { address = "127.0.0.1:@{[$h[1]->port]}"; } ); } );
E
my @s = map { my $s = Mosn::connect_to($mosn->port(1)); print $s "GET / HTTP/1.1\r\nHost: x\r\n\r\n"; $s } 1 .. 6;
Mosn::wait_for(sub { $mosn->stats->{'cluster.c.requests'} >= 7 });
Mosn::sleep(0.5);
is($mosn->stats->{'cluster.c.hedges'}, 1, 'one hedge at a time');
open my $f, '>', "$dir/go"; close $f;
$mosn->finish; done_testing();
