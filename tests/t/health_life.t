# health_life.t - checks of odd hosts, and checks while settings, processes
# and limits change.

use strict;
use warnings;
use IO::Socket::UNIX;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Mosn;

my $dir = Mosn::new_dir();
chmod 0755, $dir;
sub state { my ($name, $is) = @_; open my $f, '>', "$dir/$name" or die; print $f $is; close $f }
state('status', 200);

# --- odd hosts: what they do with a connection's n-th question
my $ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
my %odd = (
    bytes => [well => sub { my ($s) = @_; for (split //, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n") { syswrite $s, $_ } 1 }],
    interim => [well => sub { my ($s) = @_; print $s "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n$ok"; 1 }],
    endless => [unhealthy => sub { my ($s) = @_; print $s "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"; while (print $s "1000\r\n", 'x' x 4096, "\r\n") { } 0 }],
    huge_head => [unhealthy => sub { my ($s) = @_; print $s "HTTP/1.1 200 OK\r\n"; for (1 .. 2000) { print $s "X-$_: ", 'x' x 200, "\r\n" or return 0 } 0 }],
    no_answer => [unhealthy => sub { 0 }],
    once => [well => sub { my ($s, $n) = @_; return 0 if $n > 1; print $s $ok; 1 }],
    switch => [unhealthy => sub { my ($s) = @_; print $s "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxxx"; 0 }],
    extra => [well => sub { my ($s) = @_; print $s $ok, $ok; 1 }],
);
my %at = map {
    my $code = $odd{$_}[1];
    ($_ => Mosn::server(sub { my ($s) = @_; my $r = Mosn::Reader->new($s); my $n = 0; while ($r->message(1)) { $code->($s, ++$n) or last } })->port);
} keys %odd;
my %grpc = (fine => 'well', bytes => 'well', status14 => 'unhealthy', html => 'unhealthy', trailers => 'unhealthy', wedge => 'well');
my %grpc_at = map { my $port = Mosn::free_port(); Mosn::background('/usr/bin/python3', "$Mosn::TOP/tests/tools/grpc_odd.py", $_, $port); ($_ => $port) } keys %grpc;
for my $port (values %grpc_at) { Mosn::wait_for(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }) or die }
my $unix = IO::Socket::UNIX->new(Local => "$dir/s", Listen => 16) or die;
chmod 0777, "$dir/s";
Mosn::spawn(sub {
    while (my $s = $unix->accept) {
        my $m = Mosn::Reader->new($s)->message(1) or next;
        print $s $m->{head} =~ m{^Host: [\w.:-]+\r$}m ? $ok : "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n";
        close $s;
    }
});
my $plain = Mosn::server(sub { my ($s, $log) = @_; sysread $s, my $got, 100; Mosn::say_to($log, $got); print $s "+PONG\r\n" });

# --- hosts for what follows
my $steady = Mosn::origin(sub { "HTTP/1.1 " . Mosn::slurp("$dir/status") . " X\r\nContent-Length: 0\r\n\r\n" })->port;
my $slow = Mosn::server(sub {    # says nothing; tells when it is left alone
    my ($s, $log) = @_;
    Mosn::say_to($log, "open\n");
    sysread $s, my $byte, 1;
    Mosn::say_to($log, "closed\n");
});
my $slow_at = $slow->port;
my $failing = Mosn::origin(sub { "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" })->port;
my $fine = Mosn::origin(sub { Mosn::ok_response('fine') })->port;
my $nobody = Mosn::free_port();
# A socket whose queue is full: connects hang.
my $hole = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die;
my $hole_at = $hole->sockport;
my @full = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $hole_at, Blocking => 0) } 1 .. 4;

my $check = 'interval = "100ms"; timeout = "400ms"; jitter_percent = 0.0;';
sub cluster { my ($name, $check, $port, $more) = @_; return qq|{ name = "$name"; health_check = { $check }; hosts = ( { address = "127.0.0.1:$port"; } ); ${\ ($more // '')} }| }
my $ejecting = qq|{ name = "two"; %s hosts = ( { address = "127.0.0.1:$failing"; }, { address = "127.0.0.1:$fine"; } ); }|;
my $mosn = Mosn->start(<<"E" . 'clusters = ( ' . join(', ',
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { prefix = "/two"; }; route = { cluster = "two"; }; },
  { match = { prefix = "/hole"; }; route = { cluster = "limited"; subset = { v = "hole"; }; timeout = "2s"; }; },
  { route = { cluster = "steady"; }; } ); } ); } );
E
    (map { cluster($_, "$check healthy = 1; unhealthy = 1;", $at{$_}) } sort keys %odd),
    (map { cluster("grpc-$_", "$check type = \"grpc\"; healthy = 1; unhealthy = 1;", $grpc_at{$_}, 'protocol = "http2";') } sort keys %grpc),
    qq|{ name = "unix"; health_check = { $check }; hosts = ( { address = "unix:$dir/s"; } ); }|,
    cluster('tls', "$check type = \"tcp\"; send = \"PING\\r\\n\"; expect = \"+PONG\";", $plain->port, 'tls = { verify = false; };'),
    cluster('steady', 'interval = "500ms"; healthy = 3; unhealthy = 3;', $steady),
    cluster('slow', 'type = "tcp"; expect = "x"; interval = "10ms"; timeout = "30s";', $slow_at),
    cluster('hole', 'interval = "50ms"; timeout = "30s";', $hole_at, 'connect_timeout = "30s";'),
    sprintf($ejecting, 'outlier_detection = { consecutive_errors = 2; ejection_time = "24h"; max_ejection_time = "24h"; };'),
    qq|{ name = "idle"; health_check = { interval = "20ms"; }; outlier_detection = { failure_percent = 50; min_requests = 10; interval = "200ms"; ejection_time = "60s"; };
         hosts = ( { address = "127.0.0.1:$nobody"; }, { address = "127.0.0.1:$fine"; } ); }|,
    qq|{ name = "limited"; subset_selectors = ( ["v"] ); connect_timeout = "30s"; circuit_breaker = { max_pending = 2; }; health_check = { interval = "50ms"; timeout = "30s"; };
         hosts = ( { address = "127.0.0.1:$failing"; metadata = { v = "a"; }; }, { address = "127.0.0.1:$hole_at"; metadata = { v = "hole"; }; } ); }|,
) . ' );');
my $port = $mosn->port(1);
sub becomes {
    my ($cluster, $expected, $name) = @_;
    my $is = '';
    Mosn::wait_for(sub { ($is) = $mosn->hosts_of($cluster) =~ /^  \S+ +(\w+)/; ($is // '') eq $expected }, 10);
    is($is, $expected, $name // "$cluster: $expected");
}
sub checks { my ($cluster, $kind) = @_; my $s = $mosn->stats; my $n = 0; /^host\.\Q$cluster\E,.*\.checks_$kind$/ and $n += $s->{$_} for keys %$s; return $n }

# --- odd hosts
for my $name (sort keys %odd) {
    my $well = $odd{$name}[0] eq 'well';
    Mosn::wait_for(sub { checks($name, 'passed') + checks($name, 'failed') >= 5 });
    is(checks($name, $well ? 'failed' : 'passed'), 0, "HTTP, $name: always $odd{$name}[0]");
}
becomes("grpc-$_", $grpc{$_}) for grep { $_ ne 'wedge' } sort keys %grpc;
ok(Mosn::wait_for(sub { checks('grpc-wedge', 'failed') >= 1 }), 'a connection dies');
Mosn::wait_for(sub { checks('grpc-wedge', 'passed') >= 9 });
becomes('grpc-wedge', 'well', 'the next check has another connection');
becomes('unix', 'well', 'a host at a unix socket is asked with a Host that it takes');
becomes('tls', 'unhealthy', 'a TCP check goes over TLS where requests do');
unlike($plain->seen, qr/PING/, 'and nothing in plain text');

# --- settings change under a check
my %before = $mosn->pids;
ok(Mosn::wait_for(sub { $slow->seen =~ /open/ }), 'a check is under way');
is($mosn->apply(qq|clusters = ( { name = "slow"; hosts = ( { address = "127.0.0.1:$slow_at"; } ); } );|), '', 'the cluster has no checks any more');
ok(Mosn::wait_for(sub { $slow->seen =~ /closed/ }, 5), 'the check ends at once');
is($mosn->apply('clusters = ( ' . cluster('hole', 'type = "tcp"; interval = "50ms"; timeout = "30s";', $hole_at, 'connect_timeout = "30s";') . ' );'), '', 'a check that waits becomes one of another type');

# --- limits and counts of requests
my @waiting = map { my $s = Mosn::connect_to($port); print $s "GET /hole HTTP/1.1\r\nHost: x\r\n\r\n"; $s } 1 .. 4;
ok(Mosn::wait_for(sub { $mosn->stats->{'cluster.limited.pending_overflow'} > 0 }), 'too many requests wait for one host');
my $failed = checks('limited', 'failed');
my $some = $failed;
Mosn::wait_for(sub { ($some = checks('limited', 'failed')) >= $failed + 10 });
unlike($mosn->log, qr/unhealthy: a limit/, 'checks of another obey no such limit');
ok(checks('idle', 'failed') > 20, 'checks fail') or diag checks('idle', 'failed');
is($mosn->stats->{'cluster.idle.ejections'}, 0, 'they are no requests that fail');
close $_ for @waiting;
my @taken;
$hole->blocking(0);
ok(Mosn::wait_for(sub { my $s = $hole->accept; push @taken, $s if $s; ($mosn->hosts_of('hole') =~ / well /) && @taken > 4 }), 'the other type of check is done when connects are taken');
my %after = $mosn->pids;
is($after{control}, $before{control}, 'the control process is who it was');

# --- who was left out
Mosn::get($port, '/two') for 1 .. 20;
like($mosn->hosts_of('two'), qr/:$failing +ejected/, 'a host is ejected');
is($mosn->apply('clusters = ( ' . sprintf($ejecting, '') . ' );'), '', 'without outlier detection');
ok(Mosn::wait_for(sub { $mosn->hosts_of('two') !~ /ejected/ }, 5), 'nobody is');
is($mosn->apply('clusters = ( ' . sprintf($ejecting, 'outlier_detection = { consecutive_errors = 2; ejection_time = "24h"; max_ejection_time = "24h"; };') . ' );'), '', 'with it again');
Mosn::get($port, '/two') for 1 .. 20;
like($mosn->hosts_of('two'), qr/:$failing +ejected/, 'ejected again');
for my $verb ('remove', 'add') {
    is(($mosn->ctl('host', $verb, 'two', "127.0.0.1:$failing"))[1], 0, "it is: $verb");
}
ok(Mosn::wait_for(sub { $mosn->hosts_of('two') !~ /ejected/ }, 5), 'who comes anew is not ejected');

# --- what is known outlives a reload and the control process
becomes('steady', 'well');
state('status', 503);
is(($mosn->ctl('reload'))[1], 0, 'a reload');
my $from = checks('steady', 'failed');
Mosn::wait_for(sub { checks('steady', 'failed') > $from }) if $from == 0;
my ($is) = $mosn->hosts_of('steady') =~ /^  \S+ +(\w+)/;
is(checks('steady', 'failed') < 3 ? $is : 'well', 'well', 'one bad answer after it: still well');
becomes('steady', 'unhealthy', 'three: not');
ok($mosn->replace_control, 'the control process is killed');
state('status', 200);
$from = checks('steady', 'passed');
Mosn::wait_for(sub { checks('steady', 'passed') > $from });
($is) = $mosn->hosts_of('steady') =~ /^  \S+ +(\w+)/;
is(checks('steady', 'passed') < $from + 3 ? $is : 'unhealthy', 'unhealthy', 'one good answer: still unhealthy');
becomes('steady', 'well', 'three: well');

$mosn->finish(allow => qr/control.*(?:signal 9|Killed)/);
done_testing();
