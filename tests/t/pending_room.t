# max_connections: who waits for a free connection gets a new one as soon as
# there is room for it again.
use strict; use warnings; use Test::More; use Mosn;
my $dir = Mosn::new_dir();
my @h = map { my $n = $_; Mosn::origin(sub { my $r = shift; Mosn::wait_for(sub { -e "$dir/go" }) if $r->{path} eq '/held'; Mosn::ok_response("h$n") }) } 0 .. 1;
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "10s"; hash = ( { header = "x"; } ); }; } ); } ); } );
clusters = ( { name = "c"; lb = "maglev"; idle_timeout = "700ms"; circuit_breaker = { max_connections = 2; }; hosts = ( { address = "127.0.0.1:@{[$h[0]->port]}"; }, { address = "127.0.0.1:@{[$h[1]->port]}"; } ); } );
E
sub send_to { my ($path, $x) = @_; my $s = Mosn::connect_to($mosn->port(1)); print $s "GET $path HTTP/1.1\r\nHost: x\r\nx: $x\r\n\r\n"; return $s }
sub gauge { my ($n, $v) = @_; Mosn::wait_for(sub { ($mosn->stats->{"cluster.c.$n"} // -1) == $v }, 5) }
my %x;
for my $x (1 .. 100) { $x{ Mosn::get($mosn->port(1), '/', headers => ["x: $x"])->{body} } = $x; last if keys %x == 2 }
ok(gauge('connections_active', 0), 'all idle connections are closed');
my $held = send_to('/held', $x{h0});
ok(gauge('requests_active', 1), 'the first host has one');
is(Mosn::get($mosn->port(1), '/', headers => ["x: $x{h1}"])->{body}, 'h1', 'and the second one another');
my $s = send_to('/', $x{h0});
ok(gauge('pending', 1), 'one more waits');
ok(gauge('connections_active', 1), 'the idle one is closed: there is room');
ok(IO::Select->new($s)->can_read(3), 'and who waits is answered');
is($mosn->stats->{'cluster.c.pending'}, 0, 'nobody waits');
open my $f, '>', "$dir/go"; close $f;
$mosn->finish; done_testing();
