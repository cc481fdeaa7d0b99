# limits.t - who waits for room waits behind his like; retries have limits of
# their own, tunnels obey those of connections.

use strict;
use warnings;
use Test::More;
use Mosn;

my $dir = Mosn::new_dir();
my $origin = Mosn::origin(sub {
    my $r = shift;
    Mosn::wait_for(sub { -e "$dir/go" }) if $r->{path} =~ /held/;
    return Mosn::ok_response($r->{path});
});
my $busy = Mosn::origin(sub { return "HTTP/1.1 503 X\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n" });
my $echo = Mosn::server(sub { my ($s) = @_; while (sysread $s, my $b, 100) { syswrite $s, $b } });
my $mosn = Mosn->start(<<"E", workers => 1);
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "t"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "tcp_proxy"; cluster = "t"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; retry = { on = ["5xx"]; attempts = 2; max_retry_after = "10s"; }; routes = (
  { match = { prefix = "/high/busy"; }; route = { cluster = "b"; priority = "high"; }; }, { match = { prefix = "/busy"; }; route = { cluster = "b"; }; },
  { match = { prefix = "/high"; }; route = { cluster = "c"; priority = "high"; }; }, { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; circuit_breaker = { max_requests = 1; }; circuit_breaker_high = { max_requests = 10; }; queue = { size = 10; timeout = "5s"; }; hosts = ( { address = "127.0.0.1:@{[$origin->port]}"; } ); },
  { name = "b"; circuit_breaker = { max_retries = 1; }; circuit_breaker_high = { max_retries = 1; }; hosts = ( { address = "127.0.0.1:@{[$busy->port]}"; } ); },
  { name = "t"; circuit_breaker = { max_connections = 1; }; hosts = ( { address = "127.0.0.1:@{[$echo->port]}"; } ); } );
E
my $port = $mosn->port(1);
sub send_to { my ($path) = @_; my $s = Mosn::connect_to($port); print $s "GET $path HTTP/1.1\r\nHost: x\r\n\r\n"; return $s }
sub answers { return join ' ', map { Mosn::Reader->new($_)->message(0)->{status} } @_ }
my $is = sub { my ($name, $n, $what) = @_; ok(Mosn::wait_for(sub { $mosn->stats->{"cluster.$name"} == $n }), $what) or diag $mosn->stats->{"cluster.$name"} };
my @held = send_to('/held/q1');
$is->('c.requests_active', 1, 'one is under way');
push @held, send_to('/held/q2');
$is->('c.queued', 1, 'one waits for room');
is(Mosn::get($port, '/high/q')->{status}, 200, 'a high one passes by');
open my $f, '>', "$dir/go" or die;
close $f;
is(answers(@held), '200 200', 'the others have their turns');

my @again = send_to('/busy/1');
$is->('b.retries_active', 1, 'one that is sent again');
is(Mosn::get($port, '/busy/2')->{status}, 503, 'another may not');
push @again, send_to('/high/busy/3');
$is->('b.retries_high', 1, 'a high one may');
is(Mosn::get($port, '/high/busy/4')->{status}, 503, 'one');
is(answers(@again), '503 503', 'both are answered');
$is->('b.retries_active', 0, 'and counted out');
$is->('b.retries_high', 0, 'of both');

my $tunnel = Mosn::connect_to($mosn->port(2));
syswrite $tunnel, 'x';
sysread $tunnel, my $back, 10;
is($back, 'x', 'a tunnel');
local $SIG{PIPE} = 'IGNORE';
my $refused = eval { Mosn::connect_to($mosn->port(2)) };
ok(!$refused || !sysread($refused, $back, 10), 'one is all there may be');
close $tunnel;
$is->('t.connections_active', 0, 'it ends');
$refused = Mosn::connect_to($mosn->port(2));
syswrite $refused, 'y';
sysread $refused, $back, 10;
is($back, 'y', 'the next one has its place');
close $refused;
$mosn->finish;
done_testing();
