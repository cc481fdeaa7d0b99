# routing.t - what routes do to requests and answers, end to end.

use strict;
use warnings;
use Test::More;
use Mosn;

my %of;    # by name, an origin that says who it is and what it saw
for my $name (qw(a b c shadow)) {
    $of{$name} = Mosn::origin(sub {
        my $r = shift;
        my $extra = "X-Origin: $name\r\nAccess-Control-Allow-Origin: nobody\r\n"
            . "X-Inner: secret\r\n";
        return Mosn::ok_response("$name $r->{method} $r->{path}", $extra);
    });
}
my $slow = Mosn::server(sub {
    my ($s, $log) = @_;
    my $reader = Mosn::Reader->new($s);
    while (my $r = $reader->message(1)) {
        Mosn::say_to($log, "$r->{head}$r->{raw_body}\0");
        sleep 30;
    }
});

my $dir = Mosn::new_dir();
open my $f, '>', "$dir/page.html" or die;
print $f "<h1>down for a moment</h1>\n";
close $f;
chmod 0755, $dir;

my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
  filters = ( { type = "proxy"; routes = "r";
    access_log = ( { path = "%%DIR%%/access.log"; format = "%request_uri% %response_code% %route_name% %upstream_cluster%"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = (
  { name = "cors"; domains = ["cors.example"];
    cors = { allow_origins = ["https://a.example", "https://*.b.example"]; allow_methods = ["GET", "PUT"];
             allow_headers = ["x-token"]; expose_headers = ["x-origin"]; allow_credentials = true; max_age = "1h"; };
    headers = { request_remove = ["origin"]; };
    routes = ( { match = { path = "/get"; methods = ["PUT"]; }; route = { cluster = "a"; }; },
               { match = { path = "/any"; }; cors = { allow_origins = ["*"]; }; route = { cluster = "a"; }; },
               { route = { cluster = "a"; }; } ); },
  { name = "v"; domains = ["*"];
    headers = { response_set = { x-served-by = "mosn %upstream_cluster%"; }; response_remove = ["x-inner"]; };
    routes = (
    { match = { path_prefix = "/api"; methods = ["GET"]; }; route = { cluster = "a"; prefix_rewrite = "/v2"; };
      headers = { request_set = { x-was = "%request_uri%"; x-client = "%downstream_remote_host%"; }; }; query = { add = { via = "mosn"; }; }; },
    { match = { path_prefix = "/api"; }; route = { cluster = "b"; }; },
    { match = { template = "/u/{id}/{*rest}"; }; route = { cluster = "a"; path_rewrite = "/{rest}"; host_rewrite = "%request_header_x-tenant%.local"; }; },
    { match = { path_regex = "^/(r|s)[0-9]+\$"; }; route = { cluster = "b"; regex_rewrite = { regex = "[0-9]+"; substitution = "n"; }; }; },
    { match = { path = "/where"; query = ( { name = "to"; exact = "b"; } ); }; route = { cluster = "b"; }; },
    { match = { path = "/where"; cookies = ( { name = "to"; exact = "c"; } ); }; route = { cluster = "c"; }; },
    { match = { path = "/where"; headers = ( { name = "x-n"; range = { from = 5; to = 7; }; } ); }; route = { cluster = "c"; }; },
    { match = { path = "/where"; source_addresses = ["127.0.0.0/8"]; }; route = { cluster = "a"; }; },
    { match = { path = "/var"; variables = ( { name = "listener"; exact = "l"; } ); }; respond = { status = 200; body = "yes\\n"; }; },
    { match = { path = "/split"; }; route = { clusters = ( { name = "a"; weight = 50; }, { name = "b"; weight = 30; }, { name = "c"; weight = 20; } ); }; },
    { match = { path = "/named"; }; route = { cluster_header = "x-cluster"; }; },
    { match = { path = "/half"; percent = 50.0; }; route = { cluster = "a"; }; },
    { match = { path = "/half"; }; route = { cluster = "b"; }; },
    { match = { path = "/down"; }; respond = { status = 503; body_file = "$dir/page.html"; content_type = "text/html"; }; headers = { response_set = { retry-after = "5"; }; }; },
    { match = { path = "/mirror"; }; route = { cluster = "a"; mirror = ( { cluster = "shadow"; }, { cluster = "slow"; }, { cluster = "dead"; } ); }; },
    { match = { path = "/some"; }; route = { cluster = "a"; mirror = ( { cluster = "shadow"; percent = 0.0; } ); }; },
    { match = { prefix = "/hash/"; }; route = { cluster = "hashed"; hash = ( { header = "x-user"; terminal = true; }, { query = "u"; terminal = true; }, { cookie = "h"; ttl = "60s"; } ); }; },
    { match = { prefix = "/sticky"; }; route = { cluster = "sticky"; }; },
    { match = { prefix = "/subset/v1"; }; route = { cluster = "parts"; subset = { version = "1"; }; }; },
    { match = { prefix = "/subset/v2"; }; route = { cluster = "parts"; subset = { version = "2"; }; }; },
    { match = { prefix = "/subset/v3"; }; route = { cluster = "parts"; subset = { version = "3"; }; }; },
    { match = { path = "/moved"; }; redirect = { scheme = "https"; port = 8443; }; } ); } ); } );
clusters = ( { name = "a"; headers = { request_set = { x-to = "%upstream_cluster%"; }; }; hosts = ( { address = "127.0.0.1:@{[$of{a}->port]}"; } ); },
  { name = "b"; hosts = ( { address = "127.0.0.1:@{[$of{b}->port]}"; } ); },
  { name = "c"; hosts = ( { address = "127.0.0.1:@{[$of{c}->port]}"; } ); },
  { name = "shadow"; hosts = ( { address = "127.0.0.1:@{[$of{shadow}->port]}"; } ); },
  { name = "slow"; hosts = ( { address = "127.0.0.1:@{[$slow->port]}"; } ); },
  { name = "dead"; hosts = ( { address = "127.0.0.1:1"; } ); },
  { name = "hashed"; lb = "maglev"; hosts = ( { address = "127.0.0.1:@{[$of{a}->port]}"; }, { address = "127.0.0.1:@{[$of{b}->port]}"; }, { address = "127.0.0.1:@{[$of{c}->port]}"; } ); },
  { name = "sticky"; sticky = { cookie = "at"; ttl = "1h"; }; hosts = ( { address = "127.0.0.1:@{[$of{a}->port]}"; }, { address = "127.0.0.1:@{[$of{b}->port]}"; }, { address = "127.0.0.1:@{[$of{c}->port]}"; } ); },
  { name = "parts"; subset_selectors = ( ["version"] ); hosts = ( { address = "127.0.0.1:@{[$of{a}->port]}"; metadata = { version = "1"; }; },
    { address = "127.0.0.1:@{[$of{b}->port]}"; metadata = { version = "2"; }; } ); } );
E
my $port = $mosn->port(1);
sub ask { return Mosn::get($port, @_) }
sub last_head { my @r = $of{ $_[0] }->requests; return $r[-1] }

# --- match and rewrite

my $a = ask('/api/x?q=1');
is($a->{body}, 'a GET /v2/x?q=1&via=mosn', 'path_prefix, rewritten, with a query of ours');
like(last_head('a'), qr/^x-was: \/api\/x\?q=1\r$/mi, 'a variable in a header');
like(last_head('a'), qr/^x-client: 127\.0\.0\.1\r$/mi, 'and another');
like(last_head('a'), qr/^x-to: a\r$/mi, 'and one of the cluster');
is($a->{h}{'x-served-by'}[0], 'mosn a', 'a header of the answer');
ok(!$a->{h}{'x-inner'}, 'one is taken off');
is(ask('/api/x', method => 'PUT', body => 'x')->{body}, 'b PUT /api/x', 'another method, another route');
is(ask('/apis')->{status}, 404, 'no segment of it');
is(ask('/u/7/a/b', headers => ['x-tenant: t1'])->{body}, 'a GET /a/b', 'a template');
like(last_head('a'), qr/^Host: t1\.local\r$/mi, 'a host of a header');
is(ask('/r12')->{body}, 'b GET /rn', 'an expression');
is(ask('/where?to=b')->{body}, 'b GET /where?to=b', 'a parameter of the query');
is(ask('/where', headers => ['Cookie: x=1; to=c'])->{body}, 'c GET /where', 'a cookie');
is(ask('/where', headers => ['X-N: 6'])->{body}, 'c GET /where', 'a range');
is(ask('/where', headers => ['X-N: 8'])->{body}, 'a GET /where', 'an address');
is(ask('/var')->{body}, "yes\n", 'a variable');
is(ask('/named', headers => ['x-cluster: c'])->{body}, 'c GET /named', 'a cluster that a header names');
is(ask('/named', headers => ['x-cluster: zzz'])->{status}, 503, 'and one that is not there');
is(ask('/moved')->{h}{location}[0], 'https://test.example:8443/moved', 'another port');
$a = ask('/down');
is("$a->{status} $a->{body}", "503 <h1>down for a moment</h1>\n", 'a body of a file');
is($a->{h}{'retry-after'}[0], 5, 'with a header');

my %got;
$got{ substr ask('/split')->{body}, 0, 1 }++ for 1 .. 300;
ok($got{a} > 110 && $got{b} > 55 && $got{c} > 30, "shares $got{a}, $got{b}, $got{c} of 50, 30, 20");
%got = ();
$got{ substr ask('/half')->{body}, 0, 1 }++ for 1 .. 200;
ok($got{a} > 60 && $got{b} > 60, "a half: $got{a} and $got{b}");

# --- mirrors

my $t = Mosn::time();
$a = ask('/mirror', method => 'POST', body => 'x' x 1000);
is($a->{body}, 'a POST /mirror', 'the original is answered');
ok(Mosn::time() - $t < 5, 'and does not wait for a copy');
ok(Mosn::wait_for(sub { grep { /^POST \/mirror .*x{1000}$/s } $of{shadow}->requests }), 'the copy has all of it');
ok(Mosn::wait_for(sub { $slow->seen =~ /x{1000}/ }), 'so has the slow one');
ask('/some');
is(scalar(grep { m{/some} } $of{shadow}->requests), 0, 'none for nobody');

# --- hashes and cookies

my %at;
for my $user (1 .. 40) {
    $at{$user}{ substr ask("/hash/$_", headers => ["x-user: u$user"])->{body}, 0, 1 }++ for 1 .. 3;
}
is(scalar(grep { keys %{ $at{$_} } != 1 } keys %at), 0, 'each user has one host');
my %used = map { map { $_ => 1 } keys %{ $at{$_} } } keys %at;
is(join('', sort keys %used), 'abc', 'and all hosts have users');
%got = map { substr(ask("/hash/x?u=7")->{body}, 0, 1) => 1 } 1 .. 8;
is(scalar keys %got, 1, 'by a parameter');
$a = ask('/hash/new');
my ($cookie) = ($a->{h}{'set-cookie'}[0] // '') =~ /^(h=[0-9a-f]{16}); Path=\/; Max-Age=60; HttpOnly$/;
ok($cookie, 'a client without anything gets a cookie');
my $first = substr $a->{body}, 0, 1;
%got = map { substr(ask('/hash/again', headers => ["Cookie: $cookie"])->{body}, 0, 1) => 1 } 1 .. 8;
is(join('', keys %got), $first, 'and stays where it was');
ok(!ask('/hash/again', headers => ["Cookie: $cookie"])->{h}{'set-cookie'}, 'without another one');

$a = ask('/sticky');
($cookie) = ($a->{h}{'set-cookie'}[0] // '') =~ /^(at=[0-9a-f]{16}); Path=\/; Max-Age=3600; HttpOnly$/;
ok($cookie, 'a sticky cookie') or diag($a->{head});
$first = substr $a->{body}, 0, 1;
%got = map { substr(ask('/sticky', headers => ["Cookie: $cookie"])->{body}, 0, 1) => 1 } 1 .. 9;
is(join('', keys %got), $first, 'keeps its host');
$a = ask('/sticky', headers => ['Cookie: at=0123456789abcdef']);
ok($a->{status} == 200 && $a->{h}{'set-cookie'}, 'one of no host is replaced');

# --- subsets

is(ask('/subset/v1')->{body}, 'a GET /subset/v1', 'version 1') for 1 .. 3;
is(ask('/subset/v2')->{body}, 'b GET /subset/v2', 'version 2') for 1 .. 3;
is(ask('/subset/v3')->{status}, 503, 'nobody has version 3');

# --- CORS

sub page { my ($path, $origin, %o) = @_; return ask($path, host => 'cors.example', headers => ["Origin: $origin", @{ $o{headers} // [] }], method => $o{method}) }
$a = page('/x', 'https://a.example');
is($a->{h}{'access-control-allow-origin'}[0], 'https://a.example', 'a page may');
is(scalar @{ $a->{h}{'access-control-allow-origin'} }, 1, 'whatever the origin says of it');
is($a->{h}{'access-control-allow-credentials'}[0], 'true', 'with credentials');
is($a->{h}{'access-control-expose-headers'}[0], 'x-origin', 'and may read');
is($a->{h}{vary}[0], 'Origin', 'caches know');
$a = page('/x', 'https://www.b.example');
is($a->{h}{'access-control-allow-origin'}[0], 'https://www.b.example', 'by a pattern');
for my $evil ('https://a.example.evil', 'https://evil/x.b.example', 'https://b.example', 'null', 'http://a.example') {
    $a = page('/x', $evil);
    ok($a->{status} == 200 && !$a->{h}{'access-control-allow-origin'}, "$evil may not");
}
my $before = () = $of{a}->requests;
$a = page('/x', 'https://a.example', method => 'OPTIONS', headers => ['Access-Control-Request-Method: PUT']);
is($a->{status}, 204, 'a browser asks beforehand');
is($a->{h}{'access-control-allow-methods'}[0], 'GET, PUT', 'methods');
is($a->{h}{'access-control-allow-headers'}[0], 'x-token', 'headers');
is($a->{h}{'access-control-max-age'}[0], 3600, 'and for how long');
$a = page('/x', 'https://evil.example', method => 'OPTIONS', headers => ['Access-Control-Request-Method: PUT']);
ok($a->{status} == 204 && !$a->{h}{'access-control-allow-methods'}, 'another page learns nothing');
is(scalar(() = $of{a}->requests), $before, 'the origin was not asked');
$a = page('/get', 'https://a.example', method => 'OPTIONS', headers => ['Access-Control-Request-Method: PUT']);
is($a->{status}, 204, 'the route is that of the request to come');
ok($a->{h}{'access-control-allow-methods'}, 'and allows it');
is(page('/any', 'https://whoever')->{h}{'access-control-allow-origin'}[0], '*', 'a route of its own mind');
is(ask('/x', host => 'cors.example')->{status}, 200, 'no browser, no matter');

$mosn->finish;
like(Mosn::slurp("$mosn->{dir}/access.log"), qr{^/r12 200 v\[3\] b$}m, 'the log names route and cluster');
done_testing();
