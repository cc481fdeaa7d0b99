# What is refused before routes are looked at: explain says so.
use strict; use warnings; use Test::More; use Mosn;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "all"; }; } ); } ); } );
E
my ($st) = Mosn::raw($mosn->port(1), "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", seconds => 2) =~ /^HTTP\/1.1 (\d+)/;
like(($mosn->ctl('explain', '@l', 'CONNECT', 'h:443'))[0], qr/^action .*\b$st\b/m, "CONNECT: $st");
$mosn->finish; done_testing();
