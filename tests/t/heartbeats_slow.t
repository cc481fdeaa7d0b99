#!/usr/bin/env perl
# tests/t/heartbeats_slow.t - a host that takes a long call slowly is alive: it
# cannot answer a heartbeat that stands behind the call.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Test::More;
use Time::HiRes qw(time sleep);
use Mosn;
use Calls;

use constant LONG => 6 << 20;

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8, ReuseAddr => 1) or die "listen: $!";
setsockopt $listen, SOL_SOCKET, SO_RCVBUF, 65536 or die "setsockopt: $!";
my $host = $listen->sockport;

my $mosn = Mosn->start(<<"E");
listeners = ( { name = "calls"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; downstream_protocol = "bolt"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { }; route = { cluster = "b"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "b"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:$host"; } );
    rpc = { heartbeat_interval = "300ms"; heartbeat_timeout = "700ms"; heartbeat_misses = 2; }; } );
E

my $client = Calls->connect($mosn->port(1));
my $call = Calls::bolt(id => 7, timeout => 30_000, map => [service => 'a'], content => 'x' x LONG);
my $writer = Mosn::spawn(sub { $client->send($call) });
my $up = Calls->accept($listen, 10);

# Piece by piece for twice as long as a host may be silent.
my ($took, $pieces, $begun) = ('', 0, time);
while (length $took < length($call) && time - $begun < 30) {
    my $n = sysread $up->{socket}, $took, 100_000, length $took;
    last if !$n;
    sleep 0.05 if ++$pieces < 70;
}
cmp_ok(time - $begun, '>', 3, 'the host takes its time');
cmp_ok(length $took, '>=', length $call, 'the call arrives whole');
$up->send(Calls::bolt_response(id => unpack('x5N', $took), content => 'slow'));
my $answer = $client->bolt_answer;
is("$answer->{id} $answer->{status} $answer->{content}", '7 0 slow', 'and is answered');
Mosn::end_child($writer);
is($mosn->stats->{'cluster.b.heartbeats_missed'} // 0, 0, 'no heartbeat was missed');

# One that stops to take it is given up.
$writer = Mosn::spawn(sub { $client->send($call) });
$up->more for 1 .. 3;
$begun = time;
$answer = $client->bolt_answer;
is("$answer->{id} $answer->{status}", '7 16', 'a host that takes no more is given up');
cmp_ok(time - $begun, '<', 10, 'soon');
Mosn::end_child($writer);
cmp_ok($mosn->stats->{'cluster.b.heartbeats_missed'} // 0, '>=', 2, 'two heartbeats were missed');
$mosn->finish;
done_testing;
