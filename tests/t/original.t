# original.t - clients that a packet filter has sent here go on to where they
# were going.  In a network namespace of its own.

use strict;
use warnings;
use IO::Socket::INET;
use Test::More;
use Mosn;

if (!$ENV{MOSN_OWN_NET}) {
    my $can = system('unshare -n sh -c "ip link set lo up && nft add table ip t && nft add chain ip t c \'{ type nat hook output priority -100; }\' && nft add rule ip t c tcp dport 1 redirect to :2" >/dev/null 2>&1') == 0;
    plan skip_all => 'needs root, nft, and a kernel with its nat' unless $can;
    $ENV{MOSN_OWN_NET} = 1;
    exec 'unshare', '-n', $^X, (map { "-I$_" } @INC), $0 or die "unshare: $!";
}
system('ip link set lo up') == 0 or die;

# Two servers of each kind, told apart by their addresses; clients have
# addresses that the filter knows.
my @origins = map {
    my $where = $_;
    Mosn::origin(sub { Mosn::ok_response("$where $_[0]{path}") }, address => $where, port => 8080);
} qw(127.0.0.2 127.0.0.3);

my $mosn = Mosn->start(<<"E", workers => 2);
control_socket = "%%DIR%%/control.sock";
listeners = (
  { name = "http"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "tcp"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "tcp_proxy"; cluster = "original"; } ); }
);
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "original"; }; } ); } ); } );
clusters = ( { name = "original"; discovery = "original_dst"; connect_timeout = "1s"; idle_timeout = "1s"; } );
E
my ($http, $tcp) = ($mosn->port(1), $mosn->port(2));
system("nft add table ip t && nft add chain ip t c '{ type nat hook output priority -100; }' "
    . "&& nft add rule ip t c ip saddr 127.0.0.10 tcp dport 8080-8081 dnat to 127.0.0.1:$http "
    . "&& nft add rule ip t c ip saddr 127.0.0.20 tcp dport 8080 dnat to 127.0.0.1:$tcp") == 0 or die "nft";

sub client {
    my ($from, $to, $port) = @_;
    return IO::Socket::INET->new(LocalAddr => $from, PeerAddr => $to, PeerPort => $port // 8080, Timeout => 5);
}

sub ask {
    my ($socket, $path) = @_;
    print $socket "GET $path HTTP/1.1\r\nHost: x\r\n\r\n";
    my $answer = Mosn::Reader->new($socket)->message(0);
    return "$answer->{status} $answer->{body}";
}

for my $kind ([http => '127.0.0.10'], [tcp => '127.0.0.20']) {
    my ($name, $from) = @$kind;
    my @clients = map { client($from, $_) } qw(127.0.0.2 127.0.0.3);
    is(ask($clients[0], '/a'), '200 127.0.0.2 /a', "$name: to the first");
    is(ask($clients[1], '/b'), '200 127.0.0.3 /b', "$name: to the second");
    is(ask($clients[0], '/c'), '200 127.0.0.2 /c', "$name: again on one connection");
}

is(Mosn::get($http, '/direct')->{status}, 503, 'who came by himself goes nowhere');
my $direct = client('127.0.0.1', '127.0.0.1', $tcp);
is($direct ? sysread($direct, my $byte, 1) || 0 : 0, 0, 'nor over TCP');    # it may be cut at once
like(ask(client('127.0.0.10', '127.0.0.2', 8081), '/x'), qr/^50[23] /, 'nobody listens there');

like(Mosn::get($mosn->port(0), '/clusters')->{body}, qr/original_dst: where a client was going/, '/clusters says so');
my ($text, $rc) = $mosn->ctl('explain', 'GET', 'http://x/');
like($text, qr/original_dst/, 'explain, too');
($text, $rc) = $mosn->ctl('host', 'add', 'original', '127.0.0.4:80');
like($text, qr/where its clients were going/, 'no hosts can be added');

# A reload, a replacement, and hosts that nobody uses any more.
my $kept = client('127.0.0.10', '127.0.0.3');
is(ask($kept, '/before'), '200 127.0.0.3 /before', 'before a change');
open my $f, '>', "$mosn->{dir}/cluster" or die;
print $f 'clusters = ( { name = "original"; discovery = "original_dst"; connect_timeout = "2s"; } );';
close $f;
($text, $rc) = $mosn->ctl('apply', "$mosn->{dir}/cluster");
is($rc, 0, 'the cluster is replaced') or diag $text;
is(ask($kept, '/after'), '200 127.0.0.3 /after', 'and serves on');
($text, $rc) = $mosn->ctl('reload');
is($rc, 0, 'reloaded') or diag $text;
is(ask(client('127.0.0.10', '127.0.0.2'), '/again'), '200 127.0.0.2 /again', 'and serves on');
ok(Mosn::wait_for(sub { $mosn->stats->{'host.original,original_dst.connections_active'} == 0 }), 'idle connections end');

$mosn->finish;
done_testing();
