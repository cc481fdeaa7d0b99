# A master at its limit of descriptors: a change is refused or reaches all.
use strict; use warnings; use Test::More; use Mosn;
my $mosn = Mosn->prepare;
$mosn->write_conf(<<"E", whole => 1);
workers = 2; user = "root"; error_log = { path = "%%DIR%%/error.log"; level = "info"; };
admin = { address = "127.0.0.1:%%PORT0%%"; allow_changes = true; }; worker_connections = 64;
control_socket = "%%DIR%%/control.sock"; drain_timeout = "3s";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:1"; } ); } );
E
$mosn->run;
my $base = () = glob "/proc/$mosn->{pid}/fd/*";
my %fd = map { m{(\d+)$} ? ($1 => 1) : () } glob "/proc/$mosn->{pid}/fd/*";
my $max = 0; $max++ while $fd{$max}; $max--;
diag "master has $base descriptors, highest $max";
my %before = $mosn->pids;
my $w = 1;
for my $room (1 .. 5) {
    system('prlimit', '--pid', $mosn->{pid}, '--nofile=' . ($max + 1 + $room) . ':');
    my ($said, $rc) = $mosn->ctl('host', 'set', 'c', '127.0.0.1:1', 'weight=' . ++$w);
    system('prlimit', '--pid', $mosn->{pid}, '--nofile=1000:');
    chomp $said;
    my $same = Mosn::wait_for(sub { my $t = ($mosn->ctl('status'))[0]; my ($m) = $t =~ /change: (\d+)/; my @c = $t =~ /^\S.* change: (\d+)$/mg; return @c == 3 && !grep { $_ != $m } @c }, 2);
    ok($same, "room for $room: all have it, or none ($said)") or diag(($mosn->ctl('status'))[0]);
}
for my $room (0 .. 3) {
    system('prlimit', '--pid', $mosn->{pid}, '--nofile=' . ($max + 1 + $room) . ':');
    my $a = Mosn::get($mosn->port(0), '/clusters/c/hosts/127.0.0.1:1?weight=' . ++$w, method => 'PUT');
    diag "$room: $a->{status} $a->{body}";
    system('prlimit', '--pid', $mosn->{pid}, '--nofile=1000:');
}
sub same { my $t = ($mosn->ctl('status'))[0]; my ($m) = $t =~ /change: (\d+)/; my @c = $t =~ /^\S.* change: (\d+)$/mg; return @c == 3 && !grep { $_ != $m } @c }
is(($mosn->ctl('host', 'set', 'c', '127.0.0.1:1', 'weight=' . ++$w))[1], 0, 'with room again a change');
ok(Mosn::wait_for(\&same), 'all have it');
my %after = $mosn->pids;
is($after{control}, $before{control}, 'the control process is still the same');
$mosn->stop;
done_testing();
