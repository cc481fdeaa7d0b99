# grpc.t - gRPC in every combination of clear and TLS, and what we say of it.

use strict;
use warnings;
use Test::More;
use Mosn;

my $dir = Mosn::certificates('a.test', 'o.test');
my %up = (h2c => Mosn::free_port(), h2 => Mosn::free_port());
my $peer = "$Mosn::TOP/tests/tools/grpc_peer.py";
my @servers = map {
    [ Mosn::background('/usr/bin/python3', $peer, 'server', $up{$_}, $_ eq 'h2' ? ("$dir/o.test.pem", "$dir/o.test.key") : ()) ]
} qw(h2c h2);
for my $server (@servers) {
    ok(Mosn::wait_for(sub { Mosn::slurp($server->[1]) =~ /ready/ }), 'a server is ready');
}
my $silent = Mosn::server(sub { my $s = shift; my $b; 1 while sysread $s, $b, 4096 });
my $nobody = Mosn::free_port();

my $tls = qq(tls = { certificates = ( { certificate = "$dir/a.test.pem"; private_key = "$dir/a.test.key"; } ); alpn = ["h2"]; };);
my %route = map { $_ => qq(filters = ( { type = "proxy"; routes = "$_"; access_log = ( { path = "%%DIR%%/access.log"; } ); } );) } qw(h2c h2);
my $mosn = Mosn->start(<<"E", workers => 1);
listeners = (
  { name = "c_c"; address = "127.0.0.1:%%PORT1%%"; $route{h2c} },
  { name = "c_s"; address = "127.0.0.1:%%PORT2%%"; $route{h2} },
  { name = "s_c"; address = "127.0.0.1:%%PORT3%%"; $tls $route{h2c} },
  { name = "s_s"; address = "127.0.0.1:%%PORT4%%"; $tls $route{h2} } );
routes = (
  { name = "h2c"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { path = "/gone/x"; }; route = { cluster = "gone"; }; },
    { match = { path = "/silent/x"; }; route = { cluster = "silent"; timeout = "600ms"; }; },
    { match = { path = "/long/x"; }; route = { cluster = "silent"; timeout = "60s"; }; },
    { match = { prefix = "/t.T/"; }; route = { cluster = "h2c"; timeout = "30s"; }; } ); } ); },
  { name = "h2"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "h2"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "h2c"; protocol = "http2"; hosts = ( { address = "127.0.0.1:$up{h2c}"; } ); },
  { name = "h2"; protocol = "http2"; tls = { sni = "o.test"; trusted_ca = "$dir/ca.pem"; }; hosts = ( { address = "127.0.0.1:$up{h2}"; } ); },
  { name = "gone"; protocol = "http2"; hosts = ( { address = "127.0.0.1:$nobody"; } ); },
  { name = "silent"; hosts = ( { address = "127.0.0.1:$silent->{port}"; } ); } );
E

my @names = ('clear -> clear', 'clear -> TLS', 'TLS -> clear', 'TLS -> TLS');
for my $i (0 .. 3) {
    my $target = "127.0.0.1:" . $mosn->port($i + 1);
    my $secret = $i > 1 ? "$dir/ca.pem a.test" : '';
    my @lines = split /\n/, `timeout 60 /usr/bin/python3 $peer client $target $secret 2>/dev/null`;
    is(scalar @lines, 8, "$names[$i]: everything was tried");
    ok(/^ok /, "$names[$i]: $_") for @lines;
}

# Answers of ours.
my $port = $mosn->port(1);
my $call = "curl -si --max-time 10 --http2-prior-knowledge -H 'Content-Type: application/grpc' -H 'TE: trailers' --data-binary ''";
sub status { my $out = `$call $_[0]`; return join ' ', $out =~ /^HTTP\/2 (\d+).*?^grpc-status: (\d+)/ms }
is(status("http://127.0.0.1:$port/no/where"), '200 12', 'no route: unimplemented');
is(status("http://127.0.0.1:$port/gone/x"), '200 14', 'no host: unavailable');
is(status("http://127.0.0.1:$port/silent/x"), '200 4', 'the timeout of the route: deadline exceeded');
is(status("-H 'grpc-timeout: 300m' http://127.0.0.1:$port/long/x"), '200 4', 'the deadline of the client');
like(`$call http://127.0.0.1:$port/no/where`, qr/^grpc-message: Not Found\r$/m, 'and a message');
my ($name) = grep { /deadline/ } keys %{ $mosn->stats };
cmp_ok($mosn->stats->{$name}, '>=', 1, "the reason stands in the metrics: $name");
$mosn->finish;
like(Mosn::slurp("$mosn->{dir}/access.log"), qr/"POST \/t.T\/Unary HTTP\/2/, 'the access log');
done_testing();
