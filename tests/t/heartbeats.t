#!/usr/bin/env perl
# tests/t/heartbeats.t - heartbeats from a service to its mesh, from mesh to
# mesh, and from a mesh to its service.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Test::More;
use Time::HiRes qw(time sleep);
use Mosn;
use Calls;

sub filter { my ($rpc) = @_; return qq(filters = ( { type = "proxy"; downstream_protocol = "auto"; routes = "r"; rpc = { $rpc }; } );) }

my $mosn = Mosn->start(<<"E");
listeners = (
  { name = "answer"; address = "127.0.0.1:%%PORT1%%"; @{[ filter('') ]} },
  { name = "health"; address = "127.0.0.1:%%PORT2%%"; @{[ filter('heartbeat = "health"; heartbeat_cluster = "b";') ]} },
  { name = "pass"; address = "127.0.0.1:%%PORT3%%"; @{[ filter('heartbeat = "pass"; heartbeat_cluster = "b"; heartbeat_cache = "700ms";') ]} },
  { name = "far"; address = "127.0.0.1:%%PORT4%%"; @{[ filter('heartbeat = "pass"; heartbeat_cluster = "mesh"; heartbeat_cache = "0s";') ]} } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { }; route = { cluster = "b"; }; } ); } ); } );
clusters = (
  { name = "b"; protocol = "bolt"; rpc = { heartbeat_interval = "1500ms"; heartbeat_timeout = "200ms"; heartbeat_misses = 2; };
    hosts = ( { address = "127.0.0.1:%%PORT5%%"; } ); },
  { name = "mesh"; protocol = "http2"; hosts = ( { address = "127.0.0.1:%%PORT1%%"; } ); } );
E

my ($answer, $health, $pass, $far) = map { Calls->connect($mosn->port($_)) } 1 .. 4;

sub beat {
    my ($c, $id) = @_;
    $c->send(Calls::bolt(id => $id, command => 0, timeout => -1));
    my $r = $c->bolt_answer;
    return "$r->{id} $r->{command} $r->{status}";
}

is(beat($answer, 1), '1 0 0', 'answered here');
is(beat($health, 2), '2 0 0', 'by health: nothing is known against the host');
is(beat($pass, 3), '3 0 6', 'passed on: nobody is there');
is(beat($health, 4), '4 0 6', 'now it is known');

my $host = Calls->listen($mosn->port(5));
my $up = Calls->accept($host, 10);
my $r = $up->bolt_request;
is($r->{command}, 0, 'a host that was lost is asked before it gets anything');
is(beat($health, 5), '5 0 6', 'and is not well before it answers');
$up->send(Calls::bolt_response(id => $r->{id}, command => 0));
ok(Mosn::wait_for(sub { beat($health, 6) eq '6 0 0' }), 'then it is');

# Silence: a heartbeat, and when it is missed another one at once.
my (@at, @asked);
while ($r = eval { $up->bolt_request }) {
    push @at, time;
    push @asked, "$r->{command} $r->{status}";
}
is("@asked[-2, -1]", '0 -1 0 -1', 'a silent host is asked, and again') or diag("@asked");
cmp_ok($at[-1] - $at[-2], '<', 1, '... after the timeout, not after the interval');
ok($up->is_closed, 'then the connection is given up');
is(beat($health, 7), '7 0 6', 'and the host is not well');
$up = Calls->accept($host, 10);
$r = $up->bolt_request;
$up->send(Calls::bolt_response(id => $r->{id}, command => 0));
ok(Mosn::wait_for(sub { beat($health, 8) eq '8 0 0' }), 'until it answers again');

# Passed on, and cached.  The pool asks too: its own heartbeats are answered
# on the way.
sub host_answers {
    my ($status, $code) = @_;
    my $pid = fork;
    if (!$pid) {
        eval {
            while (1) {
                my $r = $up->bolt_request;
                $up->send(Calls::bolt_response(id => $r->{id}, command => 0, status => $status));
            }
        };
        require POSIX;
        POSIX::_exit(0);
    }
    $code->();
    kill 'KILL', $pid;
    waitpid $pid, 0;
}
host_answers(0, sub {
    ok(Mosn::wait_for(sub { beat($pass, 9) eq '9 0 0' }), 'passed on: the host is well');
});
is(beat($pass, 10), '10 0 0', 'for a while that answers others too, though it is silent');
host_answers(0, sub {
    ok(Mosn::wait_for(sub { beat($far, 11) eq '11 0 0' }), 'from mesh to mesh, over HTTP/2, and on to the host');
});

# A client's call in between is told apart from heartbeats.
host_answers(0, sub {
    $answer->send(Calls::bolt(id => 12, map => [service => 'a'], content => 'x'));
    $r = $answer->bolt_answer;
    is($r->{id}, 12, 'calls go on');
});
my $stats = $mosn->stats;
cmp_ok($stats->{'cluster.b.heartbeats_missed'} // 0, '>=', 2, 'misses are counted');

$mosn->finish;
done_testing;
