# runtime.t - hosts, clusters and routes that change while mosn runs.

use strict;
use warnings;
use Test::More;
use Mosn;

my %of = map { my $name = $_; $name => Mosn::origin(sub { return Mosn::ok_response($name) }) } qw(a b c);
sub address { return "127.0.0.1:" . $of{ $_[0] }->port }
my $head = '';
my $conf = <<"E";
control_socket = "%%DIR%%/control.sock";
runtime_file = "%%DIR%%/runtime.conf";
admin = { address = "127.0.0.1:%%PORT0%%"; allow_changes = true; };
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { prefix = "/b"; }; route = { cluster = "other"; }; },
  { route = { cluster = "main"; }; } ); } ); } );
clusters = ( { name = "main"; hosts = ( { address = "@{[address('a')]}"; } ); },
  { name = "other"; hosts = ( { address = "@{[address('b')]}"; } ); },
  { name = "spare"; hosts = ( { address = "@{[address('b')]}"; } ); } );
E
my $mosn = Mosn->prepare;
$mosn->write_conf(<<"E" . $conf, whole => 1);
workers = 2;
user = "root";
error_log = { path = "%%DIR%%/error.log"; level = "info"; };
E
$mosn->run;
my $port = $mosn->port(1);
sub ask { return Mosn::get($port, $_[0] // '/')->{body} }

# Who answers 20 requests: "a b".
sub who { my %seen = map { ask($_[0]) => 1 } 1 .. 20; return join ' ', sort keys %seen }
sub becomes {
    my ($expected, $name, $path) = @_;
    my $is = '';
    Mosn::wait_for(sub { $is = who($path); $is eq $expected }, 5);
    is($is, $expected, $name);
}
sub ctl { my ($text, $rc) = $mosn->ctl(@_); chomp $text; return "$rc $text" }
my %before = $mosn->pids;

# --- hosts

becomes('a', 'the host of the file');
is(ctl('host', 'add', 'main', address('b'), 'weight=3', 'zone=z'), '0 change 1', 'a host is added');
like(ctl('host', 'set', 'main', address('b'), $_->[0]), qr/unknown setting; did you mean "$_->[1]"/, "$_->[0] is no metadata") for ['wieght=3', 'weight'], ['stat=drain', 'state'], ['pirority=1', 'priority'];
becomes('a b', 'both serve');
is(ctl('host', 'set', 'main', address('a'), 'state=disabled'), '0 change 2', 'one is disabled');
becomes('b', 'the other serves');
is(ctl('host', 'set', 'main', address('a'), 'state=enabled', 'version=v2'), '0 change 3', 'enabled again');
becomes('a b', 'both serve');
is(ctl('host', 'remove', 'main', address('b')), '0 change 4', 'removed');
becomes('a', 'one is left');
like(ctl('host', 'add', 'main', address('a')), qr/^1 .*has that host already/, 'not twice');
like(ctl('host', 'remove', 'main', '127.0.0.1:1'), qr/^1 .*no such host/, 'nor one that is not there');
like(ctl('host', 'set', 'nobody', address('a')), qr/^1 .*no cluster "nobody"/, 'nor of nobody');
like(ctl('host', 'set', 'main', address('a'), 'weight=0'), qr/^1 .*1 to 10000/, 'nor without weight');
like(ctl('host', 'set', 'main', 'localhost:1'), qr/^1 .*expected an address/, 'nor a name');
like(ctl('host', 'frob', 'main', address('a')), qr/^1 .*add, set or remove/, 'nor a word');
like(ctl('config'), qr/version = "v2"/, 'the configuration in force tells it');
my %after = $mosn->pids;
is_deeply(\%after, \%before, 'no process was started for it');
Mosn::wait_for(sub { my ($t) = $mosn->ctl('status'); my @at = $t =~ /change: (\d+)/g; @at == 4 && !grep { $_ != 4 } @at });
my ($status) = $mosn->ctl('status');
is(join(' ', $status =~ /change: (\d+)/g), '4 4 4 4', 'master, workers and control run the same');

# --- resources

sub file {
    my ($name, $text) = @_;
    open my $f, '>', "$mosn->{dir}/$name" or die;
    print $f $text;
    close $f;
    return "$mosn->{dir}/$name";
}
is(ctl('apply', file('c.conf', "clusters = ( { name = \"main\"; lb = \"random\"; hosts = ( { address = \"@{[address('b')]}\"; }, { address = \"@{[address('c')]}\"; } ); } );")),
    '0 change 5', 'a cluster is replaced');
becomes('b c', 'its hosts serve');
is(ctl('apply', file('r.conf', "clusters = ( { name = \"new\"; hosts = ( { address = \"@{[address('c')]}\"; } ); } ); routes = ( { name = \"r\"; virtual_hosts = ( { name = \"v\"; domains = [\"*\"]; routes = ( { match = { prefix = \"/b\"; }; route = { cluster = \"new\"; }; }, { match = { path = \"/x\"; }; respond = { body = \"of ours\"; }; } ); } ); } );")),
    '0 change 7', 'a new cluster, and a table that names it');
becomes('c', 'the new routes', '/b');
is(ask('/x'), 'of ours', 'all of them');
is(Mosn::get($port, '/')->{status}, 404, 'the old ones are gone');
like(ctl('apply', file('bad.conf', 'routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "zzz"; }; } ); } ); } );')),
    qr/^1 .*no cluster "zzz"/, 'a mistake changes nothing');
like(ctl('apply', file('bad2.conf', 'clusters = ( { nme = 1; } );')), qr/^1 .*did you mean "name"/, 'nor does another');
becomes('c', 'the routes are as they were', '/b');
like(ctl('remove', 'new'), qr/^1 .*a route \(routes "r"\) names cluster "new"/, 'what is named cannot be removed');
is(ctl('remove', 'other'), '0 change 8', 'what is not can');
like(ctl('remove', 'other'), qr/^1 .*no cluster "other"/, 'once');

# --- over HTTP

sub admin { my ($method, $path, %o) = @_; my $a = Mosn::get($mosn->port(0), $path, method => $method, %o); return "$a->{status} $a->{body}" }
is(admin('POST', "/clusters/new/hosts/@{[address('a')]}?weight=2"), "200 change 9\n", 'a host is added');
becomes('a c', 'and serves', '/b');
is(admin('PUT', "/clusters/new/hosts/@{[address('a')]}?state=drain"), "200 change 10\n", 'drained');
becomes('c', 'and rests', '/b');
like(admin('GET', '/clusters'), qr/^  \S+ +draining +weight 2/m, 'the page tells it');
is(admin('DELETE', "/clusters/new/hosts/@{[address('a')]}"), "200 change 11\n", 'removed');
like(admin('DELETE', "/clusters/new/hosts/@{[address('a')]}"), qr/^409 .*no such host/, 'once');
is(admin('POST', '/apply', body => "clusters = ( { name = \"new\"; hosts = ( { address = \"@{[address('b')]}\"; } ); } );"), "200 change 12\n", 'a cluster');
becomes('b', 'is replaced', '/b');
like(admin('POST', '/apply', body => 'nonsense'), qr/^409 POST:1: /, 'what is no configuration is refused');
like(admin('POST', '/frob', body => ''), qr/^409 expected/, 'so is what is nothing');
like(admin('DELETE', '/clusters/new/hosts/1.2.3.4:5', headers => ['Origin: https://evil']), qr/^405 /, 'and what a page in a browser asks');

# --- a worker that is born later

kill 'KILL', $before{'worker 0'};
Mosn::wait_for(sub { my %p = $mosn->pids; $p{'worker 0'} && $p{'worker 0'} != $before{'worker 0'} && Mosn::get($mosn->port(0), '/ready')->{status} == 200 });
becomes('b', 'knows what has changed', '/b');

# --- what stays

is(ctl('host', 'add', 'spare', address('c'), '--persist'), '0 change 13', 'a change that is to stay');
like(Mosn::slurp("$mosn->{dir}/runtime.conf"), qr/name = "spare"/, 'stands in a file');
like(ctl('reload'), qr/^0 /, 'a reload');
becomes('a', 'takes the file for what was not to stay');
like(ctl('config'), qr/name = "spare".*@{[address('c')]}/s, 'but keeps what was');
like(ctl('host', 'set', 'spare', address('c'), 'weight=7', '--persist'), qr/^0 /, 'and again');
like(Mosn::slurp("$mosn->{dir}/runtime.conf"), qr/weight = 7/, 'in the file');

# --- what must not be

like(ctl('host', 'remove', 'spare', address('b')), qr/^0 /, 'one of two');
like(ctl('host', 'remove', 'spare', address('c'), '--persist'), qr/^1 .*the last host/, 'the last one stays');
like(ctl('apply', file('n.conf', 'clusters = ( { name = "x\ny"; hosts = ( { address = "127.0.0.1:1"; } ); } );')), qr/^1 .*no control characters/, 'a name is a name');
my ($connections) = $mosn->stats->{'cluster.main.connections'};
like(ctl('apply', file('m.conf', "clusters = ( { name = \"main\"; lb = \"random\"; hosts = ( { address = \"@{[address('a')]}\"; } ); } );")), qr/^0 /, 'another balancer');
ask('/') for 1 .. 10;
ok($mosn->stats->{'cluster.main.connections'} - $connections <= 2, 'costs no connection');
like(ctl('apply', file('half.conf', 'clusters = ( { name = "main"; lb = "maglev"; hosts = ( { address = "127.0.0.1:1"; } ); } ); routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "zzz"; }; } ); } ); } );')),
    qr/^1 mosnctl: routes "r": virtual_hosts.0.*no cluster "zzz"/, 'half a file is wrong');
becomes('a', 'nothing of it is done');
like(ctl('remove', 'spare', '--persist'), qr/^1 .*take it out there/, 'what stands in the file is not removed for good');
is(($mosn->ctl('remove', 'spare'))[1], 0, 'but for now');
like(ctl('apply', file('gone.conf', 'routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "spare"; }; } ); } ); } );')),
    qr/^1 .*no cluster "spare"/, 'and nobody can name it');
like(admin('POST', '/apply', body => 'routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body_file = "/etc/shadow"; }; } ); } ); } );'),
    qr/^409 .*are for mosnctl/, 'files are not read for who comes over HTTP');
like(ctl('apply', '--persist', file('fresh.conf', "clusters = ( { name = \"fresh\"; hosts = ( { address = \"@{[address('c')]}\"; } ); } );")), qr/^0 /, 'a new cluster is kept');
file('runtime.conf', 'clusters = ( nonsense');
like(ctl('apply', '--persist', file('fresh2.conf', "clusters = ( { name = \"fresh2\"; hosts = ( { address = \"@{[address('c')]}\"; } ); } );")), qr/^1 .*cannot be read/, 'a file that is broken is not written over');
is(Mosn::slurp("$mosn->{dir}/runtime.conf"), 'clusters = ( nonsense', 'not at all');
unlink "$mosn->{dir}/runtime.conf";

# A request that waits for a connection goes to the host that comes instead.
socket(my $full, Socket::AF_INET(), Socket::SOCK_STREAM(), 0) or die;
bind($full, Socket::sockaddr_in(0, Socket::inet_aton('127.0.0.1'))) or die;
listen($full, 0);
my ($full_port) = Socket::sockaddr_in(getsockname $full);
my @fill = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full_port, Blocking => 0) } 1 .. 4;
like(ctl('apply', file('full.conf', "clusters = ( { name = \"main\"; connect_timeout = \"20s\"; hosts = ( { address = \"127.0.0.1:$full_port\"; } ); } );")), qr/^0 /, 'a host that accepts nobody');
my $waits = Mosn::connect_to($port);
print $waits "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
ok(Mosn::wait_for(sub { ($mosn->stats->{'cluster.main.pending'} // 0) > 0 }), 'a request waits for it');
like(ctl('apply', file('m.conf', "clusters = ( { name = \"main\"; hosts = ( { address = \"@{[address('b')]}\"; } ); } );")), qr/^0 /, 'another host in its place');
is(Mosn::Reader->new($waits)->message(0)->{body}, 'b', 'answers it');

# --- under load: a change every few milliseconds, and nobody notices

my $until = Mosn::time() + 3;
my ($asked, $bad, $changes) = (0, 0, 0);
my $pid = Mosn::spawn(sub {
    my $n = 0;
    while (1) {
        Mosn::get($mosn->port(0), "/clusters/main/hosts/@{[address('b')]}?weight=" . (1 + $n % 9), method => 'PUT');
        Mosn::get($mosn->port(0), "/clusters/main/hosts/@{[address('c')]}", method => $n++ % 2 ? 'DELETE' : 'POST');
    }
});
my $kept = Mosn::Reader->new(my $s = Mosn::connect_to($port));
while (Mosn::time() < $until) {
    print $s "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    my $a = $kept->message(0);
    $asked++;
    $bad++ unless $a && $a->{status} == 200;
}
Mosn::end_child($pid);
is($bad, 0, "$asked requests meanwhile, all answered");
my ($number) = ($mosn->ctl('status'))[0] =~ /change: (\d+)/;
ok($number > 100, "$number changes");
$mosn->finish(allow => qr/killed|ended/);
done_testing();
