# proxy.t - routes, clusters, pools, and what happens when upstreams fail.

use strict;
use warnings;
use Test::More;
use Mosn;

# Answers with its name; some paths misbehave.
sub named {
    my ($name) = @_;
    return Mosn::origin(sub {
        my $r = shift;
        my $p = $r->{path};
        if ($p eq '/silent') { sleep 5; return }
        return if $p eq '/drop';    # closes without an answer
        if ($p eq '/garbage') { return "what?\r\n\r\n" }
        return "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"
            if $p eq '/twolengths';
        return "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
            . "Transfer-Encoding: chunked\r\n\r\n" if $p eq '/both';
        return "HTTP/1.1 200 OK\r\nX: a\nb\r\n\r\n" if $p eq '/lf';
        if ($p eq '/cut') {
            $r->{close} = 1;
            return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
        }
        if ($p eq '/cutchunk') {
            $r->{close} = 1;
            return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                . "5\r\nhello\r\n";
        }
        if ($p eq '/lastone') { # answers, then closes without saying so
            $r->{close} = 1;
            return Mosn::ok_response("bye");
        }
        return "HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno"
            if $p eq '/early';
        return Mosn::ok_response("$name $p n$r->{n}");
    });
}

my ($a, $b) = (named('a'), named('b'));
my $nobody = Mosn::free_port();

my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
  filters = ( { type = "proxy"; routes = "r"; access_log = (
      { path = "%%DIR%%/access.log"; },
      { path = "%%DIR%%/json.log"; format = "json"; },
      { path = "%%DIR%%/own.log";
        format = "%response_code% %response_flag% %upstream_cluster% %attempts% 100%%"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = (
  { name = "exact"; domains = ["www.example.com", "port.example.com:8080"];
    routes = ( { respond = { body = "exact"; }; } ); },
  { name = "suffix"; domains = ["*.example.com"];
    routes = ( { respond = { body = "suffix"; }; } ); },
  { name = "longer"; domains = ["*.sub.example.com"];
    routes = ( { respond = { body = "longer"; }; } ); },
  { name = "prefix"; domains = ["www.*"];
    routes = ( { respond = { body = "prefix"; }; } ); },
  { name = "all"; domains = ["*"]; routes = (
    { match = { path = "/exact"; }; respond = { status = 201; body = "made\\n"; }; },
    { match = { prefix = "/exact/deep"; }; respond = { body = "deep"; }; },
    { match = { path = "/empty"; }; respond = { status = 204; }; },
    { match = { prefix = "/old/"; }; redirect = { prefix_rewrite = "/new/"; }; },
    { match = { path = "/tls"; }; redirect = { scheme = "https"; status = 308; }; },
    { match = { path = "/away"; }; redirect = { host = "b.example"; path = "/x"; status = 302; }; },
    { match = { prefix = "/api/"; }; route = { cluster = "a"; prefix_rewrite = "/"; host_rewrite = "inside"; }; },
    { match = { prefix = "/rr"; }; route = { cluster = "both"; }; },
    { match = { prefix = "/wrr"; }; route = { cluster = "weighted"; }; },
    { match = { prefix = "/random"; }; route = { cluster = "random"; }; },
    { match = { prefix = "/split"; }; route = { clusters = ( { name = "a"; weight = 1; }, { name = "b"; weight = 3; } ); }; },
    { match = { prefix = "/nobody"; }; route = { cluster = "nobody"; }; },
    { match = { prefix = "/half"; }; route = { cluster = "half"; }; },
    { match = { prefix = "/slowly/"; }; route = { cluster = "one"; prefix_rewrite = "/"; }; },
    { match = { prefix = "/closing/"; }; route = { cluster = "closing"; prefix_rewrite = "/"; }; },
    { match = { prefix = "/m/"; }; route = { cluster = "a"; prefix_rewrite = "/"; timeout = "400ms"; }; } ); } ); } );
clusters = (
  { name = "a"; hosts = ( { address = "127.0.0.1:$a->{port}"; } ); },
  { name = "b"; hosts = ( { address = "127.0.0.1:$b->{port}"; } ); },
  { name = "closing"; hosts = ( { address = "127.0.0.1:$a->{port}"; } ); },
  { name = "both"; hosts = ( { address = "127.0.0.1:$a->{port}"; }, { address = "127.0.0.1:$b->{port}"; } ); },
  { name = "weighted"; lb = "weighted_round_robin"; hosts = (
      { address = "127.0.0.1:$a->{port}"; weight = 3; }, { address = "127.0.0.1:$b->{port}"; weight = 1; } ); },
  { name = "random"; lb = "random"; hosts = (
      { address = "127.0.0.1:$a->{port}"; }, { address = "127.0.0.1:$b->{port}"; } ); },
  { name = "one"; circuit_breaker = { max_connections = 1; max_pending = 1; };
    hosts = ( { address = "127.0.0.1:$a->{port}"; } ); },
  { name = "nobody"; hosts = ( { address = "127.0.0.1:$nobody"; } ); },
  { name = "half"; hosts = ( { address = "127.0.0.1:$nobody"; }, { address = "127.0.0.1:$b->{port}"; } ); } );
E
my $port = $mosn->port(1);
sub status { my $r = Mosn::get($port, @_); return $r ? $r->{status} : 'nothing' }
sub body { my $r = Mosn::get($port, @_); return $r ? $r->{body} : 'nothing' }

# Virtual hosts.
is(body('/', host => 'www.example.com'), 'exact', 'exact host');
is(body('/', host => 'WWW.Example.COM:81'), 'exact', 'without case or port');
is(body('/', host => 'www.example.com.'), 'exact', 'with the root dot');
is(body('/', host => 'port.example.com:8080'), 'exact', 'host with its port');
is(body('/', host => 'port.example.com:81'), 'suffix', 'but no other port');
is(body('/', host => 'x.y.example.com'), 'suffix', '*.suffix');
is(body('/', host => 'x.sub.example.com'), 'longer', 'the longest suffix');
is(body('/', host => 'www.other.org'), 'prefix', 'prefix.*');
is(Mosn::get($port, '/', host => 'example.com')->{status}, 404,
    'the suffix alone is not *.suffix; no route is 404');

# Routes.
my $r = Mosn::get($port, '/exact?x=1');
is("$r->{status} $r->{body}", "201 made\n", 'exact path, query aside');
is(body('/exact/deeper'), 'deep', 'prefix');
is(Mosn::get($port, '/Exact')->{status}, 404, 'paths have case');
is(Mosn::get($port, '/empty')->{status}, 204, 'empty response');
$r = Mosn::get($port, '/old/a/b?c=d');
is("$r->{status} $r->{h}{location}[0]", '301 /new/a/b?c=d', 'redirect by prefix');
$r = Mosn::get($port, '/tls', host => 'h.example:8080');
is("$r->{status} $r->{h}{location}[0]", '308 https://h.example/tls', 'redirect to TLS');
$r = Mosn::get($port, '/away');
is("$r->{status} $r->{h}{location}[0]", '302 http://b.example/x', 'redirect to a host');
like(body('/api/deep?q'), qr{^a /deep\?q }, 'prefix rewrite');
like(($a->requests)[-1], qr/^Host: inside\r$/m, 'host rewrite');
$r = Mosn::get($port, '/exact', method => 'HEAD');
is("$r->{status} $r->{h}{'content-length'}[0]", '201 5', 'HEAD of a direct response');

# Balancers.
my %got;
$got{ substr body('/rr'), 0, 1 }++ for 1 .. 20;
is("$got{a} $got{b}", '10 10', 'round robin takes turns');
%got = ();
$got{ substr body('/wrr'), 0, 1 }++ for 1 .. 20;
is("$got{a} $got{b}", '15 5', 'weighted round robin takes weights');
%got = ();
$got{ substr body('/random'), 0, 1 }++ for 1 .. 60;
cmp_ok($got{a}, '>', 10, 'random takes the one');
cmp_ok($got{b}, '>', 10, 'and the other');
%got = ();
$got{ substr body('/split'), 0, 1 }++ for 1 .. 80;
cmp_ok($got{b}, '>', $got{a}, 'a split takes weights');

# Pools: one connection serves one request after the other.
my ($n1) = body('/api/x') =~ /n(\d+)/;
my ($n2) = body('/api/x') =~ /n(\d+)/;
is($n2, $n1 + 1, 'the upstream connection is kept');

# Failures.
is(status('/nobody'), 502, 'nobody listens: 502');
is(status('/half'), 200, 'another host takes a request that did not leave')
    for 1 .. 4;
my $t = time;
is(status('/m/silent'), 504, 'no answer in time: 504');
is(status('/m/drop', method => 'POST', body => 'x'), 502, 'closed before the answer: 502');
is(status('/m/garbage'), 502, 'garbage: 502');
is(status('/m/twolengths'), 502, 'two lengths: 502');
is(status('/m/both'), 502, 'length and chunked: 502');
is(status('/m/lf'), 502, 'LF in the head: 502');

my ($bytes, $end) = Mosn::raw($port, "GET /m/cut HTTP/1.1\r\nHost: a\r\n\r\n", seconds => 5);
like($bytes, qr/^HTTP\/1\.1 200 .*half$/s, 'an answer that is cut');
isnt($end, 'open', 'ends the connection');
($bytes, $end) = Mosn::raw($port, "GET /m/cutchunk HTTP/1.1\r\nHost: a\r\n\r\n", seconds => 5);
like($bytes, qr/hello\r\n$/, 'a chunked one');
unlike($bytes, qr/\r\n0\r\n/, 'gets no last chunk');

# An upstream that closes kept connections: nobody notices.
my $bad = 0;
for (1 .. 30) { $bad++ if body('/m/lastone') ne 'bye' }
is($bad, 0, 'a closing upstream costs no request');
for (1 .. 10) {
    $bad++ if body('/closing/lastone') ne 'bye';
    Mosn::wait_for(sub { $mosn->stats->{'cluster.closing.connections_active'} == 0 });
    $bad++ if status('/closing/after', method => 'POST', body => 'abc') != 200;
}
is($bad, 0, 'nor a POST, once the close has come');

# An early answer to a body that is still coming.
my $s = Mosn::connect_to($port);
print $s "POST /m/early HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
is(Mosn::Reader->new($s)->message(0)->{status}, 413, 'an answer of the upstream passes');

# Limits of a cluster: one connection, one waiting, the next is refused.
my @s;
for my $n (1 .. 2) { # the one that waits for its connection waits too
    push @s, Mosn::connect_to($port);
    print { $s[-1] } "GET /slowly/silent HTTP/1.1\r\nHost: a\r\n\r\n";
    Mosn::wait_for(sub { $mosn->stats->{'cluster.one.requests'} == 1 });
}
ok(Mosn::wait_for(sub { $mosn->stats->{'cluster.one.requests_active'} == 2 }),
    'two requests are under way');
is(status('/slowly/x'), 503, 'one more is refused: 503');
close $_ for @s;

# Logs.
like((Mosn::raw($port, "GET /a b HTTP/1.1\r\n\r\n", seconds => 8))[0],
    qr/^HTTP\/1\.1 400 .*\r\nDate: .* GMT\r\n/s, 'a refusal has a date');
kill 'USR1', $mosn->{pid};
my $log;
ok(Mosn::wait_for(sub { ($log = Mosn::slurp("$mosn->{dir}/access.log")) =~ m{/m/early} && $log =~ m{GET /a b} }),
    'the access log is written');
like($log, qr/^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET \/exact\?x=1 HTTP\/1\.1" 201 5 "-" "-"$/m,
    'combined');
like($log, qr/"GET \/a b HTTP\/1\.1" 400 /, 'what was refused, as it came');
my $json = Mosn::slurp("$mosn->{dir}/json.log");
like($json, qr/^\{"time":"[^"]+","listener":"l","client":"127\.0\.0\.1:\d+","method":"GET","host":"test\.example","uri":"\/m\/silent","protocol":"HTTP\/1\.1","status":504,"reason":"upstream_timeout",/m,
    'JSON');
my $own = Mosn::slurp("$mosn->{dir}/own.log");
like($own, qr/^502 upstream_connect_failed nobody 1 100%$/m, 'a format of its own');
like($own, qr/^404 no_route - 0 100%$/m, 'no route');
like($own, qr/^200 upstream_truncated a 1 100%$/m, 'a cut answer');
like($own, qr/^503 overflow one 1 100%$/m, 'overflow');

my $stats = $mosn->stats;
is($stats->{'cluster.nobody.connect_failed'}, 1, 'failed connects are counted');
cmp_ok($stats->{'cluster.half.retries'}, '>', 0, 'so are retries');
is($stats->{'ended.no_route.requests'}, 2, 'and ends by reason');
ok(Mosn::wait_for(sub { $mosn->stats->{'downstream.l.requests_active'} == 0 }),
    'no request is left over');

$mosn->finish;
done_testing();
