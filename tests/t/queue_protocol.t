# Who waits for room in a cluster is served by it also when it has changed its
# protocol meanwhile.
use strict; use warnings; use Test::More; use Mosn;
my $origin = Mosn::origin(sub { my $r = shift; Mosn::wait_for(sub { 0 }, 1.5) if $r->{head} =~ /slow/; Mosn::ok_response('ok') });
my $circuit = 'circuit_breaker = { max_requests = 1; }; queue = { timeout = "10s"; };';
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "host"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "host"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); },
  { name = "host"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "origin"; }; } ); } ); } );
clusters = ( { name = "c"; $circuit hosts = ( { address = "127.0.0.1:%%PORT2%%"; } ); }, { name = "origin"; hosts = ( { address = "127.0.0.1:$origin->{port}"; } ); } );
E
my @clients = map { my $s = Mosn::connect_to($mosn->port(1)); print $s "GET /$_ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"; $s } 'slow', 1 .. 3;
ok(Mosn::wait_for(sub { $mosn->stats->{'cluster.c.queued'} == 3 }), 'three wait for one');
is($mosn->apply("clusters = ( { name = \"c\"; protocol = \"http2\"; $circuit hosts = ( { address = \"127.0.0.1:%%PORT2%%\"; } ); } );"), '', 'the cluster speaks HTTP/2 now');
is(join(' ', map { my $got = do { local $/; readline $_ }; $got =~ /^HTTP\/1.1 (\d+)/ ? $1 : 'none' } @clients), '200 200 200 200', 'they are served');
$mosn->finish; done_testing();
