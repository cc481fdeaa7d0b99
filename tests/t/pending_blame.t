# Who waits for a connection because of max_connections, and for too long, has
# not been at the host: that is not left out for it.
use strict; use warnings; use Test::More; use Mosn;
my $dir = Mosn::new_dir();
my $o = Mosn::origin(sub { my $r = shift; Mosn::wait_for(sub { -e "$dir/go" }) if $r->{path} eq '/held'; Mosn::ok_response('x') });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { prefix = "/short"; }; route = { cluster = "c"; timeout = "100ms"; }; }, { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; circuit_breaker = { max_connections = 1; }; outlier_detection = { consecutive_local_errors = 3; }; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E
my $s = Mosn::connect_to($mosn->port(1)); print $s "GET /held HTTP/1.1\r\nHost: x\r\n\r\n";
ok(Mosn::wait_for(sub { $o->seen =~ /held/ }), 'the one connection is busy');
isnt(Mosn::get($mosn->port(1), '/short')->{status}, 200, 'no room in time') for 1 .. 4;
is(scalar($o->requests), 1, 'the host has seen none of them');
is($mosn->stats->{'cluster.c.ejections'}, 0, 'and is not left out for them');
open my $f, '>', "$dir/go"; close $f;
$mosn->finish; done_testing();
