# A host that hangs is found out by calls with a grpc-timeout, too: "Requests in
# a row that got no answer: no connection, a reset, a timeout".
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { Mosn::sleep(20); return });
my $good = Mosn::origin(sub { Mosn::ok_response('x') });
sub cluster { qq|{ name = "$_[0]"; outlier_detection = { consecutive_local_errors = 3; }; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); }| }
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { prefix = "/plain"; }; route = { cluster = "plain"; timeout = "100ms"; }; }, { route = { cluster = "grpc"; }; } ); } ); } );
clusters = ( @{[cluster('plain')]}, @{[cluster('grpc')]} );
E
Mosn::get($mosn->port(1), '/plain') for 1 .. 4;
my $s = $mosn->stats;
is("$s->{'cluster.plain.ejections'} $s->{'cluster.plain.timeouts'}", '1 4', 'by the timeout of a route');
Mosn::get($mosn->port(1), '/s/m', method => 'POST', body => "\0\0\0\0\0", headers => ['Content-Type: application/grpc', 'TE: trailers', 'grpc-timeout: 100m']) for 1 .. 4;
$s = $mosn->stats;
is("$s->{'cluster.grpc.ejections'} $s->{'cluster.grpc.timeouts'}", '1 4', 'by the deadline of a call');
$mosn->finish; done_testing();
