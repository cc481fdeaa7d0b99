# systemd.t - what a service manager hears and hands over.  The same under a
# real systemd: make boot-test.

use strict;
use warnings;
use Test::More;
use Mosn;
use Socket qw(:all);

my $dir = Mosn::new_dir();
socket my $manager, AF_UNIX, SOCK_DGRAM, 0 or die $!;
bind $manager, pack_sockaddr_un("$dir/notify") or die $!;
my @heard;

# True when a datagram has come that matches.
sub hears {
    my ($pattern, $name) = @_;
    my $got = Mosn::wait_for(sub {
        while (defined recv $manager, my $text, 4096, MSG_DONTWAIT) {
            push @heard, $text;
            return 1 if $text =~ $pattern;
        }
        return 0;
    }, 6);
    ok($got, $name) or diag(join "|", @heard);
}

my $conf = <<'E';
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
  filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { respond = { body = "fine"; }; } ); } ); } );
E
local $ENV{NOTIFY_SOCKET} = "$dir/notify";
local $ENV{WATCHDOG_USEC} = 1000000;
my $mosn = Mosn->start($conf);
hears(qr/^READY=1\nSTATUS=Serving with 1 workers/, 'READY when it serves');
hears(qr/^WATCHDOG=1$/, 'WATCHDOG') for 1 .. 2;
$mosn->ctl('reload');
hears(qr/^RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=Reloading/, 'RELOADING with its time');
hears(qr/^READY=1\nSTATUS=Serving generation 2 with 1 workers/, 'and READY');
hears(qr/^WATCHDOG=1$/, 'WATCHDOG goes on');
$mosn->ctl('upgrade', '/bin/true');
hears(qr/^RELOADING=1\n.*Upgrading/s, 'an upgrade is a reload');
hears(qr/^READY=1\nSTATUS=Serving; the last upgrade was refused/, 'that was refused');
kill 'TERM', $mosn->{pid};
hears(qr/^STOPPING=1\nSTATUS=Draining/, 'STOPPING');
$mosn->finish;
delete $ENV{NOTIFY_SOCKET};
delete $ENV{WATCHDOG_USEC};

# Sockets that were opened before: one alone, and one with SO_REUSEPORT.
for my $reuse (0, 1) {
    my $m = Mosn->prepare;
    $m->write_conf($conf, workers => 2);
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $m->port(1),
        Listen => 64, ReuseAddr => 1, $reuse ? (ReusePort => 1) : ()) or die $!;
    my $early = Mosn::connect_to($m->port(1));
    print $early "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    my $fd = fileno $s;
    $m->run(pre => ['sh', '-c', "exec 3<&$fd; export LISTEN_FDS=1 LISTEN_PID=\$\$; exec \"\$@\"", 'sh'],
        keep => $s);
    is(Mosn::Reader->new($early)->message(0)->{body}, 'fine', "reuse $reuse: who came early is served");
    like($m->log, qr/127\.0\.0\.1:\d+ is open already/, 'on the socket of the manager');
    my $good = grep { Mosn::get($m->port(1), '/')->{status} == 200 } 1 .. 20;
    is($good, 20, 'and all others');
    is(($m->ctl('reload'))[1], 0, 'a reload');
    close $s;
    $good = grep { Mosn::get($m->port(1), '/')->{status} == 200 } 1 .. 20;
    is($good, 20, 'keeps it');
    $m->finish;
}

SKIP: {
    skip 'no systemd-analyze here', 2 unless -x '/usr/bin/systemd-analyze';
    my $unit = "$Mosn::TOP/contrib/systemd/mosn.service";
    my $out = `systemd-analyze verify $unit 2>&1`;
    is(join('', grep { !/is not executable|Command 'man / } split /^/, $out), '', 'systemd-analyze verify');
    $out = `systemd-analyze security --offline=yes --threshold=30 $unit 2>&1`;
    is($?, 0, 'systemd-analyze security: 3.0 or better') or diag($out =~ /(→.*)/);
}
done_testing();
