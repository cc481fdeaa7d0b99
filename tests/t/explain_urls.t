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
$mosn->finish;

# By what TLS begins with: the name of an https URL, and what is offered.
my $dir = Mosn::certificates('a.test', 'b.test');
sub chain {
    my ($match, $cert, $routes) = @_;
    my $tls = $cert ? qq(tls = { certificates = ( { certificate = "$dir/$cert.pem"; private_key = "$dir/$cert.key"; } ); alpn = ["h2", "http/1.1"]; };) : '';
    return qq({ match = { $match }; $tls filters = ( { type = "proxy"; routes = "$routes"; } ); });
}
my $tables = join ', ', map { qq({ name = "$_"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "$_"; }; } ); } ); }) } qw(a b two raw);
my $chains = join ', ', chain('server_names = ["a.test"];', 'a.test', 'a'), chain('server_names = ["b.test"];', 'b.test', 'b'),
    chain('server_names = ["b.test"]; application_protocols = ["h2"];', 'b.test', 'two'), chain('transport_protocol = "raw";', '', 'raw');
my $tests = join ', ', map { qq({ name = "$_->[0]"; request = "GET $_->[0]://$_->[1]/"; status = 200; $_->[2] }) }
    [ 'https', 'a.test', '' ], [ 'http', 'a.test', '' ], [ 'https', 'b.test', 'application_protocols = ["h2", "http/1.1"];' ];
$mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filter_chains = ( $chains ); } );
routes = ( $tables );
clusters = ();
tests = ( $tests );
E
my $port = $mosn->port(1);
for my $case ([ 'a', 'https://a.test', '--http1.1' ], [ 'b', 'https://b.test', '--http1.1', 'alpn=http/1.1' ], [ 'two', 'https://b.test', '--http2', 'alpn=h2,http/1.1' ],
    [ 'raw', 'http://a.test', '' ], [ 'a', 'https://a.test', '--http2', 'sni=a.test', 'alpn=h2' ])
{
    my ($table, $url, $curl, @more) = @$case;
    my ($host) = $url =~ m{//(.*)};
    is(`curl -s --max-time 5 --cacert $dir/ca.pem --resolve $host:$port:127.0.0.1 $curl $url:$port/`, $table, "$url $curl: served");
    ($said) = $mosn->ctl('explain', 'GET', "$url:$port/", @more);
    like($said, qr/^routes     $table$/m, "@more: explained the same");
}
for my $case ([ 'https://127.0.0.1/', qr/no listener has routes/ ], [ 'https://c.test/', qr/no listener has routes/ ], [ 'http://a.test/', qr/a protocol has 1 to 255/, 'alpn=h2,' ]) {
    my ($url, $what, @more) = @$case;
    like(($mosn->ctl('explain', 'GET', $url, @more))[0], $what, "$url: who asks so gets nothing");
}
$mosn->finish;

# A port with TLS beside one without.
$mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "plain"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "raw"; } ); },
  { name = "tls"; address = "127.0.0.1:%%PORT2%%"; tls = { certificates = ( { certificate = "$dir/a.test.pem"; private_key = "$dir/a.test.key"; } ); };
    filters = ( { type = "proxy"; routes = "a"; } ); } );
routes = ( $tables );
clusters = ();
tests = ( { name = "with"; request = "GET https://a.test/"; status = 200; } );
E
for my $case ([ 'https://a.test/', 'tls' ], [ 'http://a.test/', 'plain' ], [ '/', 'plain' ], [ '//a.test/', 'plain' ]) {
    my ($url, $listener) = @$case;
    like(($mosn->ctl('explain', 'GET', $url))[0], qr/^listener   $listener,/, "$url goes to $listener");
}
like(($mosn->ctl('explain', '@plain', 'GET', 'https://a.test/'))[0], qr/^listener   plain,/, 'unless another one is asked');
$mosn->finish;
done_testing();
