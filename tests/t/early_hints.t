# Bytes of an answer that reached the client end the retries.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { return "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 503 X\r\nContent-Length: 4\r\n\r\noops" });
my $op = $o->port;
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; retry = { on = ["5xx"]; attempts = 3; backoff = "1ms"; }; }; } ); } ); } );
clusters = ( { name = "c"; retry_budget = { min_per_second = 100; }; hosts = ( { address = "127.0.0.1:$op"; } ); } );
E
my $t = Mosn::raw($mosn->port(1), "POST /pay HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
is(scalar(() = $t =~ /103 Early/g), 1, 'the client sees the hints of one attempt') or diag $t;
is(scalar(my @r = $o->requests), 1, 'and nobody is asked again once it has');
$mosn->finish; done_testing();
