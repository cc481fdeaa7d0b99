# Checks and rates count on while the connection settings of their cluster
# change again and again.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(time sleep);
my $dir = File::Temp::tempdir(CLEANUP => 1);
my $origin = Mosn::origin(sub { return -e "$dir/sick" ? "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n" : Mosn::ok_response('ok') });
sub cluster { my ($ms) = @_; return qq|clusters = ( { name = "c"; connect_timeout = "${ms}ms"; health_check = { interval = "100ms"; unhealthy = 3; }; hosts = ( { address = "127.0.0.1:$origin->{port}"; } ); },
  { name = "d"; connect_timeout = "${ms}ms"; outlier_detection = { failure_percent = 50; min_requests = 20; consecutive_errors = 0; consecutive_local_errors = 0; interval = "1s"; }; hosts = ( { address = "127.0.0.1:$origin->{port}"; } ); } );| }
my $mosn = Mosn->start(<<"E" . cluster(1000));
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { path = "/d"; }; route = { cluster = "d"; }; }, { route = { cluster = "c"; }; } ); } ); } );
E
my $passed = "host.c,127.0.0.1:$origin->{port}.checks_passed";
ok(Mosn::wait_for(sub { ($mosn->stats->{$passed} // 0) > 1 }), 'it is well');
open my $f, '>', "$dir/sick" or die $!; close $f;
my ($since, $n) = (time, 0);
while ($mosn->hosts_of('c') !~ /unhealthy/ && time - $since < 15) {
    $mosn->apply(cluster(1001 + $n++)) eq '' or last;
    sleep 0.1;
}
like($mosn->hosts_of('c'), qr/unhealthy/, "it is found after $n changes");
cmp_ok(time - $since, '<', 10, 'in time');
$since = time;
while ($mosn->hosts_of('d') !~ /ejected/ && time - $since < 15) {
    $mosn->apply(cluster(1001 + $n++)) eq '' or last;
    Mosn::get($mosn->port(1), '/d') for 1 .. 10;
    sleep 0.1;
}
like($mosn->hosts_of('d'), qr/ejected/, 'and so is one whose requests fail');
$mosn->finish; done_testing();
