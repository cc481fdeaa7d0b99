# Names of generations that differ, names of which some are late, and names
# that nobody has.
use strict; use warnings; use Test::More; use Mosn; use Names; use Time::HiRes qw(time sleep);
my @zone = map { "$_->[0].test A 300 127.0.0.$_->[1]" } ['a', 1], ['b', 2], ['x', 3], ['two', 1], ['two', 2];
my $names = Names->start(@zone, 'silent.test silent');
my $p = Mosn::free_port();
my @o = map { my $i = $_; Mosn::server(sub { my ($s) = @_; while (<$s>) { print $s "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n$i" if $_ eq "\r\n" } }, port => $p, address => "127.0.0.$i") } 1 .. 3;

my $timeout = '9s';

sub subset { return qq|{ match = { path = "/$_[0]"; }; route = { cluster = "c"; subset = { s = "$_[0]"; }; }; },| }
sub host { return qq|{ name = "$_[0].test:$p"; metadata = { s = "$_[0]"; }; }| }
sub named { my ($name, $kind, @hosts) = @_; return qq|{ name = "$name"; discovery = "$kind"; subset_selectors = ( ["s"] ); hosts = ( | . join(', ', map { host($_) } @hosts) . ' ); }' }
sub conf {
    my ($routes, @clusters) = @_;
    return <<"E" . 'clusters = ( ' . join(', ', @clusters) . ' );';
control_socket = "%%DIR%%/control.sock"; start_timeout = "2s"; drain_timeout = "20s";
dns = { servers = ["127.0.0.1:@{[$names->port]}"]; timeout = "$timeout"; min_ttl = "200ms"; retry = "200ms"; };
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( $routes { route = { cluster = "c"; }; } ); } ); } );
E
}
my $mosn = Mosn->start(conf(subset('b'), named('c', 'strict_dns', 'a', 'b')));
sub ask { return Mosn::get($mosn->port(1), $_[0]) }
sub used { my %n; $n{ ask('/')->{body} }++ for 1 .. 30; return join ' ', sort keys %n }
sub reloads { $mosn->write_conf(conf(@_)); return ($mosn->ctl('reload'))[1] == 0 }
is(ask('/b')->{body}, '2', 'each name has its host');

# A generation that fails has other names.
my $never = named('w', 'strict_dns', 'silent');
ok(!reloads('', named('c', 'strict_dns', 'a', 'x'), $never), 'a reload with other names, and one that is never resolved, is refused');
is(ask('/b')->{status}, 200, 'a name that it had not is where it was');
is(used(), '1 2', 'and serves');
ok(reloads('', named('c', 'strict_dns', 'two')), 'a name with two hosts');
ok(!reloads('', named('c', 'logical_dns', 'two'), $never), 'of which a reload that fails wants one');
is(used(), '1 2', 'both serve');

# One that serves: requests of the old one go on.
ok(reloads(subset('b'), named('c', 'strict_dns', 'a', 'b')), 'names of before');
my $s = Mosn::connect_to($mosn->port(1));
print $s "GET /b HTTP/1.1\r\nHost: a\r\nConn";
ok(Mosn::wait_for(sub { ($mosn->stats->{'downstream.l.connections_active'} // 0) >= 1 }), 'half a request');
ok(reloads('', named('c', 'strict_dns', 'a', 'x')), 'a reload while it waits');
is(ask('/')->{status}, 200, 'serves');
print $s "ection: close\r\n\r\n";
is(Mosn::Reader->new($s)->message(0)->{body}, '2', 'the old worker knows the host of a name that the new ones have not');

# Some names are late.
$names->say(@zone, 'late.test silent');
$timeout = '1s';
ok(reloads(subset('late'), qq|{ name = "c"; subset_selectors = ( ["s"] ); hosts = ( { address = "127.0.0.1:1"; metadata = { s = "late"; }; } ); }|), 'a cluster of addresses');
is($mosn->apply('clusters = ( ' . named('c', 'strict_dns', 'a', 'late') . ' );'), '', 'gets names at run time');
ok(Mosn::wait_for(sub { ask('/')->{status} == 200 }), 'one name is known');
$s = Mosn::connect_to($mosn->port(1));
print $s "GET /late HTTP/1.1\r\nHost: a\r\n\r\n";
ok(!IO::Select->new($s)->can_read(0.3), 'who wants the other one waits for it');
$names->say(@zone, 'late.test A 300 127.0.0.2');
is(Mosn::Reader->new($s)->message(0)->{body}, '2', 'and gets it');

# A name that nobody has: others do not wait for it.
my $began = time;
$mosn->write_conf(conf('{ match = { path = "/dead"; }; route = { cluster = "dead"; }; },', named('c', 'strict_dns', 'a'), named('dead', 'strict_dns', 'none')) =~ s/start_timeout = "2s"/start_timeout = "9s"/r);
is(($mosn->ctl('reload'))[1], 0, 'a reload with a name that is not there');
is(ask('/dead')->{status}, 503, 'it has no host');
my %before = $mosn->pids;
kill 'KILL', $before{'worker 0'};
ok(Mosn::wait_for(sub { my %now = $mosn->pids; ($now{'worker 0'} // 0) > 0 && $now{'worker 0'} != $before{'worker 0'} }), 'the worker is replaced');
is(ask('/')->{status}, 200, 'and serves');
cmp_ok(time - $began, '<', 4, 'nobody has waited for five seconds') ;
$names->say(@zone, 'none.test A 300 127.0.0.3');
ok(Mosn::wait_for(sub { my $r = ask('/dead'); $r->{status} == 200 && $r->{body} eq '3' }), 'when it is there it serves');

# It is gone, comes again, and takes the place of addresses.
is($mosn->apply('routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );'), '', 'no route to it');
is(($mosn->ctl('remove', 'dead'))[1], 0, 'the cluster is removed');
unlike($mosn->hosts_of('dead') // '', qr/127/, 'with its hosts');
my $back = 'routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { path = "/dead"; }; route = { cluster = "dead"; }; }, { route = { cluster = "c"; }; } ); } ); } );';
is($mosn->apply('clusters = ( ' . named('dead', 'strict_dns', 'none') . " ); $back"), '', 'and comes again');
is(ask('/dead')->{body}, '3', 'with its host, which is waited for');
is($mosn->apply(qq|clusters = ( { name = "dead"; hosts = ( { address = "127.0.0.1:$p"; } ); } );|), '', 'an address');
ok(Mosn::wait_for(sub { ask('/dead')->{body} eq '1' }), 'serves');
is($mosn->apply('clusters = ( ' . named('dead', 'strict_dns', 'never') . ' );'), '', 'is replaced by a name that is not there');
ok(Mosn::wait_for(sub { $mosn->log =~ /cannot resolve never\.test/ }), 'which is known');
is(ask('/dead')->{body}, '1', 'the address serves until it is');
$mosn->finish(allow => qr/was ended by signal 9/);
done_testing();
