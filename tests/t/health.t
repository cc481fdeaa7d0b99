# health.t - hosts are asked how they are; who is not well gets nothing.

use strict;
use warnings;
use Test::More;
use Calls;
use Mosn;

# Origins that are as well as a file says.
my $dir = Mosn::new_dir();
sub state { my ($name, $is) = @_; open my $f, '>', "$dir/$name" or die; print $f $is; close $f }
my %of;
for my $name (qw(a b)) {
    state($name, 200);
    $of{$name} = Mosn::origin(sub {
        my $r = shift;
        return Mosn::ok_response($name) unless $r->{path} eq '/health';
        my $is = Mosn::slurp("$dir/$name");
        return "HTTP/1.1 $is Some\r\nContent-Length: 0\r\n\r\n";
    });
}
my $redis = Mosn::server(sub {
    my ($s) = @_;
    while (defined(my $line = <$s>)) { print $s Mosn::slurp("$dir/tcp") if $line =~ /PING/ }
});
state('tcp', "+PONG\r\n");
my $grpc = Mosn::free_port();
my ($grpc_pid, $grpc_out) = Mosn::background('/usr/bin/python3', "$Mosn::TOP/tests/tools/grpc_peer.py", 'server', $grpc);
Mosn::wait_for(sub { Mosn::slurp($grpc_out) =~ /ready/ });
my $bolt = Mosn::free_port();
my $bolt_pid;
sub bolt { ($bolt_pid) = Mosn::background(Mosn::tool('calls', "-I$Mosn::TOP/tests/lib"), 'host', $bolt, 'bolt') }
bolt();

my $mosn = Mosn->start(<<"E", workers => 2);
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "http"; }; } ); } ); } );
clusters = (
  { name = "http"; health_check = { path = "/health"; interval = "50ms"; healthy = 2; unhealthy = 3; statuses = ["200", "204"]; event_log = "%%DIR%%/events.log"; };
    hosts = ( { address = "127.0.0.1:@{[$of{a}->port]}"; }, { address = "127.0.0.1:@{[$of{b}->port]}"; } ); },
  { name = "tcp"; health_check = { type = "tcp"; send = "PING\\r\\n"; expect = "+PONG"; interval = "50ms"; };
    hosts = ( { address = "127.0.0.1:@{[$redis->port]}"; } ); },
  { name = "open"; health_check = { type = "tcp"; interval = "50ms"; }; hosts = ( { address = "127.0.0.1:@{[$redis->port]}"; }, { address = "127.0.0.1:1"; } ); },
  { name = "grpc"; protocol = "http2"; health_check = { type = "grpc"; interval = "50ms"; }; hosts = ( { address = "127.0.0.1:$grpc"; } ); },
  { name = "grpc-down"; protocol = "http2"; health_check = { type = "grpc"; service = "test.down"; interval = "50ms"; }; hosts = ( { address = "127.0.0.1:$grpc"; } ); },
  { name = "bolt"; protocol = "bolt"; rpc = { heartbeat_interval = "0s"; }; health_check = { type = "heartbeat"; interval = "50ms"; timeout = "100ms"; unhealthy = 2; }; hosts = ( { address = "127.0.0.1:$bolt"; } ); } );
E
my $port = $mosn->port(1);

# "well", "unhealthy" ... of a cluster's hosts, as the admin page tells it.
sub health {
    my ($cluster) = @_;
    my $page = Mosn::get($mosn->port(0), '/clusters')->{body};
    my ($hosts) = $page =~ /^\Q$cluster\E: [^\n]*\n((?:  [^\n]*\n)*)/m;
    return join ' ', $hosts =~ /^  \S+ +(\w+) /mg;
}
sub becomes {
    my ($cluster, $expected, $name) = @_;
    my $is = '';
    Mosn::wait_for(sub { $is = health($cluster); $is eq $expected }, 10);
    is($is, $expected, $name);
}
sub who { my %seen = map { Mosn::get($port, '/')->{body} => 1 } 1 .. 20; return join ' ', sort keys %seen }
sub serve { my ($expected, $name) = @_; my $is = ''; Mosn::wait_for(sub { $is = who(); $is eq $expected }, 10); is($is, $expected, $name) }
sub checks { my %s = %{ $mosn->stats }; my $n = 0; $n += $s{$_} for grep { /^host\.\Q$_[0]\E,.*\.checks_(passed|failed)$/ } keys %s; return $n }
ok(Mosn::wait_for(sub { checks('http') >= 4 }), 'checks are made');

# --- http

becomes('http', 'well well', 'both are well');
serve('a b', 'both serve');
state('b', 503);
becomes('http', 'well unhealthy', 'one is not');
serve('a', 'it gets nothing');
state('b', 204);
becomes('http', 'well well', 'well again, by another status');
serve('a b', 'both serve');
state('b', 301);
becomes('http', 'well unhealthy', 'a status that is not on the list');
state('b', 200);
becomes('http', 'well well', 'back');
my $connections = () = $mosn->stats->{'cluster.http.connections'};
my $before = checks('http');
my $opened = $mosn->stats->{'cluster.http.connections'};
Mosn::wait_for(sub { checks('http') > $before + 20 });
ok($mosn->stats->{'cluster.http.connections'} - $opened <= 4, 'connections of checks are kept');
my $events = Mosn::slurp("$mosn->{dir}/events.log");
like($events, qr/^\{"time_ms":\d+,"cluster":"http","host":"\S+","healthy":false,"why":"status 503"\}$/m, 'the event log tells it');
like($events, qr/"healthy":true,"why":"status 204"/, 'and the way back');
like($mosn->log, qr/cluster "http": host \S+ is unhealthy: status 503/, 'so does the error log');
like(($mosn->ctl('explain', 'GET', '/'))[0], qr/^  \S+ +well/m, 'and explain');

# all are bad: as if none were
state($_, 500) for qw(a b);
becomes('http', 'unhealthy unhealthy', 'all are bad');
serve('a b', 'then all are used');
state($_, 200) for qw(a b);
becomes('http', 'well well', 'all are well');

# --- the others

becomes('tcp', 'well', 'what is expected comes');
state('tcp', "-LOADING\r\n");
becomes('tcp', 'unhealthy', 'something else comes');
state('tcp', "+PONG\r\n");
becomes('tcp', 'well', 'it comes again');
becomes('open', 'well unhealthy', 'one accepts, one does not');
becomes('grpc', 'well', 'a gRPC server');
becomes('grpc-down', 'unhealthy', 'a service that does not serve');
becomes('bolt', 'well', 'a heartbeat');
kill 'STOP', $bolt_pid;
becomes('bolt', 'unhealthy', 'a host that does not move');
kill 'CONT', $bolt_pid;
becomes('bolt', 'well', 'it moves');

# --- changes, restarts

my $c = "127.0.0.1:1";
is(($mosn->ctl('host', 'add', 'http', $c))[1], 0, 'a host is added');
becomes('http', 'well well unhealthy', 'and asked');
is(($mosn->ctl('host', 'remove', 'http', $c))[1], 0, 'removed');
becomes('http', 'well well', 'and forgotten');
state('a', 500);
becomes('http', 'unhealthy well', 'one is bad');
my %pids = $mosn->pids;
kill 'KILL', $pids{control};
Mosn::wait_for(sub { my %p = $mosn->pids; ($p{control} // 0) && $p{control} != $pids{control} && eval { Mosn::get($mosn->port(0), '/ready')->{status} == 200 } });
is(who(), 'b', 'what was known is known while nobody asks');
state('a', 200);
becomes('http', 'well well', 'and the next process asks on');
is(($mosn->ctl('reload'))[1], 0, 'a reload');
state('b', 500);
becomes('http', 'well unhealthy', 'asks on, too');
serve('a', 'for the new workers');

$mosn->finish(allow => qr/killed|ended/);
done_testing();
