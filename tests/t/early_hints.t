# Bytes of an answer that reached the client end retries and hedges.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { return "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 503 X\r\nContent-Length: 4\r\n\r\noops" });
my $op = $o->port;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; retry = { on = ["5xx"]; attempts = 3; backoff = "1ms"; }; }; } ); } ); } );
clusters = ( { name = "c"; retry_budget = { min_per_second = 100; }; hosts = ( { address = "127.0.0.1:$op"; } ); } );
E
my $t = Mosn::raw($mosn->port(1), "POST /pay HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
is(scalar(() = $t =~ /103 Early/g), 1, 'the client sees the hints of one attempt') or diag $t;
is(scalar(my @r = $o->requests), 1, 'and nobody is asked again once it has');

# A client of HTTP/1.0 hears of no hints: for it they end nothing.
my $good = Mosn::origin(sub { Mosn::ok_response('good') });
my $hints = Mosn::server(sub { my ($s) = @_; while (<$s>) { last if $_ eq "\r\n" } print $s "HTTP/1.1 103 Early Hints\r\nLink: </first>\r\n\r\n"; sleep 1; print $s "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst" });
sub two { my ($route, @ports) = @_; return qq|routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; $route }; } ); } ); } );
clusters = ( { name = "c"; lb = "round_robin"; retry_budget = { min_per_second = 100; }; hosts = ( { address = "127.0.0.1:$ports[0]"; }, { address = "127.0.0.1:$ports[1]"; } ); } );| }
is($mosn->apply(two('retry = { on = ["5xx"]; attempts = 3; backoff = "1ms"; };', $op, $good->port)), '', 'a host with hints that fails, and one that is well');
like(Mosn::raw($mosn->port(1), "GET / HTTP/1.0\r\nHost: h\r\n\r\n"), qr/\A\S+ 200 .*good/s, 'a client of HTTP/1.0 gets the answer of the latter') for 1 .. 4;
is($mosn->apply(two('hedge = { delay = "200ms"; };', $hints->port, $good->port)), '', 'a slow host with hints, and a hedge');
unlike(Mosn::raw($mosn->port(1), "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), qr/first.*good/s, 'the answer is of whom the hints were') for 1 .. 2;
$mosn->finish; done_testing();
