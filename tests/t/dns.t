# dns.t - hosts that have names.

use strict;
use warnings;
use IO::Socket::INET;
use Test::More;
use Mosn;
use Names;

my $names = Names->start('none A 1 1.2.3.4');
my $dns = $names->port;
sub zone { $names->say(@_) }

# Origins of one port at several addresses.
my $http = Mosn::free_port();
for my $n (1 .. 3) {
    my $listen = IO::Socket::INET->new(LocalAddr => "127.0.0.$n", LocalPort => $http, Listen => 16, ReuseAddr => 1) or die "127.0.0.$n: $!";
    Mosn::spawn(sub {
        while (my $s = $listen->accept) {
            if (fork == 0) {
                alarm 60;
                my $reader = Mosn::Reader->new($s);
                while ($reader->message(1)) { print $s Mosn::ok_response($n); $s->flush }
                POSIX::_exit(0);
            }
        }
    });
}

zone('web.test A 1 127.0.0.1', 'one.test A 1 127.0.0.1', 'one.test A 1 127.0.0.2',
    "_http._tcp.test SRV 1 0 5 $http a.test", "_http._tcp.test SRV 1 1 5 $http b.test", 'a.test A 1 127.0.0.1', 'b.test A 1 127.0.0.2');
my $mosn = Mosn->start(<<"E", workers => 2);
control_socket = "%%DIR%%/control.sock";
dns = { servers = ["127.0.0.1:$dns"]; timeout = "200ms"; min_ttl = "200ms"; retry = "200ms"; };
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { prefix = "/one"; }; route = { cluster = "logical"; }; },
  { match = { prefix = "/srv"; }; route = { cluster = "srv"; }; },
  { route = { cluster = "strict"; }; } ); } ); } );
clusters = ( { name = "strict"; discovery = "strict_dns"; hosts = ( { name = "web.test:$http"; weight = 7; } ); },
  { name = "logical"; discovery = "logical_dns"; hosts = ( { name = "one.test:$http"; } ); },
  { name = "srv"; discovery = "strict_dns"; hosts = ( { name = "_http._tcp.test"; } ); } );
E
my $port = $mosn->port(1);
sub who { my ($path) = @_; my %seen = map { Mosn::get($port, $path)->{body} => 1 } 1 .. 12; return join ' ', sort keys %seen }
sub becomes { my ($path, $expected, $name) = @_; my $is = ''; Mosn::wait_for(sub { $is = who($path); $is eq $expected }, 10); is($is, $expected, $name) }

is(who('/'), '1', 'the first request finds a host');
like(who('/one'), qr/^[12]$/, 'a logical name has one');
is(who('/srv'), '1', 'SRV: the first priority serves');
like(Mosn::get($mosn->port(0), '/clusters')->{body}, qr/^strict: .*\n  127\.0\.0\.1:$http +well +weight 7/m, 'with the weight of the name');

zone('web.test A 1 127.0.0.2', 'web.test A 1 127.0.0.3', 'one.test A 1 127.0.0.1', 'one.test A 1 127.0.0.2', 'one.test A 1 127.0.0.3',
    "_http._tcp.test SRV 1 0 5 $http b.test", 'b.test A 1 127.0.0.3');
my $one = who('/one');
becomes('/', '2 3', 'new addresses');
becomes('/srv', '3', 'a new service');
is(who('/one'), $one, 'one that is still told stays');

zone('fail');
ok(Mosn::wait_for(sub { $mosn->log =~ /cannot resolve web\.test:$http: .*; what was known stays in force/ }), 'a server that fails is told of');
is(who('/'), '2 3', 'and what was known stays');
zone('silent');
$names->wait_asked('web.test', 3);
is(who('/'), '2 3', 'so it does when nobody answers');
zone('other A 1 1.2.3.4');
$names->wait_asked('web.test', 3);
is(who('/'), '2 3', 'or the name is gone');

zone('web.test A 1 127.0.0.1', 'one.test A 1 127.0.0.2', "_http._tcp.test SRV 1 0 5 $http b.test", 'b.test A 1 127.0.0.3');
becomes('/', '1', 'it comes back');
like(($mosn->ctl('host', 'add', 'strict', '127.0.0.9:1'))[0], qr/has `discovery`/, 'such hosts are not added by hand');
like(($mosn->ctl('config'))[0], qr/name = "web\.test:$http"/, 'the configuration has the name');

# A reload: nobody is without a host.
my ($bad, $n) = (0, 0);
for (1 .. 3) {
    my ($pid, $out) = Mosn::background("$Mosn::BIN" . 'ctl', '-s', "$mosn->{dir}/control.sock", 'reload');
    Mosn::wait_for(sub { $n++; $bad++ if Mosn::get($port, '/')->{status} != 200; waitpid($pid, POSIX::WNOHANG()) == $pid });
    for (1 .. 20) { $n++; $bad++ if Mosn::get($port, '/')->{status} != 200 }
}
is($bad, 0, "three reloads, $n requests: each found a host");

$mosn->finish;
done_testing();
