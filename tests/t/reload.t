# reload.t - reload and upgrade under load: nothing is refused, reset, lost or
# closed in silence; nothing leaks.

use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time sleep);

my $steady = Mosn::tool('steady');
my ($http, $tcp) = (Mosn::free_port(), Mosn::free_port());
my ($origin_pid, $origin_out) = Mosn::background($steady, 'origin', $http, $tcp);
ok(Mosn::wait_for(sub { Mosn::slurp($origin_out) =~ /ready/ }), 'the origin is there');

my $body = <<"E";
listeners = (
  { name = "l"; address = "127.0.0.1:%%PORT1%%";
    filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "t"; address = "127.0.0.1:%%PORT2%%";
    filters = ( { type = "tcp_proxy"; cluster = "t"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$http"; } ); },
  { name = "t"; hosts = ( { address = "127.0.0.1:$tcp"; } ); } );
E
my $head = <<'E';
control_socket = "%%DIR%%/control.sock";
drain_timeout = "60s";
E
my $mosn = Mosn->start($head . $body, workers => 2);
my $stats = $mosn->stats;

# The worker count changes all the time.
sub traffic_while {
    my ($name, $seconds, $code) = @_;
    my ($pid, $out) = Mosn::background($steady, 'load', $seconds,
        $mosn->port(1), $mosn->port(2), 60, 50, 20, 20);
    my $until = time + $seconds - 0.5;
    my ($n, $refused, $words) = (0, 0, '');
    while (time < $until) {
        my ($text, $rc) = $code->($n++);
        $refused++ if $rc;
        $words .= $text if $rc;
        sleep 0.2;
    }
    Mosn::wait_for(sub { waitpid($pid, 1) == $pid }, 30);
    my %r = map { split ' ' } split /\n/, Mosn::slurp($out);
    cmp_ok($n, '>', 4, "$name: $n transactions");
    is($refused, 0, "$name: none was refused") or diag($words);
    cmp_ok($r{requests} // 0, '>', 500, "$name: requests are answered");
    is($r{failed}, 0, "$name: none failed") or diag(Mosn::slurp("$out.err"));
    is($r{silent}, 0, "$name: no kept connection is closed in silence");
    cmp_ok($r{echoes} // 0, '>', 500, "$name: tunnels and streams echo");
    is($r{lost}, 0, "$name: none of them broke") or diag(Mosn::slurp("$out.err"));
}

# Counters never go backwards.
sub counters_grow {
    my $now = $mosn->stats;
    my @back = grep { !/active/ && $now->{$_} < $stats->{$_} } keys %$stats;
    is("@back", '', 'no counter went backwards');
    $stats = $now;
}

traffic_while('reload', 8, sub { $mosn->ctl('reload') });
counters_grow();
traffic_while('upgrade', 8, sub { $mosn->ctl('upgrade') });
counters_grow();
traffic_while('worker count', 8, sub {
    my $n = shift;
    $mosn->write_conf($head . $body, workers => $n % 2 ? 1 : 4);
    return $mosn->ctl('reload');
});
counters_grow();
is($mosn->status->{pid}, $mosn->{pid}, 'the process id is still the same');

# Tunnels gone, old processes go.
ok(Mosn::wait_for(sub { !grep { $_->{state} ne 'serving' } @{ $mosn->status->{children} } }),
    'old workers end when their connections have');

# A signal does the same; several of them are not lost and not interleaved.
my $before = $mosn->status->{generation};
my $asked = sub { scalar(() = $mosn->log =~ /reload of /g) };
my $n = $asked->();
kill 'HUP', $mosn->{pid};
Mosn::wait_for(sub { $asked->() > $n });
kill 'HUP', $mosn->{pid};
ok(Mosn::wait_for(sub { $mosn->status->{generation} >= $before + 2 }), 'HUP reloads, and once more when it came again meanwhile');
ok(Mosn::wait_for(sub { $mosn->status->{state} eq 'serving' }), 'and serves');
$before = $mosn->status->{generation};
kill 'USR2', $mosn->{pid};
ok(Mosn::wait_for(sub { $mosn->status->{generation} > $before && $mosn->status->{state} eq 'serving' }), 'USR2 upgrades');

# Answers of requests under way say that the connection closes; a body whose
# head went out before goes on, and the connection with it.
$mosn->write_conf($head . $body, workers => 1);
is(($mosn->ctl('reload'))[1], 0, 'one worker');
my $busy = Mosn::connect_to($mosn->port(1));
print $busy "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab";
ok(Mosn::wait_for(sub { $mosn->stats->{'downstream.l.requests_active'} == 1 }), 'half of a request is there');
is(($mosn->ctl('reload'))[1], 0, 'reload in the middle of it');
print $busy "cd";
my $answer = Mosn::Reader->new($busy)->message(0);
is($answer->{body}, '/slow 4', 'it is answered');
is($answer->{h}{connection}[0], 'close', 'and says close');

# Listeners come, move and go.
my $three = $body;
$three =~ s/listeners = \(/listeners = (\n  { name = "new"; address = "127.0.0.1:%%PORT3%%"; filters = ( { type = "proxy"; routes = "r"; } ); },/;
$mosn->write_conf($head . $three, workers => 2);
is(($mosn->ctl('reload'))[1], 0, 'a listener more, a worker more');
is(Mosn::get($mosn->port(3), '/x')->{status}, 200, 'it serves');
my $kept = Mosn::connect_to($mosn->port(3));
print $kept "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
is(Mosn::Reader->new($kept)->message(0)->{body}, '/1 0', 'a connection is kept');
(my $moved = $three) =~ s/%%PORT3%%/%%PORT4%%/;
$mosn->write_conf($head . $moved, workers => 2);
is(($mosn->ctl('reload'))[1], 0, 'it moves');
is(Mosn::get($mosn->port(4), '/x')->{status}, 200, 'to another port');
ok(!eval { Mosn::connect_to($mosn->port(3)) }, 'the old port is closed');
is((Mosn::raw($kept, ''))[1], 'closed', 'its kept connection is closed');
(my $wide = $moved) =~ s/127\.0\.0\.1:%%PORT4%%/0.0.0.0:%%PORT4%%/;
$mosn->write_conf($head . $wide, workers => 2);
is(($mosn->ctl('reload'))[1], 0, 'the same port on all addresses');
is(Mosn::get($mosn->port(4), '/x')->{status}, 200, 'serves');

# What the settings say that are not of listeners.
$mosn->write_conf(($head . $body) =~ s/control\.sock/control2.sock/r, workers => 2);
is(($mosn->ctl('reload'))[1], 0, 'another control socket');
ok(Mosn::wait_for(sub { -S "$mosn->{dir}/control2.sock" && !-e "$mosn->{dir}/control.sock" }), 'is there, the old one is gone');
rename "$mosn->{dir}/control2.sock", "$mosn->{dir}/control.sock";

$mosn->finish;
Mosn::end_child($origin_pid);
done_testing();
