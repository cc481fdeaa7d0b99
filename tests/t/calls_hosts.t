#!/usr/bin/env perl
# tests/t/calls_hosts.t - many calls on many connections while hosts are
# killed, frozen and added, and while mosn is reloaded and upgraded: each call
# gets its own answer, once.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Test::More;
use Time::HiRes qw(time sleep);
use POSIX ();
use Mosn;
use Calls;

my $calls = Mosn::tool('calls');
my @ports = map { Mosn::free_port() } 0 .. 3;
my %host;

sub start_host {
    my ($n) = @_;
    my ($pid, $out) = Mosn::background($calls, 'host', $ports[$n], 40);
    Mosn::wait_for(sub { Mosn::slurp($out) =~ /ready/ }) or die 'no host';
    $host{$n} = $pid;
}
start_host($_) for 0 .. 2;

my $hosts = join ', ', map { qq({ address = "127.0.0.1:$_"; }) } @ports;
my $conf = <<"E";
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "calls"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "main"; } ); } );
routes = ( { name = "main"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { service = "com.example.Calls"; version = "1.0"; }; route = { cluster = "bolt"; }; },
    { match = { }; route = { cluster = "dubbo"; }; } ); } ); } );
clusters = (
  { name = "bolt"; protocol = "bolt"; hosts = ( $hosts );
    rpc = { heartbeat_interval = "500ms"; heartbeat_timeout = "300ms"; heartbeat_misses = 3; }; },
  { name = "dubbo"; protocol = "dubbo"; hosts = ( $hosts ); } );
E
my $mosn = Mosn->start($conf, workers => 2);

# Counts of a load that runs while `during` does.
sub load {
    my ($seconds, $protocol, $conns, $in_flight, $during) = @_;
    my ($pid, $out) = Mosn::background($calls, 'load', $seconds, $mosn->port(1), $protocol, $conns, $in_flight);
    $during->() if $during;
    Mosn::wait_for(sub { waitpid($pid, 1) == $pid }, $seconds + 30);
    my %count = Mosn::slurp($out) =~ /^(\w+) (\d+)$/mg;
    note(join ' ', map { "$_ $count{$_}" } sort keys %count);
    return \%count;
}

sub whole {
    my ($count) = @_;
    return join ' ', map { $_ . ' ' . ($count->{$_} // '?') } qw(swapped strays lost closed);
}

my $well = 'swapped 0 strays 0 lost 0 closed 0';
for my $protocol (qw(bolt boltv2 dubbo)) {
    my $count = load(1, $protocol, 16, 200);
    is(whole($count) . " failed $count->{failed}", "$well failed 0", "$protocol: all is well");
    cmp_ok($count->{answered}, '>', 3000, 'and moves');
}

# One host dies, one freezes, one comes.
my ($killed, $frozen, $ejected);
my $count = load(6, 'bolt', 64, 200, sub {
    sleep 1;
    kill 'KILL', $host{0};
    $killed = time;
    sleep 0.5;
    start_host(3);
    sleep 0.5;
    kill 'STOP', $host{1};
    $frozen = time;
    Mosn::wait_for(sub { $mosn->log =~ /$ports[1]: the peer did not answer/ }, 8);
    $ejected = time;
});
is(whole($count), $well, 'a host killed, one frozen, one added: each call has one answer, its own');
my $others = $count->{failed} - ($count->{by_16} // 0);
is($others, 0, 'failed are those that were on the lost ones (16: connection closed)');
cmp_ok($count->{failed}, '<=', 2 * 64 * 200, 'each host took no more with it than was under way');
cmp_ok($ejected - $frozen, '<', 0.5 + 3 * 0.3 + 2, 'the frozen one is found by its heartbeats');
$count = load(1, 'bolt', 16, 100);
is(whole($count) . " failed $count->{failed}", "$well failed 0", 'and left alone, though its kernel still accepts');
like($mosn->log, qr/upstream 127.0.0.1:$ports[3] is back/, 'the one that came is found');
kill 'CONT', $host{1};
ok(Mosn::wait_for(sub { $mosn->log =~ /upstream 127.0.0.1:$ports[1] is back/ }, 40), 'so is the one that thaws');
start_host(0);
ok(Mosn::wait_for(sub { $mosn->log =~ /upstream 127.0.0.1:$ports[0] is back/ }, 40), 'and the one that is started again');

# The same where calls may be repeated: nothing fails.
(my $repeating = $conf) =~ s/(route = \{ cluster = "bolt");/$1; retry_lost = true;/;
$repeating =~ s/(protocol = "bolt";)/$1 retry_budget = { percent = 100; };/;
$mosn->write_conf($repeating, workers => 2);
is(($mosn->ctl('reload'))[1], 0, 'calls may be repeated');
my $misses = () = $mosn->log =~ /$ports[1]: the peer did not answer/g;
$count = load(6, 'bolt', 64, 200, sub {
    sleep 1;
    kill 'KILL', $host{0};
    sleep 0.5;
    kill 'STOP', $host{1};
    Mosn::wait_for(sub { my $now = () = $mosn->log =~ /$ports[1]: the peer did not answer/g; $now > $misses }, 8);
});
is(whole($count) . " failed $count->{failed}", "$well failed 0", 'a host killed, one frozen: each call is answered, by whoever is left');
kill 'CONT', $host{1};
start_host(0);

# The process changes under the load.
$count = load(6, 'bolt', 32, 200, sub {
    for my $round (1 .. 4) {
        sleep 0.8;
        is(($mosn->ctl($round % 2 ? 'reload' : 'upgrade'))[1], 0, $round % 2 ? 'reload' : 'upgrade');
    }
});
is(whole($count) . " failed $count->{failed}", "$well failed 0", 'reload and upgrade: no connection is closed, no answer lost, doubled or swapped');
$count = load(4, 'dubbo', 32, 100, sub {
    for my $workers (1, 4, 2) {
        sleep 0.8;
        $mosn->write_conf($conf, workers => $workers);
        is(($mosn->ctl('reload'))[1], 0, "reload to $workers workers");
    }
});
is(whole($count) . " failed $count->{failed}", "$well failed 0", 'the same with other numbers of workers');

# Large frames without a pause: it moves between two of them.
my $big = Calls->connect($mosn->port(1));
my $writer = fork;
if (!$writer) {
    my $frame = Calls::bolt(id => 9, map => [service => 'com.example.Calls:1.0'], content => 'b' x 200_000);
    $big->send($frame) for 1 .. 400;
    POSIX::_exit(0);
}
my ($n, $reloaded) = (0, 0);
my %old;
while ($n < 400) {
    last unless length $big->bolt_answer->{content} == 200_000;
    if (++$n == 50) {
        %old = map { $_->{pid} => 1 } grep { $_->{role} =~ /worker/ } @{ $mosn->status->{children} };
        is(($mosn->ctl('reload'))[1], 0, 'a reload while large frames come');
    }
}
is($n, 400, 'all are answered');
waitpid $writer, 0;
ok(Mosn::wait_for(sub { !grep { $old{ $_->{pid} } } @{ $mosn->status->{children} } }, 8), 'and the old workers are gone');
$big->close;

$mosn->finish;
done_testing;
