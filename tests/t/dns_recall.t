# dns_recall.t - what names were resolved to is known by who comes after: with
# its priorities, by name, and while a part cannot be resolved.  And without a
# control socket, and when the end comes before the first answer.

use strict;
use warnings;
use Test::More;
use Mosn;
use Names;

my @zone = (
    '_p._tcp.test SRV 1 10 5 80 main.test', '_p._tcp.test SRV 1 20 5 80 spare.test', 'main.test A 1 127.0.0.1', 'spare.test A 1 127.0.0.2',
    'a.test A 1 127.0.0.4', 'b.test A 1 127.0.0.4',
    '_q._tcp.test SRV 1 10 5 80 t1.test', '_q._tcp.test SRV 1 10 5 81 t1.test', '_q._tcp.test SRV 1 20 5 80 t2.test', 't1.test A 1 127.0.0.6', 't2.test A 1 127.0.0.7',
);
my $names = Names->start(@zone);
my $dns = qq(dns = { servers = ["127.0.0.1:@{[$names->port]}"]; timeout = "100ms"; min_ttl = "200ms"; max_ttl = "500ms"; retry = "200ms"; };);
my $listener = 'listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "tcp_proxy"; cluster = "p"; } ); } );';
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
$dns $listener
clusters = ( { name = "p"; discovery = "strict_dns"; hosts = ( { name = "_p._tcp.test"; } ); },
  { name = "two"; discovery = "strict_dns"; hosts = ( { name = "a.test:80"; }, { name = "b.test:80"; } ); },
  { name = "q"; discovery = "strict_dns"; hosts = ( { name = "_q._tcp.test"; } ); } );
E
sub told { my ($cluster) = @_; return join '; ', $mosn->hosts_of($cluster) =~ /^  (\S+ .*? weight \d+(?:, priority \d+)?)/mg }
sub becomes { my ($cluster, $set, $what) = @_; ok(Mosn::wait_for(sub { $mosn->set_of($cluster) eq $set }), $what) or diag $mosn->hosts_of($cluster) }

becomes('p', '127.0.0.1:80 127.0.0.2:80', 'two priorities');
becomes('two', '127.0.0.4:80', 'two names of one machine');
becomes('q', '127.0.0.6:80 127.0.0.6:81 127.0.0.7:80', 'two ports of one target');

# --- a part fails, and others take over
my $before = told('p');
$names->say((grep { !/^(main|b)\.test/ } @zone), 'main.test fail', 'b.test fail');
$names->wait_asked('main.test', 3);
is(told('p'), $before, 'the first one cannot be resolved: it stays');
for my $by ('reload', 'a new control process') {
    if ($by eq 'reload') { is(($mosn->ctl('reload'))[1], 0, $by) }
    else { ok($mosn->replace_control, $by) }
    $names->wait_asked('main.test', 20);
    is(told('p'), $before, "$by: it stays what it was");
}
$names->say((grep { !/^(main|a|b)\.test/ } @zone), 'main.test fail', 'a.test A 1 127.0.0.5', 'b.test fail');
becomes('two', '127.0.0.4:80 127.0.0.5:80', 'one of the two names moves, what the other one was stays');

# --- of a target that fails: what is told of it now, and no more
$names->say('_q._tcp.test SRV 1 30 5 80 t1.test', '_q._tcp.test SRV 1 20 5 80 t2.test', 't1.test fail', 't2.test A 1 127.0.0.7', grep { !/^(_q|t1|t2)/ } @zone);
becomes('q', '127.0.0.6:80 127.0.0.7:80', 'a port that is not told any more goes');
like(told('q'), qr/127\.0\.0\.6:80 .*priority 1/, 'the priority is that of now');
is(join("\n", grep { !/was ended by signal 9/ } $mosn->log =~ /^.*\[alert\].*$/mg), '', 'no alert but for the one that was killed');
$mosn->stop;

# --- without a control socket
$names->say(@zone);
my $alone = Mosn->prepare;
$alone->write_conf(<<"E", whole => 1);
workers = 1; user = "root"; error_log = { path = "%%DIR%%/error.log"; level = "info"; };
$dns $listener
admin = { address = "127.0.0.1:%%PORT0%%"; allow_changes = true; };
clusters = ( { name = "p"; discovery = "strict_dns"; hosts = ( { name = "main.test:80"; } ); },
  { name = "plain"; hosts = ( { address = "127.0.0.1:81"; } ); } );
E
$alone->run;
ok(Mosn::wait_for(sub { $alone->set_of('p') eq '127.0.0.1:80' }), 'names are resolved without a control socket') or diag $alone->output;
is(Mosn::get($alone->port(0), '/clusters/plain/hosts/127.0.0.1:81?weight=5', method => 'PUT')->{status}, 200, 'and changes are taken');
$alone->finish;

# --- the end before the first answer
my $silent = Names->start('web.test silent');
my $waiting = Mosn->prepare;
$waiting->write_conf(<<"E");
control_socket = "%%DIR%%/control.sock";
dns = { servers = ["127.0.0.1:@{[$silent->port]}"]; };
$listener
clusters = ( { name = "p"; discovery = "strict_dns"; hosts = ( { name = "web.test:80"; } ); } );
E
($waiting->{pid}) = Mosn::background($Mosn::BIN, '-c', $waiting->{conf});
$silent->wait_asked('web.test', 1);
$waiting->finish;
unlike($waiting->log, qr/was ended by/, 'no process has crashed');

# --- settings
for my $wrong ('nonsense', '192.0.2.1:x', 'unix:/x') {
    my $bad = Mosn->prepare;
    $bad->write_conf(qq(dns = { servers = ["192.0.2.1", "$wrong"]; };\n$listener clusters = ( { name = "p"; hosts = ( { address = "127.0.0.1:1"; } ); } );));
    like(`$Mosn::BIN -t -c $bad->{conf} 2>&1`, qr/servers.*"\Q$wrong\E" is no address of a server/, "no server: $wrong");
}
my $many = Mosn->prepare;
$many->write_conf('dns = { servers = [' . join(', ', map { qq("[2001:db8::$_]:53") } 1 .. 80) . qq(]; };\n$listener clusters = ( { name = "p"; hosts = ( { address = "127.0.0.1:1"; } ); } );));
is(system("$Mosn::BIN -t -c $many->{conf} >/dev/null 2>&1"), 0, 'many servers');
done_testing;
