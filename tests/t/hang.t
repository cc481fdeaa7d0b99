# hang.t - processes that hang, crash again and again, or are killed in the
# worst moment.

use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time sleep);

my $conf = <<'E';
control_socket = "%%DIR%%/control.sock";
hang_timeout = "2s";
drain_timeout = "10s";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
  filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { respond = { body = "fine"; }; } ); } ); } );
E
my $mosn = Mosn->start($conf, workers => 2);
my $port = $mosn->port(1);

sub child {
    my ($role) = @_;
    my ($c) = grep { $_->{role} eq $role && $_->{state} eq 'serving' } @{ $mosn->status->{children} };
    return $c ? $c->{pid} : 0;
}

sub answered {
    my ($n) = @_;
    return scalar grep { my $a = eval { Mosn::get($port, '/') }; $a && $a->{status} == 200 } 1 .. $n;
}

# A worker that is stopped: replaced in time, its queue is served.
my $old = child('worker 0');
kill 'STOP', $old;
my $t = time;
my @waiting = map { my $s = Mosn::connect_to($port); print $s "GET / HTTP/1.1\r\nHost: a\r\n\r\n"; $s } 1 .. 20;
my $good = grep { my $a = Mosn::Reader->new($_)->message(0); $a && $a->{status} == 200 } @waiting;
is($good, 20, 'connections in the queue of a hung worker are served');
cmp_ok(time - $t, '<', 4, 'within hang_timeout and a little');
my $new = child('worker 0');
ok($new && $new != $old, 'by another worker');
like($mosn->log, qr/\[alert\].*worker 0, pid $old, did nothing for \d+ ms: aborting it/, 'it is reported');
my ($text) = $mosn->ctl('status');
like($text, qr/worker 0 was started again 1 times; the last one did not respond and was ended by signal 6/, 'status tells why');

# The control process, too.
$old = child('control');
kill 'STOP', $old;
ok(Mosn::wait_for(sub { my $now = child('control'); $now && $now != $old }, 6), 'a hung control process is replaced');
ok(Mosn::wait_for(sub { my $a = eval { Mosn::get($mosn->port(0), '/ready') }; $a && $a->{status} == 200 }), 'and answers');

# Crashes: what it was busy with is told.
my $busy = Mosn::connect_to($port);
print $busy "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
Mosn::Reader->new($busy)->message(0);
my ($with) = grep { $_->{role} =~ /worker/ && $_->{connections} } @{ $mosn->status->{children} };
kill 'TRAP', $with->{pid};
ok(Mosn::wait_for(sub { ($mosn->ctl('status'))[0] =~ /$with->{role} was started again \d+ times; the last one (was ended by signal|ended with status).*, last busy with conn \d+, \d+ s ago/ }),
    'status tells of a crash, and of the last connection');

# A crash loop is slowed and told.
for (1 .. 4) {
    my $pid = 0;
    Mosn::wait_for(sub { $pid = child('worker 1') });
    kill 'KILL', $pid;
    Mosn::wait_for(sub { child('worker 1') != $pid });
}
like($mosn->log, qr/worker 1 lived only \d+ ms, starting it again in (2|4)00 ms/, 'a crash loop is slowed');
ok(Mosn::wait_for(sub { child('worker 1') }), 'and ends');
is(answered(20), 20, 'all are answered again');

# Every child killed at every moment of a reload: it fails or succeeds, and
# mosn serves.
my ($done, $refused, $bad) = (0, 0, 0);
for my $round (1 .. 12) {
    my @before = map { $_->{pid} } @{ $mosn->status->{children} };
    my ($ctl) = Mosn::background($Mosn::CTL, '-s', "$mosn->{dir}/control.sock", 'reload');
    sleep 0.03 * $round;
    my %pids = $mosn->pids;
    my @all = values %pids;
    my %old = map { $_ => 1 } @before;
    my @victims = $round % 3 == 0 ? @all : grep { ($old{$_} // 0) == $round % 3 - 1 } @all;
    kill 'KILL', @victims;
    my $status;
    Mosn::wait_for(sub { my $r = waitpid($ctl, 1) == $ctl; $status = $? >> 8 if $r; $r });
    $status == 0 ? $done++ : $status == 1 ? $refused++ : $bad++;
    Mosn::wait_for(sub { my $s = $mosn->serving; $s =~ /control \d+ worker 0 \d+ worker 1 \d+/ });
}
note("done $done, refused $refused, else $bad");
is($bad, 0, 'children killed during reloads: each ends with 0 or 1');
ok(Mosn::wait_for(sub { $mosn->status->{state} eq 'serving' && answered(5) == 5 }), 'and mosn serves');
is($mosn->status->{pid}, $mosn->{pid}, 'from the same process');

# Out of service by hand.
is(($mosn->ctl('drain'))[1], 0, 'drain');
is(Mosn::get($mosn->port(0), '/ready')->{status}, 503, 'not ready');
my $answer = Mosn::get($port, '/');
is("$answer->{status} $answer->{h}{connection}[0]", '200 close', 'what comes is answered and closed');
is(($mosn->ctl('reload'))[1], 0, 'a reload');
is(Mosn::get($mosn->port(0), '/ready')->{status}, 503, 'keeps it so');
is(($mosn->ctl('drain', '--off'))[1], 0, 'drain --off');
is(Mosn::get($mosn->port(0), '/ready')->{status}, 200, 'ready again');
is(Mosn::get($port, '/')->{h}{connection}, undef, 'and kept');

# The master killed: its children end, another one serves at once.
my %pids = $mosn->pids;
kill 'KILL', $mosn->{pid};
waitpid $mosn->{pid}, 0;
my $again = bless { %$mosn }, 'Mosn';
$again->run;
is(Mosn::get($port, '/')->{status}, 200, 'a second master serves at once');
ok(Mosn::wait_for(sub { !grep { kill 0, $_ } values %pids }), 'the children of the first are gone');
$again->finish(allow => qr/did nothing for|was ended by signal|ended with status|did not respond/);
done_testing();
