# tunnel.t - WebSocket upgrades, CONNECT, and the tcp_proxy: bytes both ways,
# half-close, and nothing before the answer.

use strict;
use warnings;
use Test::More;
use Mosn;

# Upgrades when asked to; then echoes, and says goodbye after the end.
my $ws = Mosn::server(sub {
    my ($s, $log) = @_;
    my $reader = Mosn::Reader->new($s);
    my $r = $reader->message(1) or return;
    Mosn::say_to($log, "$r->{head}\0");
    if ($r->{path} eq '/refuse') {
        print $s Mosn::ok_response("no websocket");
        $reader->message(1);
        print $s Mosn::ok_response("second");
        return;
    }
    if ($r->{path} eq '/other') {
        print $s "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
            . "Upgrade: frob\r\n\r\n";
        return;
    }
    if ($r->{method} eq 'CONNECT') {
        print $s "HTTP/1.1 200 Fine\r\n\r\n";
    } elsif ($r->{head} =~ /^Upgrade: websocket\r$/mi) {
        print $s "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
            . "Upgrade: websocket\r\nSec-WebSocket-Accept: xyz\r\n\r\nwelcome ";
    } else {
        print $s Mosn::ok_response("plain", "Connection: close\r\n");
        return;
    }
    my $got = $reader->take(length $reader->{buffer});
    print $s $got;
    while (sysread $s, my $piece, 65536) { print $s $piece }
    print $s "goodbye";
});

# Echoes until the end, then says goodbye: half-close in both directions.
my $echo = Mosn::server(sub {
    my ($s) = @_;
    while (sysread $s, my $piece, 65536) { print $s $piece }
    print $s "goodbye";
});
my $nobody = Mosn::free_port();

my $mosn = Mosn->start(<<"E");
listeners = (
  { name = "http"; address = "127.0.0.1:%%PORT1%%";
    filters = ( { type = "proxy"; routes = "r"; allow_connect = true; } ); },
  { name = "tcp"; address = "127.0.0.1:%%PORT2%%";
    filters = ( { type = "tcp_proxy"; cluster = "echo"; idle_timeout = "600ms"; } ); },
  { name = "dead"; address = "127.0.0.1:%%PORT3%%";
    filters = ( { type = "tcp_proxy"; cluster = "nobody"; } ); },
  { name = "second"; address = "127.0.0.1:%%PORT4%%";
    filters = ( { type = "tcp_proxy"; cluster = "half"; } ); },
  { name = "unix"; address = "unix:%%DIR%%/l.sock";
    filters = ( { type = "tcp_proxy"; cluster = "echo"; } ); },
  { name = "v6"; address = "[::1]:%%PORT5%%";
    filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { route = { cluster = "ws"; }; } ); } ); } );
clusters = (
  { name = "ws"; hosts = ( { address = "127.0.0.1:$ws->{port}"; } ); },
  { name = "echo"; hosts = ( { address = "127.0.0.1:$echo->{port}"; } ); },
  { name = "nobody"; hosts = ( { address = "127.0.0.1:$nobody"; } ); },
  { name = "half"; hosts = ( { address = "127.0.0.1:$nobody"; },
                             { address = "127.0.0.1:$echo->{port}"; } ); } );
E
my $port = $mosn->port(1);
my $upgrade = "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    . "Sec-WebSocket-Key: k\r\n\r\n";

my ($got, $end) = Mosn::raw($port, "GET /ws HTTP/1.1\r\n${upgrade}early", fin => 1);
like($got, qr/^HTTP\/1\.1 101 /, '101 passes');
like($got, qr/^Upgrade: websocket\r$/mi, 'with its protocol');
like($got, qr/^Sec-WebSocket-Accept: xyz\r$/m, 'and its other headers');
like($got, qr/\r\n\r\nwelcome earlygoodbye$/,
    'bytes behind the request wait for the 101; half-close goes through');
is($end, 'closed', 'the tunnel ends');
my ($seen) = split /\0/, $ws->seen;
like($seen, qr/^Connection: upgrade\r$/m, 'the upgrade is asked for');
unlike($seen, qr/early/, 'and nothing more before the answer');

my $s = Mosn::connect_to($port);
print $s "GET /ws HTTP/1.1\r\n$upgrade";
my $reader = Mosn::Reader->new($s);
is($reader->message(0)->{status}, 101, 'a tunnel');
is($reader->take(8), 'welcome ', 'first bytes of the server');
my $ok = 1;
for my $i (1 .. 50) {
    my $text = "message $i " x $i;
    print $s $text;
    $ok = 0 unless $reader->take(length $text) eq $text;
}
ok($ok, '50 messages there and back');
close $s;

$s = Mosn::connect_to($port);
$reader = Mosn::Reader->new($s);
print $s "GET /refuse HTTP/1.1\r\n$upgrade";
is($reader->message(0)->{body}, 'no websocket', 'a refused upgrade is an answer');
print $s "GET /again HTTP/1.1\r\nHost: a\r\n\r\n";
is($reader->message(0)->{body}, 'second', 'and HTTP goes on');

is(Mosn::get($port, '/other', headers => ['Connection: Upgrade',
    'Upgrade: websocket'])->{status}, 502, '101 to another protocol: 502');
is(Mosn::get($port, '/plain', headers => ['Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c', 'HTTP2-Settings: x'])->{body}, 'plain', 'h2c is not passed on');
unlike((split /\0/, $ws->seen)[-1], qr/h2c|HTTP2-Settings/i, 'the origin sees none of it');

$got = Mosn::raw($port, "CONNECT db.example:1 HTTP/1.1\r\nHost: db.example:1\r\n\r\nping ", fin => 1);
like($got, qr/^HTTP\/1\.1 200 Fine\r\n\r\nping goodbye$/, 'CONNECT tunnels');

# TCP.
($got, $end) = Mosn::raw($mosn->port(2), "hello ", fin => 1);
is("$got, $end", 'hello goodbye, closed', 'tcp_proxy: half-close both ways');
my $big = join '', map { pack 'N', $_ } 1 .. 500_000;
$s = Mosn::connect_to($mosn->port(2));
my $writer = fork;
if ($writer == 0) { syswrite $s, $big, 65536, 65536 * $_ for 0 .. length($big) / 65536;
    print $s ''; shutdown $s, 1; POSIX::_exit(0) }
($got, $end) = Mosn::raw($s, '');
waitpid $writer, 0;
is(length $got, length($big) + 7, 'tcp_proxy: two million bytes');
ok($got eq $big . 'goodbye', 'all of them right');

$s = Mosn::connect_to($mosn->port(2));
($got, $end) = Mosn::raw($s, 'x');
is("$got, $end", 'x, closed', 'tcp_proxy: idle_timeout closes');
# So soon that connect() or the first write may hear of the reset, and leave
# a plain end for the read: what matters is that it ends, unanswered, counted.
($got, $end) = eval { Mosn::raw($mosn->port(3), 'x') };
($got, $end) = ('', 'reset') if $@ =~ /reset by peer/;
is($got, '', 'tcp_proxy: nobody listens, nothing comes');
isnt($end, 'open', 'the client is told');
is($mosn->stats->{'ended.upstream_connect_failed.requests'}, 1, 'and it is counted');
is(Mosn::raw($mosn->port(4), 'x', fin => 1), 'xgoodbye', 'tcp_proxy: the other host')
    for 1 .. 3;

my $unix = IO::Socket::UNIX->new(Peer => "$mosn->{dir}/l.sock");
is(Mosn::raw($unix, 'over unix ', fin => 1), 'over unix goodbye', 'a unix socket');

SKIP: {
    require IO::Socket::IP;
    my $v6 = IO::Socket::IP->new(PeerAddr => '::1', PeerPort => $mosn->port(5))
        or skip 'no IPv6 here', 1;
    like(Mosn::raw($v6, "GET / HTTP/1.0\r\n\r\n"), qr/plain$/, 'IPv6');
}

$mosn->finish;
done_testing();
