# What is asked for while new processes start holds when they fail.
use strict; use warnings; use Test::More; use Mosn; use IO::Socket::INET;
my $dns = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1', LocalPort => 0) or die;
my $d = $dns->sockport;
my $mosn = Mosn->prepare;
my $head = <<"E";
workers = 1; user = "root"; error_log = { path = "%%DIR%%/error.log"; level = "info"; };
admin = { address = "127.0.0.1:%%PORT0%%"; }; dns = { servers = [ "127.0.0.1:$d" ]; };
control_socket = "%%DIR%%/control.sock"; drain_timeout = "3s";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; access_log = ( { path = "%%DIR%%/access.log"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { status = 200; body = "x"; }; } ); } ); } );
E
my $named = 'clusters = ( { name = "d"; discovery = "strict_dns"; hosts = ( { name = "nobody.example:80"; } ); } );';
$mosn->write_conf($head, whole => 1);
$mosn->run;
$mosn->write_conf("$head$named", whole => 1);
sub stage_and_fail { my ($code) = @_;
    my $mark = length $mosn->log;
    kill 'HUP', $mosn->{pid};
    Mosn::wait_for(sub { substr(Mosn::slurp("$mosn->{dir}/error.log") . (-e "$mosn->{dir}/error.log.1" ? '' : ''), $mark) =~ /started control/ }) or die 'no stage';
    my ($new) = substr($mosn->log, $mark) =~ /started worker 0, pid (\d+)/;
    $code->();
    kill 'KILL', $new;
    Mosn::wait_for(sub { $mosn->status->{state} eq 'serving' }) or die;
}
# logs
is(Mosn::get($mosn->port(1), '/one')->{status}, 200, 'a request');
stage_and_fail(sub {
    rename "$mosn->{dir}/access.log", "$mosn->{dir}/access.log.1";
    is(($mosn->ctl('reopen'))[1], 0, 'logs are rotated while a reload starts its processes');
});
ok(Mosn::wait_for(sub { Mosn::get($mosn->port(1), '/two'); Mosn::slurp("$mosn->{dir}/access.log") =~ m{/two} }), 'the old ones serve on, and write to the new file');
# service
stage_and_fail(sub { is(($mosn->ctl('drain'))[1], 0, 'out of service while a reload starts its processes') });
sub says { my ($status, $name) = @_; ok(Mosn::wait_for(sub { Mosn::get($mosn->port(0), '/ready')->{status} == $status && (($mosn->ctl('status'))[0] =~ /out of service/ ? 503 : 200) == $status }), $name) }
says(503, 'status and /ready say so');
my %p = $mosn->pids; kill 'KILL', $p{'worker 0'};
$mosn->ctl('drain', '--off');
$mosn->ctl('drain');
stage_and_fail(sub { is(($mosn->ctl('drain', '--off'))[1], 0, 'in service again while a reload starts its processes') });
says(200, 'and so again');
$mosn->stop;
done_testing();
