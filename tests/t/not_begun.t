# A worker that has not begun yet (names are not resolved) is told to give its
# connections to an heir, or to take those of others.
use strict; use warnings; use Test::More; use Mosn; use IO::Socket::INET;
my $dns = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1', LocalPort => 0) or die;    # it never answers
my $d = $dns->sockport;
my $mosn = Mosn->prepare;
my $head = <<"E";
workers = 1; user = "root"; error_log = { path = "%%DIR%%/error.log"; level = "info"; };
admin = { address = "127.0.0.1:%%PORT0%%"; }; dns = { servers = [ "127.0.0.1:$d" ]; };
control_socket = "%%DIR%%/control.sock"; drain_timeout = "3s";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { status = 200; body = "x"; }; } ); } ); } );
E
my $named = 'clusters = ( { name = "d"; discovery = "strict_dns"; hosts = ( { name = "nobody.example:80"; } ); } );';
$mosn->write_conf("$head$named", whole => 1);
$mosn->run;
my $kill = sub { my %p = $mosn->pids; kill 'KILL', $p{'worker 0'}; ok(Mosn::wait_for(sub { my %n = $mosn->pids; ($n{'worker 0'} // $p{'worker 0'}) != $p{'worker 0'} }), 'the worker is there again, and waits for names') };

# 1: it drains with an heir.
$kill->();
$mosn->write_conf($head, whole => 1);
is(($mosn->ctl('reload'))[1], 0, 'a reload in that time');
Mosn::wait_for(sub { !grep { $_->{state} eq 'draining' } @{ $mosn->status->{children} } });
my @bad = $mosn->output =~ /(.*runtime error.*|.*AddressSanitizer.*|.*was ended by signal (?!9).*)/g;
is("@bad[0..($#bad < 1 ? $#bad : 1)]", '', 'the one that had not begun ends well');

# 2: it is given connections on a way back.
my $size = -s "$mosn->{dir}/out";
$mosn->write_conf("$head$named", whole => 1);
is(($mosn->ctl('reload'))[1], 0, 'with names again');
$kill->();
$mosn->write_conf($head, whole => 1);
my $mark = length $mosn->log;
kill 'HUP', $mosn->{pid};
ok(Mosn::wait_for(sub { substr($mosn->log, $mark) =~ /generation \d+ is ready/ }), 'the next generation is ready');
my ($control) = substr($mosn->log, $mark) =~ /started control, pid (\d+)/;
kill 'KILL', $control;
ok(Mosn::wait_for(sub { substr($mosn->log, $mark) =~ /going back/ }), 'and fails');
Mosn::wait_for(sub { !grep { $_->{state} eq 'draining' } @{ $mosn->status->{children} } });
@bad = substr($mosn->log, $mark) =~ /(.*was ended by signal (?!9).*)/g;
push @bad, substr(Mosn::slurp("$mosn->{dir}/out"), $size // 0) =~ /(.*runtime error.*)/g;
is("@bad[0..($#bad < 1 ? $#bad : 1)]", '', 'the one that had not begun is well');
$mosn->stop;
done_testing();
