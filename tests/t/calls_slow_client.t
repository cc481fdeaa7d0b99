# A client with many calls under way takes their long answers steadily, but
# slower than the host gives them: it "reads nothing" only if it reads nothing.
use strict; use warnings; use Test::More; use Mosn; use Calls; use Time::HiRes qw(time sleep);
my $long = 1_000_000;
my $host = Mosn::server(sub {
    my $c = Calls->new(shift);
    while (1) { my $r = eval { $c->bolt_request } or last; $c->send(Calls::bolt_response(id => $r->{id}, content => 'x' x $long)) }
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "calls"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; downstream_protocol = "bolt"; routes = "r"; rpc = { max_frame_bytes = "2m"; }; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { }; route = { cluster = "b"; timeout = "60s"; }; } ); } ); } );
clusters = ( { name = "b"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
my $client = Calls->connect($mosn->port(1));
my $n = 30;
$client->send(Calls::bolt(id => $_, timeout => 60_000, map => [service => 'a'], content => 'c')) for 1 .. $n;
my ($in, $end) = (0, '');
while ($in < $n * $long) {
    my $got = sysread $client->{socket}, my $x, 200_000;
    if (!$got) { $end = defined $got ? 'closed' : "$!"; last }
    $in += $got; sleep 0.03;
}
cmp_ok($in, '>=', $n * $long, 'all of the answers') or diag("$end after $in bytes");
$mosn->finish;
done_testing;
