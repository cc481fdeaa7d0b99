# Health checks by heartbeat, for each protocol of calls: who answers well is
# well, who says that it is not, or nothing, is not.
use strict; use warnings; use Test::More; use Mosn;
my $alive = Mosn::server(sub { my ($s) = @_; read $s, my $byte, 1 });
my @protocols = qw(bolt boltv2 dubbo tr);
sub clusters {
    my ($far, $port) = @_;
    return join ', ', map { qq({ name = "$_-$far"; protocol = "$_"; rpc = { heartbeat_interval = "0s"; };
        health_check = { type = "heartbeat"; interval = "50ms"; timeout = "500ms"; unhealthy = 1; }; hosts = ( { address = "127.0.0.1:$port"; } ); }) } @protocols;
}
my $mosn = Mosn->start(<<"E" . 'clusters = ( ' . clusters('good', '%%PORT1%%') . ', ' . clusters('sick', '%%PORT2%%') . <<"E");
control_socket = "%%DIR%%/control.sock"; drain_timeout = "2s";
listeners = (
  { name = "good"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; rpc = { heartbeat = "health"; heartbeat_cluster = "alive"; }; } ); },
  { name = "sick"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "r"; rpc = { heartbeat = "health"; heartbeat_cluster = "dead"; }; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "ok"; }; } ); } ); } );
E
  , { name = "alive"; hosts = ( { address = "127.0.0.1:$alive->{port}"; } ); },
  { name = "dead"; health_check = { type = "tcp"; interval = "50ms"; }; hosts = ( { address = "127.0.0.1:%%PORT3%%"; } ); } );
E
sub is_said { my ($cluster, $what) = @_; my $seen = ''; ok(Mosn::wait_for(sub { ($seen = $mosn->hosts_of($cluster)) =~ / \Q$what\E /}, 8), "$cluster: $what") or diag($seen) }
is_said('dead', 'unhealthy');
is_said("$_-sick", 'unhealthy') for @protocols;
is_said("$_-good", 'well') for @protocols;
my $stats = $mosn->stats;
for my $p (@protocols) {
    my ($passed) = grep { /^host\.$p-good,.*checks_passed$/ } keys %$stats;
    ok(Mosn::wait_for(sub { $mosn->stats->{$passed} > 2 }), "$p: checks pass");
}
$mosn->finish; done_testing();
