# With a balancer by hash the third attempt goes to a host that was not tried
# yet, as it does with the others.
use strict; use warnings; use Test::More; use Mosn;
my $good = Mosn::origin(sub { Mosn::ok_response("fine") });
my $bad = Mosn::origin(sub { "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n" });
my $bad2 = Mosn::origin(sub { "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n" });
my ($dead, $dead2) = (Mosn::free_port(), Mosn::free_port());
sub at { join ', ', map { "{ address = \"127.0.0.1:$_\"; }" } @_ }
my @lb = qw(round_robin random maglev ring_hash);
my $clusters = join ', ', map { my $lb = $_; ("{ name = \"5-$lb\"; lb = \"$lb\"; retry_budget = { min_per_second = 1000; }; hosts = ( " . at($bad->port, $bad2->port, $good->port) . ' ); }', "{ name = \"c-$lb\"; lb = \"$lb\"; hosts = ( " . at($dead, $dead2, $good->port) . ' ); }') } @lb;
my $routes = join ', ', map { my $lb = $_; ("{ match = { path = \"/5-$lb\"; }; route = { cluster = \"5-$lb\"; hash = ( { header = \"x-key\"; } ); retry = { on = [\"5xx\"]; attempts = 6; backoff = \"1ms\"; }; }; }", "{ match = { path = \"/c-$lb\"; }; route = { cluster = \"c-$lb\"; hash = ( { header = \"x-key\"; } ); }; }") } @lb;
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( $routes ); } ); } );
clusters = ( $clusters );
E
for my $lb (@lb) { for my $what ('5', 'c') {
    my $n = grep { Mosn::get($mosn->port(1), "/$what-$lb", headers => ["x-key: k$_"])->{status} == 200 } 1 .. 30;
    is($n, 30, "$lb, " . ($what eq 'c' ? 'two hosts refuse connections' : 'two hosts answer 503')); } }
$mosn->finish; done_testing();
