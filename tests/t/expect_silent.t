# Hosts that say nothing to Expect, and clients that send their body late or never.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(time sleep);

# Clients that do not send their bodies do not have hosts left out.
{
my @host = map { Mosn::server(sub {
    my ($s) = @_;
    while (1) {
    my $n = 0;
    while (<$s>) { $n = $1 if /content-length: (\d+)/i; last if $_ eq "\r\n" }
    return if eof $s && !$n;
    read $s, my $x, $n if $n;
    print $s Mosn::ok_response("ok");
    }
}) } 1 .. 2;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "500ms"; }; } ); } ); } );
clusters = ( { name = "c"; lb = "round_robin"; outlier_detection = { consecutive_local_errors = 3; ejection_time = "10m"; max_ejection_time = "10m"; max_ejection_percent = 100; };
   hosts = ( @{[join ', ', map { "{ address = \"127.0.0.1:$_->{port}\"; }" } @host]} ); } );
E
my $attack = sub { my ($expect) = @_;
    my @s = map { my $s = Mosn::connect_to($mosn->port(1)); print $s "PUT / HTTP/1.1\r\nHost: a\r\n${expect}Content-Length: 5\r\n\r\n"; $s } 1 .. 10;
    sleep 2; close $_ for @s; };
$attack->('');
is($mosn->stats->{'cluster.c.ejections'}, 0, 'clients without Expect have nobody left out');
$attack->("Expect: 100-continue\r\n");
is($mosn->stats->{'cluster.c.ejections'}, 0, 'nor have clients with it') or diag($mosn->hosts_of('c'));
$mosn->finish;
}

my $host = Mosn::server(sub {
    my ($s) = @_;
    while (<$s>) { last if $_ eq "\r\n" }
    read $s, my $x, 5;
    print $s Mosn::ok_response("got $x");
});

# A host that says nothing to Expect (RFC 9110, 10.1.1: it may) and a client
# that sends its body after a second, as curl does.
{
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
        { match = { prefix = "/retry"; }; route = { cluster = "c"; timeout = "20s"; retry = { on = ["5xx"]; attempts = 2; per_try_timeout = "400ms"; }; }; },
        { match = { prefix = "/idle"; }; route = { cluster = "c"; timeout = "20s"; idle_timeout = "400ms"; }; },
        { route = { cluster = "c"; timeout = "600ms"; }; } ); } ); } );
clusters = ( { name = "c"; outlier_detection = { consecutive_local_errors = 3; }; hosts = ( { address = "127.0.0.1:@{[$host->port]}"; } ); } );
E
for my $path ('/retry', '/idle', '/') {
    for my $expect ('', "Expect: 100-continue\r\n") {
        my $s = Mosn::connect_to($mosn->port(1));
        print $s "PUT $path HTTP/1.1\r\nHost: a\r\n${expect}Content-Length: 5\r\nConnection: close\r\n\r\n";
        sleep 2;
        print $s 'hello';
        my $m = Mosn::Reader->new($s)->message(0);
        is($m->{status} . ' ' . $m->{body}, '200 got hello', "$path " . ($expect ? 'Expect' : 'none'));
    }
}
is($mosn->stats->{'cluster.c.timeouts'}, 0, 'the host is not late: it has not had the body');
$mosn->finish;
}

# body_timeout is for a client that sends Expect, too, where nobody else looks:
# a route without a timeout whose host says nothing to Expect.
{
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; body_timeout = "1s"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "0s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$host->port]}"; } ); } );
E
for my $expect ('', "Expect: 100-continue\r\n") {
    my $s = Mosn::connect_to($mosn->port(1));
    print $s "PUT / HTTP/1.1\r\nHost: a\r\n${expect}Content-Length: 5\r\n\r\n";
    my $came = IO::Select->new($s)->can_read(12);
    ok($came, ($expect ? 'with Expect' : 'without Expect') . ': a client that never sends its body does not stay for ever');
    close $s;
}
$mosn->finish;
}

done_testing();
