# REFERENCE, allow_connect: "It has no path: only an empty `match` takes it."
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::server(sub { my ($s) = @_; my $b = ''; while ($b !~ /\r\n\r\n/) { sysread $s, $b, 1000, length $b or return } print $s "HTTP/1.1 200 OK\r\n\r\n"; my ($l) = $b =~ /^(.*?)\r/; print $s $l });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; allow_connect = true; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { path_prefix = "/"; }; route = { cluster = "c"; }; } ); },
 { name = "p"; domains = ["p.test"]; routes = ( { match = { prefix = "/"; }; route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E
like(scalar Mosn::raw($mosn->port(1), "CONNECT p.test:443 HTTP/1.1\r\nHost: p.test\r\n\r\n", seconds => 3), qr/^HTTP\/1.1 404/, 'prefix = "/" does not take CONNECT');
like(scalar Mosn::raw($mosn->port(1), "CONNECT x.test:443 HTTP/1.1\r\nHost: x.test\r\n\r\n", seconds => 3), qr/^HTTP\/1.1 404/, 'nor does path_prefix = "/"');
$mosn->finish; done_testing();
