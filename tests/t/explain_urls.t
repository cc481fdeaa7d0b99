# What mosnctl explains is what is served: URLs with "://" in the query, and
# what browsers ask beforehand.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { my $r = shift; Mosn::ok_response("$r->{path}") });
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; allow_connect = true;
 access_log = ( { path = "%%DIR%%/access.log"; format = "%request_uri% %route_name% %response_code%"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = (
 { name = "v"; domains = ["*"]; routes = (
  { name = "post"; match = { path = "/cors"; methods = ["POST"]; }; cors = { allow_origins = ["https://a.example"]; }; route = { cluster = "c"; }; },
  { name = "login"; match = { path = "/login"; }; route = { cluster = "c"; }; },
  { name = "here"; match = { path = "/here"; }; respond = { status = 200; body = "ok"; }; },
  { name = "rest"; match = { prefix = "/"; }; route = { cluster = "c"; }; } ); },
 { name = "evil"; domains = ["evil.example"]; routes = ( { name = "evil"; respond = { status = 403; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E
sub served { my ($m, $u, @h) = @_; Mosn::get($mosn->port(1), $u, method => $m, headers => [@h]); my $l; Mosn::wait_for(sub { ($l) = Mosn::slurp("$mosn->{dir}/access.log") =~ /^\Q$u\E (\S+ \d+)$/m }); return $l }
is(served('GET', '/login?next=http://evil.example/x'), 'login 200', 'served');
my ($said) = $mosn->ctl('explain', 'GET', '/login?next=http://evil.example/x');
diag($said);
like($said, qr/login .*: matches/, 'explained the same');
is(served('OPTIONS', '/cors', 'Origin: https://a.example', 'Access-Control-Request-Method: POST'), 'post 204', 'a browser asks: answered');
($said) = $mosn->ctl('explain', 'OPTIONS', '/cors', 'Origin: https://a.example', 'Access-Control-Request-Method: POST');
diag($said);
like($said, qr/action +answer 204/, 'explained the same');
unlike($said, qr/forward to c/, 'not as a request of its own');
$mosn->finish; done_testing();
