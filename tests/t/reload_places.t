# A reload that a start would refuse is refused, not half done.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(sleep);
my $mosn = Mosn->prepare;
my $head = <<"E";
workers = 1; user = "root"; error_log = { path = "%%DIR%%/error.log"; level = "info"; };
admin = { address = "127.0.0.1:%%PORT0%%"; };
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { status = 200; body = "x"; }; } ); } ); } );
clusters = ( { name = "plain"; hosts = ( { address = "127.0.0.1:1"; } ); } );
E
$mosn->write_conf("$head control_socket = \"%%DIR%%/control.sock\"; pid_file = \"%%DIR%%/pid\";", whole => 1);
$mosn->run;
# words with spaces
my ($said, $rc) = $mosn->ctl('host', 'set', 'plain', '127.0.0.1:1', 'team=red and blue');
is($rc, 0, 'a value with spaces') or diag $said;
like(($mosn->ctl('config'))[0], qr/red and blue/, 'is what was said');
# half
mkdir "$mosn->{dir}/adir";
$mosn->write_conf("$head control_socket = \"%%DIR%%/control.sock\"; pid_file = \"%%DIR%%/adir\";", whole => 1);
isnt(($mosn->ctl('reload'))[1], 0, 'a pid_file that cannot be written');
ok(-e "$mosn->{dir}/pid", 'the one of before stays');
diag map { "$_\n" } grep { /\[(err|alert)/ } split /\n/, $mosn->log;
my $long = 'x' x 120;
$mosn->write_conf("$head control_socket = \"%%DIR%%/$long\"; pid_file = \"%%DIR%%/pid\";", whole => 1);
isnt(($mosn->ctl('reload'))[1], 0, 'a control_socket whose path is too long');
$mosn->write_conf("$head control_socket = \"%%DIR%%/adir\"; pid_file = \"%%DIR%%/pid\";", whole => 1);
isnt(($mosn->ctl('reload'))[1], 0, 'a control_socket that cannot be made');
diag map { "$_\n" } grep { /\[(err|alert)/ } split /\n/, $mosn->log;
is(($mosn->ctl('status'))[1], 0, 'it still responds');
$mosn->stop;
ok(!-e "$mosn->{dir}/control.sock", 'the control socket is gone in the end');
done_testing();
