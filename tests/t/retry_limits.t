# How often a host is asked: no more than the policy and the limits say, and
# as often as they let.
use strict; use warnings; use Test::More; use Mosn; use IO::Socket::INET; use Time::HiRes qw(time sleep);
my $reset = Mosn::server(sub {
    my ($s, $log) = @_;
    my $n = 0;
    while (<$s>) {
        next if $_ ne "\r\n";
        if (++$n == 1) { print $s "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwarm"; next }
        Mosn::say_to($log, "x");
        setsockopt $s, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack 'II', 1, 0;
        return;
    }
});
my $bad = Mosn::origin(sub { my $r = shift; return $r->{path} eq '/late' ? "HTTP/1.1 503 x\r\nRetry-After: 4\r\nContent-Length: 4\r\n\r\nbusy" : "HTTP/1.1 503 x\r\nContent-Length: 4\r\n\r\nbusy" });
my $slow = Mosn::server(sub { my ($s, $log) = @_; while (<$s>) { Mosn::say_to($log, 'x') if $_ eq "\r\n" } });
my $slow2 = Mosn::server(sub { my ($s, $log) = @_; while (<$s>) { Mosn::say_to($log, 'x') if $_ eq "\r\n" } });
sub host { return qq({ address = "127.0.0.1:$_[0]{port}"; }) }
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; access_log = ( { path = "%%DIR%%/access.log"; format = "%request_path% %response_code% %attempts%"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { prefix = "/reset"; }; route = { cluster = "reset"; }; },
  { match = { path = "/one"; }; route = { cluster = "limit"; retry = { on = ["5xx"]; attempts = 4; backoff = "1ms"; }; }; },
  { match = { path = "/late"; }; route = { cluster = "limit"; timeout = "3s"; retry = { on = ["5xx"]; attempts = 4; max_retry_after = "10s"; }; }; },
  { match = { path = "/hedge"; }; route = { cluster = "slow"; timeout = "2s"; hedge = { delay = "400ms"; }; retry = { on = ["timeout"]; attempts = 2; per_try_timeout = "200ms"; backoff = "1ms"; }; }; } ); } ); } );
clusters = ( { name = "reset"; hosts = ( @{[host($reset)]} ); },
  { name = "limit"; circuit_breaker = { max_retries = 1; }; retry_budget = { percent = 100.0; min_per_second = 100; }; hosts = ( @{[host($bad)]} ); },
  { name = "slow"; lb = "round_robin"; retry_budget = { percent = 100.0; min_per_second = 100; }; hosts = ( @{[host($slow)]}, @{[host($slow2)]} ); } );
E
sub ask { my ($path, %o) = @_; return Mosn::get($mosn->port(1), $path, %o) }
sub asked { return length join '', map { Mosn::slurp($_->{log}) } @_ }
sub logged { my ($path) = @_; my $line; Mosn::wait_for(sub { ($line) = Mosn::slurp("$mosn->{dir}/access.log") =~ /^(\Q$path\E .*)/m; $line }); return $line }

# Two kept connections, and a host that resets what comes second.
my @s = map { my $s = Mosn::connect_to($mosn->port(1)); print $s "GET /reset HTTP/1.1\r\nHost: a\r\n\r\n"; $s } 1 .. 4;
is(Mosn::Reader->new($_)->message(0)->{body}, 'warm', 'a connection') for @s;
my $before = asked($reset);
is(ask('/reset/again')->{status}, 502, 'a host resets a kept connection');
is(asked($reset) - $before, 2, 'it is asked once more, without any policy');

is(ask('/one')->{status}, 503, 'max_retries of one');
is(logged('/one'), '/one 503 4', 'lets a request have all its attempts, one at a time');
my $began = time;
is(ask('/late')->{body}, 'busy', 'a pause that is longer than what is left of the time');
cmp_ok(time - $began, '<', 2, 'is not begun');
is(ask('/hedge')->{status}, 504, 'a second attempt');
is(logged('/hedge'), '/hedge 504 2', 'is all there is: no hedge beyond');
is(asked($slow, $slow2), 2, 'the hosts have seen as many');

# Hosts that leave while somebody waits for a connection to them are no
# attempts, however many there were.
my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1, ReuseAddr => 1) or die $!;
my $fp = $full->sockport;
my @fill = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$fp", Blocking => 0) } 1 .. 6;
my @bad = map { Mosn::origin(sub { "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n" }) } 1 .. 4;
my $good = Mosn::origin(sub { Mosn::ok_response('good') });
is($mosn->apply(qq|clusters = ( { name = "left"; lb = "round_robin"; connect_timeout = "20s"; retry_budget = { percent = 100.0; min_per_second = 1000; };
    hosts = ( @{[join ', ', map { host($_) } @bad]}, { address = "127.0.0.1:$fp"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "left"; timeout = "30s"; retry = { on = ["5xx"]; attempts = 10; backoff = "1ms"; }; }; } ); } ); } );|), '', 'hosts that fail, and one that does not take connections');
@s = map { my $s = Mosn::connect_to($mosn->port(1)); print $s "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"; $s } 1 .. 6;
ok(Mosn::wait_for(sub { ($mosn->stats->{'cluster.left.pending'} // 0) == 6 }), 'all come to wait for the latter');
is(($mosn->ctl('host', 'add', 'left', "127.0.0.1:$good->{port}"))[1], 0, 'one that is well comes');
$mosn->ctl('host', 'set', 'left', "127.0.0.1:$_->{port}", 'state=disabled') for @bad;
is(($mosn->ctl('host', 'remove', 'left', "127.0.0.1:$fp"))[1], 0, 'and the one they wait for leaves');
is(Mosn::Reader->new($_)->message(0)->{body}, 'good', 'they go to the other') for @s;
$mosn->finish; done_testing();
