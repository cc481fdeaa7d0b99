# Many descriptors are sockets, few are free, and a worker stands still for a
# while: each change is refused, or reaches all in the end.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(sleep);
my $mosn = Mosn->prepare;
my $more = join ', ', map { qq({ name = "l$_"; address = "127.0.0.1:%%PORT$_%%"; filters = ( { type = "proxy"; routes = "r"; } ); }) } 1 .. 40;
$mosn->write_conf(<<"E", whole => 1);
workers = 2; user = "root"; error_log = { path = "%%DIR%%/error.log"; level = "info"; };
admin = { address = "127.0.0.1:%%PORT0%%"; }; worker_connections = 64;
control_socket = "%%DIR%%/control.sock"; drain_timeout = "3s"; hang_timeout = "0ms";
listeners = ( $more );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:1"; } ); } );
E
$mosn->run(pre => [ 'prlimit', '--nofile=140' ]);
my %p = $mosn->pids;
kill 'STOP', $p{'worker 1'};
my ($n, $said, $rc) = (0, '', 0);
my $few = $mosn->status->{descriptors};
for my $i (1 .. 600) {    # until its channel is full
    ($said, $rc) = $mosn->ctl('host', 'set', 'c', '127.0.0.1:1', "weight=$i");
    $n++;
    last if $rc || ($i % 10 == 0 && $mosn->status->{descriptors} > $few + 2);
}
for my $k (1 .. 2) {
    $said = $mosn->apply('clusters = ( ' . join(', ', map { qq({ name = "n$k-$_"; hosts = ( { address = "127.0.0.1:1"; } ); }) } 1 .. 25) . ' );');
    diag "apply $k: '$said'";
}
diag "after $n changes: $said";
kill 'CONT', $p{'worker 1'};
my $same = Mosn::wait_for(sub { my $t = ($mosn->ctl('status'))[0]; my ($m) = $t =~ /change: (\d+)/; my @c = $t =~ /^\S.* change: (\d+)$/mg; return @c == 3 && !grep { $_ != $m } @c }, 5);
ok($same, 'all processes have what the master says') or diag(($mosn->ctl('status'))[0]);
my @alerts = grep { /alert|warn/ } split /\n/, $mosn->log;
diag scalar(@alerts), "\n", map {"$_\n"} grep { defined } @alerts[0..4,-3..-1];
ok($mosn->log !~ m{cannot pass a resource on}, 'no change was said to be done and was lost');
$mosn->stop;
done_testing();
