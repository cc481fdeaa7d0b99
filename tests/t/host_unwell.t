# host_unwell.t - who is used while hosts are not well, and who goes elsewhere
# when one is disabled.
use strict;
use warnings;
use Test::More;
use Mosn;

my $dir = Mosn::new_dir();
sub mark { open my $f, '>', "$dir/$_[0]" or die; close $f }
my @hosts = map {
    my $n = $_;
    Mosn::origin(sub {
        my $r = shift;
        return "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n" if $r->{path} eq '/health' && (-e "$dir/bad" || $n == 4);
        Mosn::wait_for(sub { -e "$dir/go" }) if $r->{path} eq '/held';
        return Mosn::ok_response("h$n");
    })
} 0 .. 4;
my @at = map { '{ address = "127.0.0.1:' . $_->port . '"; }' } @hosts;
my $all = join ', ', @at;
my $two = join ', ', @at[0, 1];
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { headers = ( { name = "to"; exact = "panic"; } ); }; route = { cluster = "panic"; }; },
    { match = { headers = ( { name = "to"; exact = "sticky"; } ); }; route = { cluster = "sticky"; }; },
    { route = { cluster = "hashed"; hash = ( { header = "x"; } ); }; } ); } ); } );
clusters = (
    { name = "panic"; panic_percent = 90; health_check = { path = "/health"; interval = "50ms"; }; hosts = ( $all ); },
    { name = "sticky"; sticky = { cookie = "route"; }; health_check = { path = "/health"; interval = "50ms"; unhealthy = 1; healthy = 1; }; hosts = ( $two ); },
    { name = "hashed"; lb = "maglev"; circuit_breaker = { max_connections = 1; }; hosts = ( $two ); } );
E
my $port = $mosn->port(1);

# panic_percent: four of five are fewer than 90 per cent.
ok(Mosn::wait_for(sub { $mosn->hosts_of('panic') =~ /unhealthy/ }), 'one of five is not well');
my %n;
$n{ Mosn::get($port, '/', headers => ['to: panic'])->{body} }++ for 1 .. 50;
is(join(' ', sort keys %n), 'h0 h1 h2 h3 h4', 'panic_percent = 90: all are used');

# When no host is well a cookie keeps its client still.
my $first = Mosn::get($port, '/', headers => ['to: sticky']);
my ($cookie) = ($first->{h}{'set-cookie'}[0] // '') =~ /^(route=\w+)/;
mark('bad');
ok(Mosn::wait_for(sub { 2 == (() = $mosn->hosts_of('sticky') =~ /unhealthy/g) }), 'no host is well');
is(join(' ', map { Mosn::get($port, '/', headers => ['to: sticky', "Cookie: $cookie"])->{body} } 1 .. 10),
    join(' ', ($first->{body}) x 10), 'a client stays where its session is');

# "disabled: nobody comes": nor those who wait for a connection.
my %x;
for my $x (1 .. 100) { $x{ Mosn::get($port, '/', headers => ["x: $x"])->{body} } = $x; last if keys %x == 2 }
sub ask { my $s = Mosn::connect_to($port); print $s "GET $_[0] HTTP/1.1\r\nHost: x\r\nx: $x{h0}\r\n\r\n"; return $s }
my $held = ask('/held');
ok(Mosn::wait_for(sub { $hosts[0]->seen =~ /held/ }), 'the connection is busy');
my $s = ask('/');
ok(Mosn::wait_for(sub { $mosn->stats->{'cluster.hashed.pending'} == 1 }), 'one more waits');
is(($mosn->ctl('host', 'set', 'hashed', '127.0.0.1:' . $hosts[0]->port, 'state=disabled'))[1], 0, 'disabled');
is(IO::Select->new($s)->can_read(5) && Mosn::Reader->new($s)->message(0)->{body}, 'h1', 'who waits goes to the other host');
mark('go');
is(Mosn::Reader->new($held)->message(0)->{body}, 'h0', 'who is served is served to the end');
$mosn->finish;
done_testing();
