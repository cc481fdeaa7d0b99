# peak_ewma: a host whose answers are all retried is not unknown for ever.
use strict; use warnings; use Test::More; use Mosn;
my $good = Mosn::origin(sub { Mosn::ok_response('good') });
my $bad = Mosn::origin(sub { Mosn::sleep(0.05); "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n" });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; retry = { on = ["5xx"]; backoff = "1ms"; }; }; } ); } ); } );
clusters = ( { name = "c"; lb = "peak_ewma"; retry_budget = { min_per_second = 1000; }; hosts = ( { address = "127.0.0.1:@{[$good->port]}"; }, { address = "127.0.0.1:@{[$bad->port]}"; } ); } );
E
is((scalar grep { Mosn::get($mosn->port(1), '/')->{status} == 200 } 1 .. 40), 40, 'all are answered by the good one');
my $n = () = $bad->requests;
cmp_ok($n, '<', 25, "the one that takes 50 ms to say 503 was not asked first each time ($n of 40)");
$mosn->finish; done_testing();
