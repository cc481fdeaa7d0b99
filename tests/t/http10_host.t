# An HTTP/1.0 request without a Host that is sent again names the host that it
# goes to, not the one that failed.
use strict; use warnings; use Test::More; use Mosn;
my $o = sub { my $bad = shift; Mosn::origin(sub { my $r = shift; $bad ? "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n" : Mosn::ok_response($r->{h}{host}[0]) }) };
my ($a, $b) = ($o->(1), $o->(0));
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; retry = { on = ["5xx"]; }; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; retry_budget = { min_per_second = 100; }; hosts = ( { address = "127.0.0.1:@{[$a->port]}"; }, { address = "127.0.0.1:@{[$b->port]}"; } ); } );
E
for (1 .. 4) { my $t = Mosn::raw($mosn->port(1), "GET / HTTP/1.0\r\n\r\n", seconds => 5); my ($body) = $t =~ /\r\n\r\n(.*)/s; is($body, '127.0.0.1:' . $b->port, 'its own name') }
$mosn->finish; done_testing();
