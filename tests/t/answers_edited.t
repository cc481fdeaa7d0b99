# Edits of answers: which status it is, and of whom it is when no route was
# taken.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { "HTTP/1.1 207 x\r\nContent-Length: 0\r\n\r\n" });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; max_body_bytes = 10; } ); } );
routes = ( { name = "r"; virtual_hosts = (
  { name = "v"; domains = ["v.example"]; headers = { response_set = { x-v = "%response_code%"; }; response_remove = ["date"]; }; routes = (
    { match = { path = "/respond"; }; respond = { status = 404; }; headers = { response_set = { x-r = "%response_code%"; }; }; },
    { match = { path = "/to"; }; redirect = { path = "/"; }; }, { match = { path = "/none"; }; route = { cluster = "none"; }; },
    { match = { path = "/host"; }; route = { cluster = "c"; }; headers = { response_set = { x-r = "%response_code%"; }; }; } ); },
  { name = "w"; domains = ["*"]; routes = ( ); } ); } );
clusters = ( { name = "none"; headers = { response_set = { x-c = "%response_code%"; }; }; hosts = ( { address = "127.0.0.1:1"; } ); },
  { name = "c"; headers = { response_set = { x-c = "%response_code%"; }; }; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E
sub edits { my ($path, $host, %o) = @_; my $r = Mosn::get($mosn->port(1), $path, host => $host, %o); return join ' ', $r->{status}, sort $r->{head} =~ /^(x-\w: \d+|date)/mig }
is(edits('/host', 'v.example'), '207 x-c: 207 x-r: 207 x-v: 207', 'an answer of a host');
is(edits('/respond', 'v.example'), '404 x-r: 404 x-v: 404', 'one of the route');
is(edits('/to', 'v.example'), '301 x-v: 301', 'a redirect');
is(edits('/none', 'v.example'), '502 x-c: 502 x-v: 502', 'a host that is not there') or diag edits('/none', 'v.example');
is(edits('/nowhere', 'v.example'), '404 x-v: 404', 'no route of the virtual host');
like(Mosn::raw($mosn->port(1), "POST /host HTTP/1.1\r\nHost: v.example\r\nContent-Length: 11\r\nConnection: close\r\n\r\n"), qr/\A\S+ 413 .*^x-v: 413\r$/ms, 'a body that is too large');
is(edits('/nowhere', 'other.example'), '404 Date', 'another virtual host') or diag edits('/nowhere', 'other.example');
$mosn->finish; done_testing();
