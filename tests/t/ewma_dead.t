# peak_ewma: a host that never answers is not the one that answers soonest.
use strict; use warnings; use Test::More; use Mosn;
my $good = Mosn::origin(sub { Mosn::ok_response('good') });
my $closes = Mosn::origin(sub { return });
my $hangs = Mosn::origin(sub { Mosn::sleep(10); return });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
   { match = { prefix = "/hang"; }; route = { cluster = "hang"; timeout = "200ms"; }; }, { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; lb = "peak_ewma"; hosts = ( { address = "127.0.0.1:@{[$good->port]}"; }, { address = "127.0.0.1:@{[$closes->port]}"; } ); },
 { name = "hang"; lb = "peak_ewma"; hosts = ( { address = "127.0.0.1:@{[$good->port]}"; }, { address = "127.0.0.1:@{[$hangs->port]}"; } ); } );
E
my $port = $mosn->port(1);
my $ok = grep { (Mosn::get($port, '/', method => 'POST', body => 'x')->{status} // 0) == 200 } 1 .. 40;
cmp_ok($ok, '>', 10, "a host that closes every connection does not get everything ($ok of 40 answered)");
$ok = grep { (Mosn::get($port, '/hang')->{status} // 0) == 200 } 1 .. 12;
cmp_ok($ok, '>', 3, "nor one that hangs ($ok of 12 answered)");
$mosn->finish; done_testing();
