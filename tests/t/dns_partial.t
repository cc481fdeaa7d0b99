# dns_partial.t - answers of which a part is missing: what is known of it
# stays, as it was, and no longer than it may.

use strict;
use warnings;
use Test::More;
use Mosn;
use Names;

my $p = 80;
my @zone = (
    "_p._tcp.test SRV 1 10 60000 $p main.test", "_p._tcp.test SRV 1 20 5 $p spare.test", "_p._tcp.test SRV 1 10 6000 $p third.test",
    'main.test A 1 127.0.0.1', 'spare.test A 1 127.0.0.2', 'third.test A 1 127.0.0.3',
    'a.test A 1 127.0.0.4', 'b.test A 1 127.0.0.4', 'b.test A 1 127.0.0.5',
    "_g._tcp.test SRV 1 0 5 $p gone.test", "_g._tcp.test SRV 1 0 5 $p half.test", 'gone.test A 60 127.0.0.6', 'half.test A 1 127.0.0.7', 'half.test silent6',
    "_f._tcp.test SRV 1 0 5 $p localhost", "_f._tcp.test SRV 1 0 5 $p half.test",
);
my $names = Names->start(@zone);
sub named { my ($name, @hosts) = @_; return qq|{ name = "$name"; discovery = "strict_dns"; hosts = ( | . join(', ', map { qq|{ name = "$_"; }| } @hosts) . ' ); }' }
my $mosn = Mosn->start(<<"E" . 'clusters = ( ' . join(', ', named('p', '_p._tcp.test'), named('two', "a.test:$p", "b.test:$p"), named('g', '_g._tcp.test'), named('f', '_f._tcp.test')) . ' );');
control_socket = "%%DIR%%/control.sock";
dns = { servers = ["127.0.0.1:@{[$names->port]}"]; timeout = "100ms"; min_ttl = "200ms"; max_ttl = "500ms"; retry = "200ms"; };
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "tcp_proxy"; cluster = "p"; } ); } );
E
sub becomes { my ($cluster, $set, $what) = @_; ok(Mosn::wait_for(sub { $mosn->set_of($cluster) eq $set }), $what) or diag($mosn->hosts_of($cluster)) }
my $all = join ' ', map { "127.0.0.$_:$p" } 1 .. 3;
becomes('p', $all, 'all targets');
becomes('g', "127.0.0.6:$p 127.0.0.7:$p", 'and others');
ok(Mosn::wait_for(sub { $mosn->set_of('f') =~ /127\.0\.0\.1:$p.*127\.0\.0\.7:$p/ }), 'one of the hosts file');

# --- priorities and weights are those of the whole answer
my $told = sub { return join "\n", $mosn->hosts_of('p') =~ /^  (\S+ .*? weight \d+(?:, priority \d+)?)/mg };
my $before = $told->();
for my $bad ('main.test', 'spare.test', 'third.test') {
    $names->say(grep({ !/^\Q$bad\E / } @zone), "$bad fail");
    $names->wait_asked($bad, 4);
    is($told->(), $before, "$bad cannot be resolved: nothing changes");
    $names->say(@zone);
    $names->wait_asked($bad, 2);
}

# --- an address that two names have
becomes('two', "127.0.0.4:$p 127.0.0.5:$p", 'an address of two names');
is($mosn->apply('clusters = ( ' . named('two', "b.test:$p") . ' );'), '', 'one of them leaves');
becomes('two', "127.0.0.4:$p 127.0.0.5:$p", 'the other one still has it');
is($mosn->apply('clusters = ( ' . named('two', "a.test:$p", "b.test:$p") . ' );'), '', 'it comes back');
is($mosn->apply('clusters = ( ' . named('two', "a.test:$p") . ' );'), '', 'the other one leaves');
becomes('two', "127.0.0.4:$p", 'with what it had alone');

# --- a target that is not told any more goes, though another one is never
# answered: also when it was known before a reload, and from the hosts file
my @rest = grep { !/ gone\.test$| localhost$/ } @zone;
$names->say(@rest);
becomes('f', "127.0.0.7:$p", 'one of the hosts file goes');
becomes('g', "127.0.0.7:$p", 'one of a server too');
$names->say(@zone);
becomes('g', "127.0.0.6:$p 127.0.0.7:$p", 'again');
$names->say(@rest);
my ($text, $rc) = $mosn->ctl('reload');
is($rc, 0, 'a reload') or diag $text;
becomes('g', "127.0.0.7:$p", 'one that was known before it goes as well');

$mosn->finish;
done_testing();
