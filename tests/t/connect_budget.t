# Connects that fail are attempts like others: under the budget, and only as often as the policy for them says.
use strict; use warnings; use Test::More; use Mosn;
my $dead = Mosn::free_port();
my $hosts = join ', ', map { "{ address = \"127.0.0.$_:$dead\"; }" } 1 .. 10;
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r";
  access_log = ( { path = "%%DIR%%/access.log"; format = "%request_uri% %response_code% %attempts%"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { prefix = "/other"; }; route = { cluster = "c"; retry = { statuses = ["503"]; attempts = 10; backoff = "1ms"; }; }; },
  { match = { prefix = "/conn"; }; route = { cluster = "c"; retry = { on = ["connect_failure"]; attempts = 10; backoff = "1ms"; }; }; },
  { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; retry_budget = { percent = 0.0; min_per_second = 0; }; hosts = ( $hosts ); } );
E
my $p = $mosn->port(1);
for my $path ('/none', '/other', '/conn') {
    my $b = $mosn->stats->{'cluster.c.connect_failed'} // 0;
    Mosn::get($p, $path) for 1 .. 10;
    my $n = 0; Mosn::wait_for(sub { $n = () = Mosn::slurp("$mosn->{dir}/access.log") =~ /^\Q$path\E /mg; $n == 10 });
    my $c = $mosn->stats->{'cluster.c.connect_failed'} - $b;
    cmp_ok($c, '<=', 30, "$path: no storm of connects without a budget");
}
$mosn->finish; done_testing();
