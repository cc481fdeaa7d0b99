# mosnctl.t - the control socket.

use strict;
use warnings;
use Test::More;
use Mosn;

my $conf = <<'E';
control_socket = "%%DIR%%/control.sock";
pid_file = "%%DIR%%/mosn.pid";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
  filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { respond = { body = "ok"; }; } ); } ); } );
E
my $mosn = Mosn->start($conf, workers => 2);
my $socket = "$mosn->{dir}/control.sock";
(my $ctl = $Mosn::BIN) =~ s/mosn$/mosnctl/;
sub ctl { my $out = `$ctl -s $socket @_ 2>&1`; return ($out, $? >> 8) }

is((stat $socket)[2] & 07777, 0600, 'the socket is mode 0600');
is(Mosn::slurp("$mosn->{dir}/mosn.pid"), "$mosn->{pid}\n", 'pid_file');
my ($out, $status) = ctl('status');
is($status, 0, 'status');
like($out, qr/^mosn [\d.]+, pid $mosn->{pid}, serving, generation 1 \(reloads: 0\), for \d+ s, change: 0, descriptors: \d+\nworker 0 +pid \d+ +serving +generation 1 +for \d+ s, connections: 0, change: 0\nworker 1 .*\ncontrol .*\n$/, 'says who runs');
($out, $status) = ctl('--json', 'status');
like($out, qr/^\{"version":"[\d.]+","pid":$mosn->{pid},"state":"serving","generation":1,.*"children":\[\{"role":"worker 0","pid":\d+,"state":"serving","generation":1,"seconds":\d+,"connections":0,"change":0\},/, 'as JSON');
($out, $status) = ctl('version');
like($out, qr/^mosn \d/, 'version');
rename "$mosn->{dir}/error.log", "$mosn->{dir}/error.1";
($out, $status) = ctl('reopen');
is("$out$status", "logs are open again\n0", 'reopen');
ok(-e "$mosn->{dir}/error.log", 'the log is there again');
($out, $status) = ctl('frobnicate');
is($status, 2, 'another command: 2');
like($out, qr/there is no command frobnicate/, 'and says so');
($out, $status) = ctl('');
is($status, 2, 'usage: 2');

SKIP: {
    skip 'needs root', 2 if $>;
    chmod 0666, $socket;
    my $as = `setpriv --reuid=65534 --clear-groups $ctl -s $socket status 2>&1`;
    isnt($?, 0, 'another user is refused');
    like($mosn->log, qr/control socket: refused user 65534/, 'and told of');
    chmod 0600, $socket;
}
my $s = IO::Socket::UNIX->new(Peer => $socket);
print $s "x" x 1000;
is(Mosn::raw($s, ''), '', 'a line that does not end is not kept');

($out, $status) = ctl('stop');
is("$out$status", "draining\n0", 'stop waits for the end');
ok(Mosn::wait_for(sub { waitpid($mosn->{pid}, 1) == $mosn->{pid} }), 'mosn has ended');
$mosn->{status} = $?;
ok(!-e $socket, 'the socket is gone');
ok(!-e "$mosn->{dir}/mosn.pid", 'so is the pid file');
($out, $status) = ctl('status');
is($status, 3, 'not running: 3');
$mosn->finish;
done_testing();
