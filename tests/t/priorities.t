# priorities.t - requests with a high priority have limits, and then
# connections, of their own.

use strict;
use warnings;
use Test::More;
use Mosn;

my $dir = Mosn::new_dir();
my $origin = Mosn::origin(sub {
    my $r = shift;
    Mosn::wait_for(sub { -e "$dir/go" }) if $r->{path} =~ /held/;
    return Mosn::ok_response($r->{path});
});
my $breakers = 'circuit_breaker = { max_connections = 1; max_pending = 2; }; circuit_breaker_high = { max_connections = 2; max_pending = 1; };';
sub cluster { return qq|{ name = "c"; $_[0] hosts = ( { address = "127.0.0.1:@{[$origin->port]}"; } ); }| }
my $mosn = Mosn->start(<<"E", workers => 1);
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { prefix = "/high"; }; route = { cluster = "c"; priority = "high"; }; }, { route = { cluster = "c"; }; } ); } ); } );
clusters = ( @{[cluster($breakers)]} );
E
my $port = $mosn->port(1);
sub send_to { my ($path) = @_; my $s = Mosn::connect_to($port); print $s "GET $path HTTP/1.1\r\nHost: x\r\n\r\n"; return $s }
sub gauge { return $mosn->stats->{"cluster.c.$_[0]"} }
sub counts { my ($name, $expected, $what) = @_; Mosn::wait_for(sub { gauge($name) == $expected }); is(gauge($name), $expected, $what) }
sub answers { return join ' ', map { Mosn::Reader->new($_)->message(0)->{status} } @_ }

# Whoever waits for a connect is pending, too: one after the other.
sub held {
    my ($path, $requests) = @_;
    my $s = send_to($path);
    Mosn::wait_for(sub { $origin->seen =~ /GET \Q$path\E / }) if $requests;
    return $s;
}
my @low = map { held("/held/$_", $_ == 1) } 1 .. 3;
counts('pending', 2, 'two wait for the one connection');
is(Mosn::get($port, '/x')->{status}, 503, 'one more is too many');
my @high = map { held("/high/held/$_", $_ < 3) } 1 .. 3;
counts('pending_high', 1, 'of a high priority one waits');
counts('connections_active_high', 2, 'for two connections');
counts('connections_active', 3, 'three in all');
is(Mosn::get($port, '/high/x')->{status}, 503, 'one more is too many there, too');
open my $f, '>', "$dir/go" or die;
close $f;
is(answers(@high), '200 200 200', 'all of a high priority are answered');
is(answers(@low), '200 200 200', 'the others, too');
counts('pending', 0, 'nobody waits');
counts('pending_high', 0, 'nor there');

# --- the limits go, and come back, under requests
my $n = 0;
for my $how ('', $breakers, '', $breakers) {
    unlink "$dir/go";
    $n++;
    my @s = map { held("/high/held/r$n$_", 1) } 1 .. 2;
    Mosn::wait_for(sub { gauge('requests_high') == 2 });
    is($mosn->apply('clusters = ( ' . cluster($how) . ' );'), '', $how eq '' ? 'without limits' : 'with limits');
    my $new = send_to('/high/held/new');
    open $f, '>', "$dir/go" or die;
    close $f;
    is(answers(@s, $new), '200 200 200', 'all are answered');
}
is(($mosn->ctl('host', 'add', 'c', '127.0.0.1:1'))[1], 0, 'another host');
is(($mosn->ctl('host', 'remove', 'c', '127.0.0.1:' . $origin->port))[1], 0, 'the first one leaves');
counts('connections_active', 0, 'and its connections with it');
counts('connections_active_high', 0, 'of both kinds');

$mosn->finish;
done_testing();
