# A redirect: what the client wrote does not become another host; a host is never empty.
use strict; use warnings; use Test::More; use Mosn;
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { template = "/h/{a}"; }; redirect = { host = "x.example"; path = "{a}"; }; },
  { match = { path = "/n"; }; redirect = { host = "x.example"; path = "new"; }; },
  { match = { path = "/s"; }; redirect = { scheme = "https"; }; },
  { match = { path = "/p"; }; redirect = { port = 8443; }; } ); } ); } );
E
my $p = $mosn->port(1);
sub loc { my $a = Mosn::get($p, $_[0]); return $a->{h}{location}[0] // "none ($a->{status})" }
like(loc('/h/.evil.com'), qr{^http://x\.example(/|$)}, 'a dot');
like(loc('/h/@evil.com'), qr{^http://x\.example(/|$)}, 'an at');
like(loc('/h/:99'), qr{^http://x\.example(/|$)}, 'a colon');
like(loc('/n'), qr{^http://x\.example/}, 'a path without a slash');
for my $path ('/s', '/p') {
  my $t = Mosn::raw($p, "GET $path HTTP/1.0\r\n\r\n", seconds => 3);
  unlike($t, qr{^Location: https?://[:/]}m, "$path: HTTP/1.0 without Host is not sent to nowhere") or diag $t;
}
$mosn->finish; done_testing();
