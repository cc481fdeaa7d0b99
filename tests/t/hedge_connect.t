# A host that does not take the connection is slow, too: "An answer that has
# not begun by then is asked of another host".
use strict; use warnings; use Test::More; use Mosn; use Socket;
my $good = Mosn::origin(sub { Mosn::ok_response('good') });
# A listener whose queue is full: SYNs are dropped.
my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or die;
my @fill;
for (1 .. 10) {
    my $s = IO::Socket::INET->new(Proto => 'tcp', Blocking => 0) or die;
    socket($s, PF_INET, SOCK_STREAM, 0); $s->blocking(0);
    connect($s, pack_sockaddr_in($full->sockport, inet_aton('127.0.0.1')));
    push @fill, $s;
}
my $mosn = Mosn->start(<<"E", workers => 1);
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; hedge = { delay = "100ms"; }; }; } ); } ); } );
clusters = ( { name = "c"; lb = "round_robin"; connect_timeout = "6s"; retry_budget = { min_per_second = 100; };
  hosts = ( { address = "127.0.0.1:@{[$good->port]}"; }, { address = "127.0.0.1:@{[$full->sockport]}"; } ); } );
E
my $slowest = 0;
for (1 .. 2) { my $t = Time::HiRes::time(); Mosn::get($mosn->port(1), '/'); $t = Time::HiRes::time() - $t; $slowest = $t if $t > $slowest }
cmp_ok($slowest, '<', 3, 'the other host is asked while the first does not accept');
cmp_ok($mosn->stats->{'cluster.c.hedges'}, '>=', 1, 'by a hedge');
$mosn->finish; done_testing();
