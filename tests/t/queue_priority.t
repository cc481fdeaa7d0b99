# A queue has its size for each priority; whom it has no room for is counted.
use strict; use warnings; use Test::More; use Mosn;
my $dir = Mosn::new_dir();
my $o = Mosn::origin(sub { Mosn::wait_for(sub { -e "$dir/go" }); Mosn::ok_response('a') });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { prefix = "/high"; }; route = { cluster = "c"; priority = "high"; }; }, { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; circuit_breaker = { max_requests = 1; }; circuit_breaker_high = { max_requests = 1; };
    queue = { size = 1; timeout = "20s"; }; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E
sub ask { my $s = Mosn::connect_to($mosn->port(1)); print $s "GET $_[0] HTTP/1.1\r\nHost: x\r\n\r\n"; return $s }
sub gauge { my ($n, $v) = @_; ok(Mosn::wait_for(sub { $mosn->stats->{"cluster.c.$n"} == $v }), "$n: $v") }
my @s = ask('/1');
gauge('requests_active', 1);
push @s, ask('/2');
gauge('queued', 1);
is(Mosn::get($mosn->port(1), '/3')->{status}, 503, 'one more is too many');
is($mosn->stats->{'cluster.c.pending_overflow'}, 1, 'which is counted');
push @s, ask('/high/1');
gauge('requests_high', 1);
push @s, ask('/high/2');
gauge('queued', 2);
is(Mosn::get($mosn->port(1), '/high/3')->{status}, 503, 'of a high priority, too, one more is too many');
is($mosn->stats->{'cluster.c.pending_overflow'}, 2, 'and counted');
open my $f, '>', "$dir/go"; close $f;
is(join(' ', map { Mosn::Reader->new($_)->message(0)->{status} } @s), '200 200 200 200', 'who waited is served');
$mosn->finish;
done_testing();
