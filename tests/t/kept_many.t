# Many clusters that are to stay: the master needs memory for them, not for
# their square.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(sleep time);
my $mosn = Mosn->prepare;
$mosn->write_conf(<<"E", whole => 1);
workers = 1; user = "root"; error_log = { path = "%%DIR%%/error.log"; level = "info"; };
admin = { address = "127.0.0.1:%%PORT0%%"; allow_changes = true; };
control_socket = "%%DIR%%/control.sock"; drain_timeout = "3s"; runtime_file = "%%DIR%%/rt.conf";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { status = 200; body = "x"; }; } ); } ); } );
E
$mosn->run;
sub hwm { return Mosn::slurp("/proc/$mosn->{pid}/status") =~ /^VmHWM:\s+(\d+)/m ? $1 / 1024 : 0 }
my $n = $ENV{N} // 1000;
open my $f, '>', "$mosn->{dir}/many.conf" or die;
print $f 'clusters = ( ' . join(",\n", map { qq({ name = "n$_"; hosts = ( { address = "127.0.0.1:1"; } ); }) } 1 .. $n) . ' );'; close $f;
my $t = time;
is(($mosn->ctl('apply', "$mosn->{dir}/many.conf"))[1], 0, "$n clusters");
my ($plain, $took) = (hwm(), time - $t);
$t = time;
is(($mosn->ctl('apply', '--persist', "$mosn->{dir}/many.conf"))[1], 0, "$n clusters that stay");
my ($kept, $took2) = (hwm(), time - $t);
diag sprintf "not kept: %d MB, %.1f s; kept: %d MB, %.1f s", $plain, $took, $kept, $took2;
cmp_ok($kept, '<', $plain + 150, 'without hundreds of megabytes');
$mosn->stop;
done_testing();
