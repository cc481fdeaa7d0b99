# http1_basic.t - requests and responses of every ordinary shape.

use strict;
use warnings;
use Test::More;
use Mosn;

my $origin = Mosn::origin(sub {
    my $r = shift;
    my $p = $r->{path};
    return "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"
        if $r->{method} eq 'HEAD';
    return Mosn::ok_response("you asked for $p", "X-Origin: yes\r\n")
        if $p =~ m{^/plain};
    return Mosn::ok_response($r->{body}) if $p eq '/echo';
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
        . "Trailer: X-Sum\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n"
        . "X-Sum: 11\r\nContent-Length: 3\r\n\r\n" if $p eq '/chunked';
    if ($p eq '/close') {
        $r->{close} = 1;
        return "HTTP/1.1 200 OK\r\n\r\nuntil the end";
    }
    if ($p eq '/http10') {
        $r->{close} = 1;
        return "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold";
    }
    return "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"
        if $p eq '/204';
    return "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n"
        . "Content-Length: 99\r\n\r\n" if $p eq '/304';
    return "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        . Mosn::ok_response("after hints") if $p eq '/hints';
    return "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Secret\r\n"
        . "X-Secret: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 2\r\n"
        . "Content-Length: 2\r\n\r\nok" if $p eq '/hop';
    return Mosn::ok_response("default");
});

my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
  filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c";
  hosts = ( { address = "127.0.0.1:$origin->{port}"; } ); } );
E
my $port = $mosn->port(1);

my $a = Mosn::get($port, "/plain?q=1");
is($a->{status}, 200, 'a GET is answered');
is($a->{body}, 'you asked for /plain?q=1', 'path and query arrive');
is($a->{h}{'x-origin'}[0], 'yes', 'a header of the origin passes');
my ($seen) = $origin->requests;
like($seen, qr/^GET \/plain\?q=1 HTTP\/1\.1\r\nHost: test\.example\r\n/,
    'one Host, directly behind the request line');
like($seen, qr/^X-Forwarded-For: 127\.0\.0\.1\r$/m, 'X-Forwarded-For is added');
like($seen, qr/^X-Forwarded-Proto: http\r$/m, 'X-Forwarded-Proto is added');
like($seen, qr/^X-Request-Id: [0-9a-f]{32}\r$/m, 'X-Request-Id is made');

$a = Mosn::get($port, "/echo", method => 'POST', body => 'x' x 100_000);
is($a->{body}, 'x' x 100_000, 'a body of 100,000 bytes comes back');

$a = Mosn::get($port, "/chunked");
is($a->{body}, 'hello world', 'a chunked response is whole');
like($a->{trailers}, qr/^X-Sum: 11\r$/m, 'its trailer passes');
unlike($a->{trailers}, qr/Content-Length/i, 'a forbidden trailer does not');

for my $path ('/close', '/http10') {
    $a = Mosn::get($port, $path);
    is($a->{body}, $path eq '/close' ? 'until the end' : 'old',
        "$path: a response that ends with its connection");
    is($a->{h}{'transfer-encoding'}[0], 'chunked', "$path: is sent in chunks");
}

my $s = Mosn::connect_to($port);
my $reader = Mosn::Reader->new($s);
print $s "GET /plain/1 HTTP/1.1\r\nHost: a\r\n\r\n"
    . "GET /chunked HTTP/1.1\r\nHost: a\r\n\r\n"
    . "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    . "GET /plain/2 HTTP/1.1\r\nHost: a\r\n\r\n";
is($reader->message(0)->{body}, 'you asked for /plain/1', 'pipelined: first');
is($reader->message(0)->{body}, 'hello world', 'pipelined: second');
is($reader->message(0)->{body}, 'abc', 'pipelined: third, with a body');
is($reader->message(0)->{body}, 'you asked for /plain/2', 'pipelined: last');

print $s "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    . "4\r\nwiki\r\n5;ext=\"q;uo\\\"ted\"\r\npedia\r\n0\r\nX-T: 1\r\n\r\n";
is($reader->message(0)->{body}, 'wikipedia', 'a chunked request is whole');
my $last = ($origin->requests)[-1];
like($last, qr/^Transfer-Encoding: chunked\r$/m, 'it is sent on in chunks');
unlike($last, qr/ext/, 'without its extensions');
like($last, qr/X-T: 1\r\n\r\n$/, 'with its trailer');

$a = Mosn::get($port, "/head", method => 'HEAD');
is($a->{status}, 200, 'HEAD is answered');
is($a->{h}{'content-length'}[0], 1234, 'HEAD tells the length');
$a = Mosn::get($port, "/204");
is($a->{status}, 204, '204 passes');
ok(!$a->{h}{'content-length'}, '204 has no Content-Length');
$a = Mosn::get($port, "/304");
is($a->{h}{'content-length'}[0], 99, '304 may tell a length');
print $s "GET /plain/3 HTTP/1.1\r\nHost: a\r\n\r\n";
is($reader->message(0)->{body}, 'you asked for /plain/3',
    'the connection goes on');

print $s "GET /hints HTTP/1.1\r\nHost: a\r\n\r\n";
is($reader->message(0)->{status}, 103, '103 is relayed');
is($reader->message(0)->{body}, 'after hints', 'and the answer follows');
my $got = Mosn::raw($port, "GET /hints HTTP/1.0\r\n\r\n");
unlike($got, qr/103/, 'an HTTP/1.0 client gets no 103');
like($got, qr/^HTTP\/1\.1 200 .*\r\nConnection: close\r\n/s,
    'and is told that the connection closes');

$a = Mosn::get($port, "/hop", headers => ['Connection: X-Mine, close',
    'X-Mine: 1', 'Keep-Alive: 3', 'Proxy-Connection: keep-alive',
    'TE: trailers, deflate', 'X-Stays: 1']);
ok(!$a->{h}{'x-secret'}, 'what the origin nominates is removed');
ok(!$a->{h}{'keep-alive'}, 'Keep-Alive is removed');
is($a->{h}{'x-kept'}[0], 2, 'the rest stays');
is($a->{h}{connection}[0], 'close', 'Connection is ours');
$last = ($origin->requests)[-1];
unlike($last, qr/X-Mine|Keep-Alive|Proxy-Connection|deflate/i,
    'what the client nominates is removed');
like($last, qr/^X-Stays: 1\r$/m, 'the rest is sent');
like($last, qr/^TE: trailers\r$/m, 'TE: trailers is passed on');

$got = Mosn::raw($port, "GET /close HTTP/1.0\r\n\r\n");
like($got, qr/\r\n\r\nuntil the end$/, 'HTTP/1.0 gets a body without chunks');
$got = Mosn::raw($port,
    "GET /plain HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", seconds => 0.5);
like($got, qr/\r\nConnection: keep-alive\r\n/, 'HTTP/1.0 may keep alive');
like(($origin->requests)[-1], qr/\r\nHost: 127\.0\.0\.1:$origin->{port}\r\n/,
    'without a Host the origin gets its own address');

$got = Mosn::raw($port, "GET /plain/fin HTTP/1.1\r\nHost: a\r\n\r\n", fin => 1);
like($got, qr/you asked for \/plain\/fin$/,
    'a client that has sent FIN gets its answer');
$got = Mosn::raw($port, "GET /plain/a HTTP/1.1\r\nHost: a\r\n\r\n"
    . "GET /plain/b HTTP/1.1\r\nHost: a\r\n\r\n", fin => 1);
like($got, qr/plain\/a.*plain\/b$/s, 'both of its answers');

$a = Mosn::get($port, "http://other.example:81/plain/abs");
is($a->{body}, 'you asked for /plain/abs', 'absolute-form');
like(($origin->requests)[-1], qr/\r\nHost: other\.example:81\r\n/,
    'its authority replaces Host');
$a = Mosn::get($port, "*", method => 'OPTIONS');
like(($origin->requests)[-1], qr/^OPTIONS \* /, 'OPTIONS *');

$got = Mosn::raw($port, "\r\nGET /plain HTTP/1.1\r\nHost: a\r\n"
    . "Connection: close\r\n\r\n");
like($got, qr/^HTTP\/1\.1 200/, 'an empty line before a request is forgiven');
$got = Mosn::raw($port, "GET /plain/slow HTTP/1.1\r\nHost: a\r\nX-Long: "
    . ("y" x 300) . "\r\nConnection: close\r\n\r\n", pieces => 1);
like($got, qr/plain\/slow$/, 'a request that comes byte by byte');
$got = Mosn::raw($port, "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    . "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n",
    pieces => 1);
like($got, qr/abc0123456789$/, 'a chunked one too');

$a = Mosn::get($port, "/plain", headers => ['X-Forwarded-For: 9.9.9.9',
    'X-Request-Id: mine']);
$last = ($origin->requests)[-1];
like($last, qr/^X-Forwarded-For: 9\.9\.9\.9, 127\.0\.0\.1\r$/m,
    'the client is appended to X-Forwarded-For');
like($last, qr/^X-Request-Id: mine\r$/m, 'X-Request-Id is kept');

$mosn->finish;
done_testing();
