# review.t - what a hostile reader of the process life has found; each was a
# bug once.

use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time sleep);

my $conf = <<'E';
control_socket = "%%DIR%%/control.sock";
pid_file = "%%DIR%%/mosn.pid";
drain_timeout = "5s";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
  filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { respond = { body = "fine"; }; } ); } ); } );
E
my $mosn = Mosn->start($conf, workers => 2);
my $answers = sub { my $a = eval { Mosn::get($_[0] // $mosn->port(1), '/') }; $a && $a->{status} == 200 };
my $count = sub { my $p = shift; scalar(() = $mosn->log =~ /$p/g) };

# Two signals and a wrong file.
$mosn->write_conf($conf . "nonsense = 1;\n", workers => 2);
for (1 .. 3) {
    my $n = $count->(qr/reload refused/);
    kill 'HUP', $mosn->{pid};
    Mosn::wait_for(sub { $count->(qr/reload of /) > $n });
    kill 'HUP', $mosn->{pid};
    Mosn::wait_for(sub { $count->(qr/reload refused/) >= $n + 2 }, 5);
}
ok($answers->(), 'signals during a reload that is refused');
$mosn->write_conf($conf, workers => 2);

# A signal during a check is not lost; USR2 during a reload stays an upgrade.
my $n = $count->(qr/reload done/);
my ($check) = Mosn::background($Mosn::CTL, '-s', "$mosn->{dir}/control.sock", 'check', $mosn->{conf});
Mosn::wait_for(sub { $count->(qr/command: check/) });
kill 'HUP', $mosn->{pid};
ok(Mosn::wait_for(sub { $count->(qr/reload done/) > $n }), 'HUP during a check');
Mosn::end_child($check);
$n = $count->(qr/reload of /);
kill 'HUP', $mosn->{pid};
Mosn::wait_for(sub { $count->(qr/reload of /) > $n });
kill 'USR2', $mosn->{pid};
ok(Mosn::wait_for(sub { $count->(qr/upgrade done/) }), 'USR2 during a reload is an upgrade after it');

# The control socket.
my $s = IO::Socket::UNIX->new(Peer => "$mosn->{dir}/control.sock");
print $s "check " . ("a" x 9000) . "\n";
is(Mosn::raw($s, ''), '', 'a line that is too long');
my @idle = map { IO::Socket::UNIX->new(Peer => "$mosn->{dir}/control.sock") } 1 .. 16;
my ($text, $rc);
ok(Mosn::wait_for(sub { ($text, $rc) = $mosn->ctl('status'); $text =~ /too many clients/ }), 'too many clients are told so') or diag($text);
is($rc, 1, 'with status 1');
close $_ for @idle;
ok(Mosn::wait_for(sub { ($mosn->ctl('status'))[1] == 0 }), 'and served again');

# Files of the settings that cannot be made refuse a reload.
for my $setting ('control_socket = "%%DIR%%/none/c.sock"', 'pid_file = "%%DIR%%/none/pid"') {
    my ($name) = $setting =~ /^(\w+)/;
    $mosn->write_conf($conf =~ s/$name = "[^"]*"/$setting/r, workers => 2);
    ($text, $rc) = $mosn->ctl('reload');
    is($rc, 1, "$name in a folder that is not there");
    like($text, qr/$name \S+: cannot make a file in .*none: No such file/, 'says so');
}
$mosn->write_conf($conf, workers => 2);
unlink "$mosn->{dir}/control.sock";
kill 'HUP', $mosn->{pid};
ok(Mosn::wait_for(sub { -S "$mosn->{dir}/control.sock" }), 'a control socket that was removed comes back with a reload');

# A listener that changes what it does: streams stay what they were.
my $echo = Mosn::server(sub { my ($s) = @_; while (sysread $s, my $b, 4096) { syswrite $s, $b } });
my $tcp = $conf =~ s/"%%DIR%%\/mosn.pid";/"%%DIR%%\/mosn.pid"; clusters = ( { name = "e"; hosts = ( { address = "127.0.0.1:$echo->{port}"; } ); } );/r;
$tcp =~ s/listeners = \(/listeners = ( { name = "t"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "tcp_proxy"; cluster = "e"; } ); }, /;
$mosn->write_conf($tcp, workers => 2);
is(($mosn->ctl('reload'))[1], 0, 'a TCP listener');
my $stream = Mosn::connect_to($mosn->port(2));
my $piece = sub { syswrite $stream, $_[0]; my $got = ''; sysread $stream, $got, 100; return $got };
is($piece->("one\n"), "one\n", 'a stream');
$mosn->write_conf($tcp =~ s/type = "tcp_proxy"; cluster = "e";/type = "proxy"; routes = "r";/r, workers => 2);
is(($mosn->ctl('reload'))[1], 0, 'it becomes an HTTP listener');
is($piece->("two\n"), "two\n", 'the stream is a stream still');
ok($answers->($mosn->port(2)), 'new connections speak HTTP');
close $stream;

# The admin page takes the address of a listener, and gives it back.
(my $taken = $conf) =~ s/%%PORT1%%/%%PORT4%%/;
$mosn->write_conf($taken, workers => 2);
my $file = Mosn::slurp($mosn->{conf});
my ($p0, $p1) = ($mosn->port(0), $mosn->port(1));
$file =~ s/127\.0\.0\.1:$p0"/127.0.0.1:$p1"/;
sub put { open my $f, '>', $mosn->{conf} or die $!; print $f $_[0]; close $f }
put($file);
is(($mosn->ctl('reload'))[1], 0, 'admin on the address of a listener');
sleep 1.8;
my $good = grep { my $a = eval { Mosn::get($p1, '/healthz') }; $a && $a->{status} == 200 } 1 .. 12;
is($good, 12, 'all are answered');
$mosn->write_conf($conf, workers => 2);
is(($mosn->ctl('reload'))[1], 0, 'and back');
sleep 0.3;
$good = grep { $answers->() } 1 .. 12;
is($good, 12, 'all are answered');
$mosn->finish;

# A reader of stderr that sleeps stops nobody.
my $m = Mosn->prepare;
system 'mkfifo', "$m->{dir}/fifo";
open my $sleeper, '+<', "$m->{dir}/fifo" or die $!;
$m->write_conf($conf =~ s/^/error_log = { level = "info"; };\n/r, whole => 1, workers => 1);
my $whole = Mosn::slurp($m->{conf});
put_to($m->{conf}, "workers = 1; user = \"root\"; admin = { address = \"127.0.0.1:" . $m->port(0) . "\"; };\n$whole");
sub put_to { open my $f, '>', $_[0] or die $!; print $f $_[1]; close $f }
$m->run(pre => ['sh', '-c', 'exec "$@" 2>"$0"', "$m->{dir}/fifo"]);
my $port = $m->port(1);
for (1 .. 700) { my $c = Mosn::connect_to($port); print $c "x" x 80, "\r\n\r\n"; close $c }
ok($answers->($port), 'a reader of stderr that sleeps stops no worker');
is(($m->ctl('status'))[1], 0, 'nor the master');
$m->finish;
done_testing();
