# container.t - as process 1 of a container, and without root.

use strict;
use warnings;
use Test::More;
use Mosn;

plan skip_all => 'needs root' if $> != 0;
my $conf = <<'E';
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "here"; }; } ); } ); } );
clusters = ();
E
sub child_of { my ($pid) = @_; my ($child) = split ' ', Mosn::slurp("/proc/$pid/task/$pid/children"); return $child }
sub zombies { my ($pid) = @_; return grep { (Mosn::slurp("/proc/$_/stat") // '') =~ /\) Z / } split ' ', Mosn::slurp("/proc/$pid/task/$pid/children") }

SKIP: {
    skip 'no PID namespaces here', 11 if system('unshare --pid --fork true 2>/dev/null') != 0;
    my $mosn = Mosn->start($conf, workers => 2, pre => [ 'unshare', '--pid', '--fork', '--mount-proc', '--kill-child' ]);
    my $one = child_of($mosn->{pid});
    like(Mosn::slurp("/proc/$one/status"), qr/^NSpid:\s+\d+\s+1$/m, 'mosn is process 1');
    is(Mosn::get($mosn->port(1), '/')->{body}, 'here', 'and serves');

    # Somebody's orphans become ours.
    system("nsenter -t $one -p -- sh -c '(sleep 0.2; exit 3) & (sleep 0.1) & exit 0'");
    select undef, undef, undef, 0.1 while grep { Mosn::slurp("/proc/$_/comm") =~ /sleep/ } split ' ', Mosn::slurp("/proc/$one/task/$one/children");
    ok(Mosn::wait_for(sub { !zombies($one) }), 'it reaps them');
    my ($words, $status) = $mosn->ctl('reload');
    is($status, 0, 'reload') or diag($words);
    like(Mosn::slurp("/proc/$one/status"), qr/^NSpid:\s+\d+\s+1$/m, 'still process 1');
    is(($mosn->ctl('upgrade'))[1], 0, 'upgrade');
    is(Mosn::get($mosn->port(1), '/')->{body}, 'here', 'and serves on');
    ok(Mosn::wait_for(sub { !zombies($one) }), 'no zombies stay');
    kill 'TERM', $one;
    ok(Mosn::wait_for(sub { waitpid($mosn->{pid}, 1) == $mosn->{pid} }), 'SIGTERM ends it');
    is($?, 0, 'with status 0');
    delete $mosn->{pid};
    like($mosn->output, qr/\A(?!.*\[alert\])/s, 'no alert');
}

{
    my $mosn = Mosn->prepare;
    chmod 0777, $mosn->{dir};
    $mosn->write_conf($conf, workers => 2);
    $mosn->run(pre => [ 'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups' ]);
    my ($uid) = Mosn::slurp("/proc/$mosn->{pid}/status") =~ /^Uid:\s+(\d+)/m;
    is($uid, 65534, 'without root');
    is(Mosn::get($mosn->port(1), '/')->{body}, 'here', 'it serves');
    is(($mosn->ctl('reload'))[1], 0, 'reload');
    is(($mosn->ctl('upgrade'))[1], 0, 'upgrade');
    is(Mosn::get($mosn->port(1), '/')->{body}, 'here', 'and serves on');
    $mosn->finish;
}
done_testing();
