# dns_life.t - what names were resolved to outlives failures, changes, reloads
# and the control process; and what servers may tell.

use strict;
use warnings;
use Test::More;
use Mosn;
use Names;

my $origin = Mosn::origin(sub { Mosn::ok_response('x') });
my $p = $origin->port;
my $long = 'c' x 235;
my @zone = (
    'web.test A 1 127.0.0.1', 'a.test A 1 127.0.0.1', 'b.test A 1 127.0.0.2', 'meta.test A 1 127.0.0.1',
    (map { "many.test A 1 127.0.1.$_" } 1 .. 60), 'both.test A 1 127.0.0.1', 'both.test AAAA 1 ::1',
    'one.test A 1 127.0.0.9', 'one.test A 1 127.0.0.1',
    "_w._tcp.test SRV 1 0 20000 $p a.test",
    "_p._tcp.test SRV 1 10 5 $p a.test", "_p._tcp.test SRV 1 20 5 $p b.test",
    "_z._tcp.test SRV 1 0 5 0 a.test", "_z._tcp.test SRV 1 0 5 $p b.test",
    "_f._tcp.test SRV 1 0 5 $p a.test", "_f._tcp.test SRV 1 0 5 $p b.test",
    "_t._tcp.test SRV 1 0 5 $p ttl.test", 'ttl.test A 600 127.0.0.1',
    'half.test silent6', 'half.test A 1 127.0.0.1', 'next.test A 600 127.0.0.4',
);
my $names = Names->start(@zone);
sub cluster { my ($name, $host, $more) = @_; return qq({ name = "$name"; discovery = "strict_dns"; hosts = ( { name = "$host"; } ); ${\ ($more // '')} }) }
my $mosn = Mosn->start(<<"E" . 'clusters = ( ' . join(', ',
control_socket = "%%DIR%%/control.sock";
dns = { servers = ["127.0.0.1:@{[$names->port]}"]; timeout = "200ms"; min_ttl = "200ms"; retry = "200ms"; };
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { prefix = "/meta"; }; route = { cluster = "meta"; subset = { version = "v1"; }; }; }, { route = { cluster = "web"; }; } ); } ); } );
E
    cluster('web', "web.test:$p"), cluster('many', "many.test:$p"), cluster('weight', '_w._tcp.test'), cluster('prio', '_p._tcp.test'),
    cluster('zero', '_z._tcp.test'), cluster('part', '_f._tcp.test'), cluster('ttl', '_t._tcp.test'), cluster($long, "web.test:$p"),
    cluster('both', "both.test:$p"), cluster('literal', "[::1]:81"), cluster('file', "localhost:$p"),
    cluster('half', "half.test:$p"), qq({ name = "half-logical"; discovery = "logical_dns"; hosts = ( { name = "half.test:$p"; } ); }),
    qq({ name = "logical"; discovery = "logical_dns"; hosts = ( { name = "one.test:$p"; } ); }),
    qq({ name = "two"; discovery = "strict_dns"; hosts = ( { name = "a.test:$p"; }, { name = "b.test:$p"; } ); }),
    qq({ name = "static"; hosts = ( { address = "127.0.0.1:1"; } ); }),
    qq({ name = "meta"; discovery = "strict_dns"; subset_selectors = ( ["version"] ); hosts = ( { name = "meta.test:$p"; weight = 3; zone = "z"; metadata = { version = "v1"; }; } ); }),
) . ' );');
my $port = $mosn->port(1);
sub status { return Mosn::get($port, $_[0] // '/')->{status} }
sub becomes {
    my ($cluster, $expected, $name) = @_;
    my $is = '';
    Mosn::wait_for(sub { $is = $mosn->set_of($cluster); $is eq $expected }, 10);
    is($is, $expected, $name);
}

# --- answers
becomes('web', "127.0.0.1:$p", 'a name');
becomes('weight', "127.0.0.1:$p", 'SRV with a weight over 10,000');
becomes('zero', "127.0.0.2:$p", 'SRV with port 0 is none');
becomes('logical', "127.0.0.9:$p", 'a logical name: the first address that is told');
becomes($long, "127.0.0.1:$p", 'a cluster with a long name');
becomes('both', "127.0.0.1:$p [::1]:$p", 'both families');
becomes('literal', '[::1]:81', 'an address in place of a name');
like($mosn->set_of('file'), qr/\b127\.0\.0\.1:$p/, 'a name of the hosts file');
becomes('part', "127.0.0.1:$p 127.0.0.2:$p", 'SRV with two targets');
like($mosn->hosts_of('prio'), qr/127\.0\.0\.1:\S+ +well +weight 5, (?!priority)/, 'SRV: the first priority');
like($mosn->hosts_of('prio'), qr/127\.0\.0\.2:\S+ +well +weight 5, priority 1/, 'and the second, whatever their numbers');
Mosn::wait_for(sub { $mosn->set_of('many') ne '' }, 10);
is(scalar(split ' ', $mosn->set_of('many')), 60, 'a truncated answer is asked for over TCP');
ok((grep { /^tcp many/ } $names->asked), 'it was');

# --- parts that fail
s/^b\.test A.*/b.test fail/ for @zone;
@zone = map { /^_t/ ? ("_t._tcp.test SRV 1 0 5 $p ttl2.test", 'ttl2.test A 600 127.0.0.7') : $_ } @zone;
$names->say(@zone, 'both.test silent6');
becomes('ttl', "127.0.0.7:$p", 'the TTL of SRV records counts, too');
$names->wait_asked('b.test', 4);
is($mosn->set_of('part'), "127.0.0.1:$p 127.0.0.2:$p", 'one of two targets fails: what was known stays');
Mosn::wait_for(sub { $mosn->log =~ /cannot resolve both\.test/ });
is($mosn->set_of('both'), "127.0.0.1:$p [::1]:$p", 'one family is not answered: what was known stays');

becomes('half', "127.0.0.1:$p", 'one family has never answered');
s/^half\.test A.*/half.test A 1 127.0.0.6/ for @zone;
$names->say(@zone);
becomes('half', "127.0.0.6:$p", 'what the other one has no longer is gone');
becomes('half-logical', "127.0.0.6:$p", 'of a logical name, too');

# --- changes
is(status('/meta'), 200, 'a subset of a name serves');
is($mosn->apply('clusters = ( ' . qq|{ name = "meta"; discovery = "strict_dns"; connect_timeout = "4s"; subset_selectors = ( ["version"] ); hosts = ( { name = "meta.test:$p"; weight = 5; zone = "y"; metadata = { version = "v1"; }; } ); } );|), '', 'applied');
like($mosn->hosts_of('meta'), qr/weight 5, zone y, version=v1/, 'what the settings say of a name holds at once');
is(status('/meta'), 200, 'and serves');
$names->say(@zone);
is($mosn->apply('clusters = ( ' . cluster('two', "a.test:$p") . ' );'), '', 'a name is taken out');
is($mosn->set_of('two'), "127.0.0.1:$p", 'its hosts are gone');
is($mosn->apply('clusters = ( ' . cluster('late', "web.test:$p") . ' );'), '', 'a cluster is added');
becomes('late', "127.0.0.1:$p", 'and resolved');
for my $hosts ('hosts = ( { address = "127.0.0.1:1"; weight = 2; } );', qq(discovery = "strict_dns"; hosts = ( { name = "web.test:$p"; } );), 'hosts = ( { address = "127.0.0.1:2"; } );') {
    is($mosn->apply(qq|clusters = ( { name = "static"; $hosts } );|), '', "a cluster becomes $hosts");
}
$names->wait_asked('web.test', 3);
is($mosn->set_of('static'), '127.0.0.1:2', 'what its names were is nothing to it any more');

# --- nobody answers
$names->say('fail');
Mosn::wait_for(sub { $mosn->log =~ /cannot resolve web\.test/ });
is(status(), 200, 'servers fail: it serves');
ok($mosn->replace_control, 'the control process is killed');
$names->wait_asked('web.test', 2);
is(status(), 200, 'it serves');
is($mosn->set_of('web'), "127.0.0.1:$p", 'with the hosts of before');
for my $how ('reload', 'upgrade') {
    my ($text, $rc) = $mosn->ctl($how);
    is($rc, 0, $how) or diag $text;
    $names->wait_asked('web.test', 2);
    is(status(), 200, 'it serves');
    is($mosn->set_of('web'), "127.0.0.1:$p", 'with the hosts of before');
}
s/^web\.test A.*/web.test A 1 127.0.0.3/ for @zone;
$names->say(@zone);
becomes('web', "127.0.0.3:$p", 'servers answer again');

# A reload with another name, while the old one changes: what is told of that
# comes too late.
my $conf = Mosn::slurp($mosn->{conf});
$conf =~ s/"web\.test:$p"/"next.test:$p"/ or die;
open my $f, '>', $mosn->{conf} or die;
print $f $conf;
close $f;
s/^web\.test A.*/web.test A 1 127.0.0.5/ for @zone;
$names->say(@zone);
my ($text, $rc) = $mosn->ctl('reload');
is($rc, 0, 'reload with another name') or diag $text;
becomes('web', "127.0.0.4:$p", 'which is resolved');
Mosn::wait_for(sub { $mosn->log =~ /control, pid \d+, ended with status 0/ });
is($mosn->set_of('web'), "127.0.0.4:$p", 'and stays');

$mosn->finish(allow => qr/control, pid \d+, ended by signal 9|control.*Killed/);
done_testing();
