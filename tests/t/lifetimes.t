# lifetimes.t - ends that came at a bad moment: each case was a bug once.

use strict;
use warnings;
use Test::More;
use Mosn;
use Socket qw(:all);
use Time::HiRes qw(time sleep);

my $origin = Mosn::origin(sub {
    my $r = shift;
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        . (sprintf("%x\r\n", 2100) . ('x' x 2100) . "\r\n") x 28 . "0\r\n\r\n"
        if $r->{path} eq '/chunks';
    return Mosn::ok_response('hi', "Connection: upgrade\r\nUpgrade: h2c\r\n")
        if $r->{path} eq '/offer';
    return Mosn::ok_response('y' x ($r->{path} =~ m{^/(\d+)} ? $1 : 5));
});

# Answers before the body has come, and never ends.
my $early = Mosn::server(sub {
    my ($s) = @_;
    sysread $s, my $request, 65536;
    print $s "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    sysread $s, $request, 65536;
});

# Ends its direction of a tunnel first, and listens on.
my $first = Mosn::server(sub {
    my ($s, $log) = @_;
    my $reader = Mosn::Reader->new($s);
    $reader->message(1) or return;
    print $s "HTTP/1.1 200 Fine\r\n\r\nbye";
    shutdown $s, 1;
    my $got = $reader->take(length $reader->{buffer});
    while (sysread $s, my $p, 65536) { $got .= $p }
    Mosn::say_to($log, "<$got>");
});

# Counts what comes.
my $sink = Mosn::server(sub {
    my ($s, $log) = @_;
    my $n = 0;
    while (sysread $s, my $p, 1 << 20) { $n += length $p; Mosn::say_to($log, "$n\n") }
    sleep 30;    # its own direction stays open
});

my $mosn = Mosn->start(<<"E");
drain_timeout = "5s";
listeners = (
  { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r";
      allow_connect = true; body_timeout = "500ms"; } ); },
  { name = "late"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "r";
      stream_filters = ( { type = "delay"; delay = "300ms"; } ); } ); },
  { name = "idle"; address = "127.0.0.1:%%PORT3%%"; filters = ( { type = "proxy"; routes = "r"; idle_timeout = "300ms"; } ); },
  { name = "connect"; address = "127.0.0.1:%%PORT4%%"; filters = ( { type = "proxy"; routes = "direct";
      allow_connect = true; max_body_bytes = 10; } ); },
  { name = "tcp"; address = "127.0.0.1:%%PORT5%%"; filters = ( { type = "tcp_proxy"; cluster = "sink"; } ); },
  { name = "first"; address = "127.0.0.1:%%PORT6%%"; filters = ( { type = "proxy"; routes = "first"; allow_connect = true; } ); } );
routes = (
  { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { path = "/direct"; }; respond = { body = "${\('h' x 4000)}"; }; },
    { match = { path = "/early"; }; route = { cluster = "early"; }; },
    { route = { cluster = "o"; }; } ); } ); },
  { name = "direct"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "x"; }; } ); } ); },
  { name = "first"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "first"; }; } ); } ); } );
clusters = (
  { name = "o"; hosts = ( { address = "127.0.0.1:$origin->{port}"; } ); },
  { name = "early"; hosts = ( { address = "127.0.0.1:$early->{port}"; } ); },
  { name = "first"; hosts = ( { address = "127.0.0.1:$first->{port}"; } ); },
  { name = "sink"; hosts = ( { address = "127.0.0.1:$sink->{port}"; } ); } );
E
my $port = $mosn->port(1);
my %pids = $mosn->pids;
my $worker = $pids{'worker 0'};
sub rss { Mosn::slurp("/proc/$worker/status") =~ /VmRSS:\s+(\d+)/ ? $1 : 0 }

# A connection with a small window: what it is sent stays with mosn.
sub slow_reader {
    my ($to, $request) = @_;
    socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!;
    setsockopt $s, SOL_SOCKET, SO_RCVBUF, 8192;
    connect $s, sockaddr_in($to, inet_aton('127.0.0.1')) or die $!;
    syswrite $s, $request;
    return $s;
}

# More pieces than one call takes, and a socket that is not full.
my $stalled = 0;
for (1 .. 5) {
    my $got = Mosn::raw($port, "GET /chunks HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", seconds => 3);
    $stalled++ unless $got =~ /\r\n0\r\n\r\n\z/;
}
is($stalled, 0, 'many chunks in one read are all sent');

# FIN right behind the request.
my $lost = 0;
for my $more ('', "\r\n", 'GET /par') {
    for (1 .. 15) {
        $lost++ unless Mosn::raw($port, "GET /direct HTTP/1.1\r\nHost: a\r\n\r\n$more", fin => 1, seconds => 3) =~ /h{4000}$/;
    }
}
is($lost, 0, 'an answer that is queued when FIN comes is sent');

# Trailers outlive the buffer they came in.
my $s = Mosn::connect_to($mosn->port(2));
syswrite $s, "POST /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
ok(Mosn::wait_for(sub { $mosn->stats->{'downstream.late.requests_active'} == 1 }), 'a request is held');
syswrite $s, "0\r\nX-T: trailer-value\r\n\r\n";
like(Mosn::raw($s, ''), qr/ 200 OK/, 'held with its trailers');
like(($origin->requests)[-1], qr/^X-T: trailer-value\r$/m, 'which arrive');

# The idle timeout does not cut what a slow reader has still to get.
my @slow = map { [slow_reader($mosn->port(3), "GET /$_ HTTP/1.1\r\nHost: a\r\n\r\n"), $_] } map { 40_000 * $_ } 70 .. 90;
my $until = time + 1;
Mosn::wait_for(sub { time > $until });    # over the idle timeout
my @cut = grep { my $got = Mosn::raw($_->[0], '', seconds => 5); length $got < $_->[1] } @slow;
is(scalar @cut, 0, 'slow readers get all of it after the idle timeout');

# Pipelining without reading is bounded.
my $before = rss();
$s = Mosn::connect_to($port);
$s->blocking(0);
my $requests = "GET /direct HTTP/1.1\r\nHost: a\r\n\r\n" x 1000;
my ($sent, $stuck) = (0, 0);
for (1 .. 20_000) {
    my $n = syswrite $s, $requests;
    if (defined $n) { $sent += $n; $stuck = 0 } else { last if ++$stuck > 300; sleep 0.001 }
}
cmp_ok(rss() - $before, '<', 50_000, "a client that sends $sent bytes of requests and reads nothing is held");
close $s;

# CONNECT is not answered by a route that only responds.
my ($got, $end) = Mosn::raw($mosn->port(4), "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n" . ('x' x 100), seconds => 5);
like("$got, $end", qr/^HTTP\/1\.1 404 .*, closed$/s, 'CONNECT without an upstream');

# The upstream ends first: what the client says last arrives.
$s = Mosn::connect_to($mosn->port(6));
syswrite $s, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n";
$got = '';
while ($got !~ /bye/) { sysread $s, $got, 1000, length $got or last }
kill 'STOP', $worker;
syswrite $s, "last words";
shutdown $s, 1;
kill 'CONT', $worker;
ok(Mosn::wait_for(sub { length $first->seen }, 5), 'the tunnel ends');
is($first->seen, '<last words>', 'the last words arrive');

# An answer until the close that is cut does not look whole.
($got, $end) = Mosn::raw($port, "POST /early HTTP/1.0\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc", seconds => 5);
is($end, 'reset', 'a cut answer without a length ends in a reset');

# Bytes queued beside a transfer.
my $wrong = 0;
for my $size (900_000, 1_100_000, 1_300_000) {
    my $t = Mosn::connect_to($mosn->port(5));
    kill 'STOP', $worker;
    $t->blocking(0);
    my ($data, $off) = ('z' x $size, 0);
    for (1 .. 20) { my $n = syswrite $t, $data, $size - $off, $off; $off += $n if $n; sleep 0.002 unless $n }
    kill 'CONT', $worker;
    $t->blocking(1);
    while ($off < $size) { $off += syswrite $t, $data, $size - $off, $off }
    $wrong++ unless Mosn::wait_for(sub { $sink->seen =~ /^$size\n\z/m }, 5);
}
is($wrong, 0, 'tcp_proxy: all bytes arrive when splicing begins with bytes queued');

# A reset behind a half-close.
$s = Mosn::connect_to($mosn->port(5));
syswrite $s, 'x';
shutdown $s, 1;
ok(Mosn::wait_for(sub { $sink->seen =~ /^1\n/m }), 'a half-closed connection');
my $active = $mosn->stats->{'downstream.tcp.connections_active'};
setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
close $s;
ok(Mosn::wait_for(sub { $mosn->stats->{'downstream.tcp.connections_active'} < $active }, 5), 'that is reset is noticed');

# Upgrades.
$got = Mosn::raw($port, "GET /offer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", seconds => 5);
like($got, qr/^Connection: close\r$/m, 'close is said, whatever the origin offers');
Mosn::raw($port, "GET /x HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", seconds => 5);
unlike(($origin->requests)[-1], qr/^Upgrade/m, 'an HTTP/1.0 client upgrades nothing');

# TERM while slow readers read.
@slow = map { [slow_reader($port, "GET /$_ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), $_] } map { 100_000 * $_ } 25 .. 40;
Mosn::wait_for(sub { $mosn->stats->{'downstream.l.requests_active'} == 0 }, 1);
kill 'TERM', $mosn->{pid};
@cut = grep { my $got = Mosn::raw($_->[0], '', seconds => 5); length $got < $_->[1] } @slow;
is(scalar @cut, 0, 'slow readers get all of it while mosn drains');
$mosn->finish;
done_testing();
