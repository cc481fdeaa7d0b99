# refused.t - a wrong configuration or a bad program changes nothing: status
# 1, a message that says why, the same processes, and traffic that does not
# notice.

use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time sleep);

my $steady = Mosn::tool('steady');
my ($http, $tcp) = (Mosn::free_port(), Mosn::free_port());
my ($origin_pid, $origin_out) = Mosn::background($steady, 'origin', $http, $tcp);
Mosn::wait_for(sub { Mosn::slurp($origin_out) =~ /ready/ });
my $taken = Mosn::server(sub { });

my %part = (
    top => 'control_socket = "%%DIR%%/control.sock"; start_timeout = "4s";',
    listener => 'name = "l"; address = "127.0.0.1:%%PORT1%%";',
    more => '',
    filter => 'type = "proxy"; routes = "r";',
    route => 'route = { cluster = "c"; };',
    end => '',
);

sub conf {
    my %p = (%part, @_);
    return <<"E";
$p{top}
listeners = ( { $p{listener} filters = ( { $p{filter} } ); },
  { name = "t"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "tcp_proxy"; cluster = "t"; } ); } $p{more} );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { $p{route} } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$http"; } ); },
  { name = "t"; hosts = ( { address = "127.0.0.1:$tcp"; } ); } );
$p{end}
E
}

my $mosn = Mosn->start(conf(), workers => 2);
my $pids = $mosn->serving;
like($pids, qr/^control \d+ worker 0 \d+ worker 1 \d+$/, 'three processes');
my ($load, $out) = Mosn::background($steady, 'load', 15, $mosn->port(1), $mosn->port(2), 40, 30, 10, 10);

sub refused {
    my ($name, $pattern, @command) = @_;
    my ($text, $rc) = $mosn->ctl(@command);
    is($rc, 1, "$name: status 1");
    like($text, $pattern, "$name: says why");
    is($mosn->serving, $pids, "$name: the same processes");
}

my @wrong = (
    ['syntax', qr/mosn\.conf:\d+: .*syntax error/, end => 'x = = 1;'],
    ['unknown setting', qr/mosn\.conf:\d+: listeners\[0\]\.filters\[0\]\.rotues: unknown setting; did you mean "routes"/, filter => 'type = "proxy"; routes = "r"; rotues = "x";'],
    ['unknown cluster', qr/there is no cluster "cc"; did you mean "c"/, route => 'route = { cluster = "cc"; };'],
    ['a taken port', qr/listener "l": cannot listen on 127\.0\.0\.1:$taken->{port}: Address already in use/, listener => qq(name = "l"; address = "127.0.0.1:$taken->{port}";)],
    ['an address of another host', qr/cannot listen on 192\.0\.2\.1:80: Cannot assign/, listener => 'name = "l"; address = "192.0.2.1:80";'],
    ['no folder for a log', qr/cannot open the log .*nothing\/access\.log: No such file/, filter => 'type = "proxy"; routes = "r"; access_log = ( { path = "%%DIR%%/nothing/access.log"; } );'],
    ['two listeners of a name', qr/there is a listener "l" already/, more => ', { name = "l"; address = "127.0.0.1:%%PORT5%%"; filters = ( { type = "tcp_proxy"; cluster = "t"; } ); }'],
    ['a value out of bounds', qr/out of range: must be/, listener => 'name = "l"; address = "127.0.0.1:%%PORT1%%"; backlog = 0;'],
    ['a file that is not there', qr/mosn\.conf:\d+: cannot open include file/, end => '@include "none.conf"'],
    ['a route without a deed', qr/routes\[0\]/, route => ''],
    ['a timeout that is none', qr/hang_timeout: must be 0 or at least "2s"/, end => 'hang_timeout = "1s";'],
);
for my $case (@wrong) {
    my ($name, $pattern, @parts) = @$case;
    $mosn->write_conf(conf(@parts), workers => 2);
    refused($name, $pattern, 'reload');
}
my ($text, $rc) = $mosn->ctl('--json', 'reload');
is($rc, 1, 'as JSON: status 1');
like($text, qr/^\{"error":"[^"]*hang_timeout.*"\}$/, 'and the reason');
unlink $mosn->{conf};
refused('no configuration at all', qr/mosn\.conf.*No such file/, 'reload');
$mosn->write_conf(conf(), workers => 2);

# Programs.
sub script {
    my ($name, $body) = @_;
    my $path = "$mosn->{dir}/$name";
    open my $f, '>', $path or die $!;
    print $f "#!/bin/sh\n$body\n";
    close $f;
    chmod 0755, $path;
    return $path;
}

refused('a program that crashes', qr/crashed at its start: signal 11/, 'upgrade', script('crash', 'kill -SEGV $$'));
refused('one that exits 0', qr/ended with status 0 and did not say that it can run/, 'upgrade', '/bin/true');
refused('one that fails', qr/library is missing/, 'upgrade', script('fails', 'echo a library is missing >&2; exit 127'));
refused('one that cannot be run', qr/cannot run .*mosn\.conf: Permission denied/, 'upgrade', $mosn->{conf});
is(($mosn->ctl('upgrade', '/nowhere/mosn'))[1], 1, 'one that is not there: status 1');
my $t = time;
refused('one that hangs', qr/did not say within 4000 ms that it can run/, 'upgrade', script('hangs', 'sleep 1000'));
cmp_ok(time - $t, '<', 7, 'start_timeout is kept');
my $so = Mosn::tool('die_on_accept', '-shared', '-fPIC', '-ldl');
refused('one whose workers crash after accepting', qr/a new worker was ended by signal 11|a new worker ended with status/, 'upgrade',
    script('mosn-late', "ASAN_OPTIONS=verify_asan_link_order=0:handle_segv=0:detect_leaks=0 LD_PRELOAD=$so exec $Mosn::BIN \"\$\@\""));
is($mosn->status->{pid}, $mosn->{pid}, 'the master is the same process');
unlike(Mosn::slurp("/proc/$mosn->{pid}/environ"), qr/LD_PRELOAD/, 'with the environment of before');

# A check changes nothing and says what a reload would.
($text, $rc) = $mosn->ctl('check', $mosn->{conf});
is("$text$rc", "$mosn->{conf} is fine\n0", 'check of a good file');
($text, $rc) = $mosn->ctl('check', '/dev/null');
is($rc, 1, 'and of an empty one');
is($mosn->serving, $pids, 'still the same processes');

# One at a time.
my ($slow) = Mosn::background($Mosn::CTL, '-s', "$mosn->{dir}/control.sock", 'upgrade', "$mosn->{dir}/hangs");
Mosn::wait_for(sub { $mosn->log =~ /upgrade to \S+hangs.*upgrade to \S+hangs/s });
($text, $rc) = $mosn->ctl('reload');
is($rc, 1, 'a second one meanwhile: status 1');
like($text, qr/a reload or an upgrade is under way/, 'and says so');
Mosn::end_child($slow);
is($mosn->serving, $pids, 'the same processes');

Mosn::wait_for(sub { waitpid($load, 1) == $load }, 30);
my %r = map { split ' ' } split /\n/, Mosn::slurp($out);
cmp_ok($r{requests} // 0, '>', 1000, 'traffic went on');
is("$r{failed} $r{silent} $r{announced} $r{lost}", '0 0 0 0', 'and noticed nothing') or diag(Mosn::slurp("$out.err"));

# And a good one still works.
Mosn::wait_for(sub { ($mosn->ctl('reload'))[1] == 0 });
isnt($mosn->serving, $pids, 'a good configuration gets through');
is(Mosn::get($mosn->port(1), '/x')->{status}, 200, 'and serves');
$mosn->finish(allow => qr/worker \d, pid \d+, (was ended by signal 11|ended with status)/);
Mosn::end_child($origin_pid);
done_testing();
