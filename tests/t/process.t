# process.t - the life of the processes: crashes, signals, limits, logs.

use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time sleep);

my $origin = Mosn::origin(sub {
    my $r = shift;
    sleep 1 if $r->{path} eq '/slow';
    sleep 20 if $r->{path} eq '/slower';
    return Mosn::ok_response("fine");
});
my $conf = <<"E";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
    filters = ( { type = "proxy"; routes = "r"; access_log = ( { path = "%%DIR%%/access.log"; } ); } ); },
  { name = "few"; address = "127.0.0.1:%%PORT2%%"; max_connections = 2;
    filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "fewtcp"; address = "127.0.0.1:%%PORT3%%"; max_connections = 1;
    filters = ( { type = "tcp_proxy"; cluster = "c"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$origin->{port}"; } ); } );
E

my $mosn = Mosn->start($conf, workers => 2);
my $port = $mosn->port(1);
my %pids = $mosn->pids;
is(join(',', sort keys %pids), 'control,worker 0,worker 1', 'titles of the children');
like(Mosn::slurp("/proc/$mosn->{pid}/cmdline"), qr/^mosn: master/, 'title of the master');
like(Mosn::slurp("/proc/$pids{'worker 0'}/status"), qr/^NoNewPrivs:\t1$/m, 'no new privileges');

# kill -9 of a worker: the other serves, the replacement has its sockets.
my $before = time;
kill 'KILL', $pids{'worker 0'};
my %new;
ok(Mosn::wait_for(sub { %new = $mosn->pids; $new{'worker 0'} && $new{'worker 0'} != $pids{'worker 0'} }),
    'a killed worker is replaced');
note(sprintf "after %.0f ms", (time - $before) * 1000);
is($new{'worker 1'}, $pids{'worker 1'}, 'the other one stays');
my $failed = 0;
for (1 .. 40) { my $a = eval { Mosn::get($port, '/') }; $failed++ unless $a && $a->{status} == 200 }
is($failed, 0, '40 requests over both workers are answered');
ok(Mosn::wait_for(sub { my $a = eval { Mosn::get($mosn->port(0), '/ready') }; $a && $a->{status} == 200 }), 'ready again');
my $total = $mosn->stats->{'downstream.l.requests'};

# kill -9 of the control process: requests go on, counters too.
kill 'KILL', $new{control};
for (1 .. 20) { my $a = eval { Mosn::get($port, '/') }; $failed++ unless $a && $a->{status} == 200 }
is($failed, 0, 'without the control process requests are answered');
ok(Mosn::wait_for(sub { my $a = eval { Mosn::get($mosn->port(0), '/healthz') }; $a && $a->{status} == 200 }),
    'it comes back');
cmp_ok($mosn->stats->{'downstream.l.requests'}, '>=', $total + 20, 'counters go on');

# Admin page.
is(Mosn::get($mosn->port(0), '/none')->{status}, 404, 'admin: no such page');
is(Mosn::get($mosn->port(0), '/stats', method => 'POST', body => '')->{status}, 405, 'admin: read only');
my $metrics = Mosn::get($mosn->port(0), '/metrics');
like($metrics->{h}{'content-type'}[0], qr/^application\/openmetrics-text/, 'OpenMetrics');
like($metrics->{body}, qr/^mosn_downstream_requests_total\{listener="l"\} \d+$/m, 'a counter');
like($metrics->{body}, qr/^mosn_host_connections_active\{cluster="c",host="127\.0\.0\.1:\d+"\} \d+$/m, 'a gauge');
like($metrics->{body}, qr/^mosn_downstream_request_duration_seconds_bucket\{listener="l",le="\+Inf"\} \d+$/m, 'a histogram');
like($metrics->{body}, qr/# EOF\n$/, 'and its end');
like(Mosn::get($mosn->port(0), '/config')->{body}, qr/^workers = 2;$/m, 'the configuration');

# Limits of connections. Each worker counts for itself.
my @held = map { my $s = Mosn::connect_to($mosn->port(2)); $s } 1 .. 12;
my $refused = 0;
for my $s (@held) {
    my ($got, $end) = Mosn::raw($s, '', seconds => 0.1);
    $refused++ if $got =~ /^HTTP\/1\.1 503 .*Too many connections\n$/s && $end eq 'closed';
}
cmp_ok($refused, '>=', 8, 'over max_connections: 503 and closed');
close $_ for @held;
ok(Mosn::wait_for(sub { Mosn::get($mosn->port(2), '/')->{status} == 200 }), 'and served again when others left');

# Logs are opened again.
rename "$mosn->{dir}/access.log", "$mosn->{dir}/access.1";
rename "$mosn->{dir}/error.log", "$mosn->{dir}/error.1";
kill 'USR1', $mosn->{pid};
ok(Mosn::wait_for(sub { -e "$mosn->{dir}/access.log" && -e "$mosn->{dir}/error.log" }), 'USR1: new files');
Mosn::get($port, '/after-reopen') for 1 .. 10;
ok(Mosn::wait_for(sub { (() = Mosn::slurp("$mosn->{dir}/access.log") =~ /after-reopen/g) == 10 }),
    'the next requests are logged there');

# TERM drains: a slow request is finished, a kept connection closed.
my $idle = Mosn::connect_to($port);
print $idle "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
Mosn::Reader->new($idle)->message(0);
my $slow = Mosn::connect_to($port);
print $slow "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
ok(Mosn::wait_for(sub { $mosn->stats->{'downstream.l.requests_active'} == 1 }), 'a request is under way');
kill 'TERM', $mosn->{pid};
my $answer = Mosn::Reader->new($slow)->message(0);
is($answer->{body}, 'fine', 'TERM: the request under way is answered');
is($answer->{h}{connection}[0], 'close', 'and told that the connection closes');
my ($got, $end) = Mosn::raw($idle, '');
is($end, 'closed', 'the idle connection is closed');
is(eval { Mosn::connect_to($port); 1 }, undef, 'no new connection') if Mosn::wait_for(sub { !eval { Mosn::connect_to($port) } });
rename "$mosn->{dir}/error.1", "$mosn->{dir}/out.1";
$mosn->finish;

# A second TERM ends at once, and INT does.
for my $signals (['TERM', 'TERM'], ['INT']) {
    my $m = Mosn->prepare;
    (my $own = $conf) =~ s/drain_timeout.*//;
    $m->write_conf($own, workers => 1);
    $m->run;
    my $s = Mosn::connect_to($m->port(1));
    print $s "GET /slower HTTP/1.1\r\nHost: a\r\n\r\n";
    Mosn::wait_for(sub { $m->stats->{'downstream.l.requests_active'} == 1 });
    my $t = time;
    kill $signals->[0], $m->{pid};
    if (@$signals > 1) { sleep 0.1; kill $signals->[1], $m->{pid} }
    Mosn::wait_for(sub { waitpid($m->{pid}, 1) == $m->{pid} });
    $m->{status} = $?;
    cmp_ok(time - $t, '<', 5, "@$signals: ends at once");
    is(Mosn::raw($s, '', seconds => 2), '', 'the request is cut');
}

# A port that is taken: a clear message and status 1.
my $taken = Mosn::server(sub { });
my $m = Mosn->prepare;
$m->{ports}{1} = $taken->{port};
$m->write_conf($conf);
my $out = `$Mosn::BIN -c $m->{conf} 2>&1`;
is($? >> 8, 1, 'a taken port: status 1');
like($out . $m->log, qr/\[err\].*listener "l": cannot listen on 127\.0\.0\.1:$taken->{port}: Address already in use/, 'and says which');

# No descriptors left: accepting pauses and goes on, nothing spins.
$m = Mosn->prepare;
$m->write_conf($conf, workers => 1);
$m->run;
%pids = $m->pids;
system 'prlimit', '--pid', $pids{'worker 0'}, '--nofile=40:40';
my @many = map { eval { Mosn::connect_to($m->port(1)) } } 1 .. 100;
ok(Mosn::wait_for(sub { $m->log =~ /cannot accept, pausing.*Too many open files/ }), 'EMFILE is reported');
my $ticks = sub { (split ' ', Mosn::slurp("/proc/$pids{'worker 0'}/stat"))[13] };
my $t0 = $ticks->();
sleep 0.5;
cmp_ok($ticks->() - $t0, '<', 15, 'without spinning');
close $_ for grep { $_ } @many;
ok(Mosn::wait_for(sub { my $a = eval { Mosn::get($m->port(1), '/') }; $a && $a->{status} == 200 }),
    'it serves again when descriptors are free');
$m->finish;

done_testing();
