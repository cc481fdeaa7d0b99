# failure_percent sees hedges that end without an answer, too.
use strict; use warnings; use Test::More; use Mosn;
my $dir = Mosn::new_dir();
my $slow = Mosn::origin(sub { Mosn::sleep(0.15); Mosn::ok_response('slow') });
my $bad = Mosn::origin(sub { return });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; hash = ( { header = "x"; } ); hedge = { delay = "20ms"; }; }; } ); } ); } );
clusters = ( { name = "c"; lb = "maglev"; retry_budget = { min_per_second = 1000; }; outlier_detection = { consecutive_errors = 0; consecutive_local_errors = 0; failure_percent = 50; min_requests = 5; interval = "500ms"; };
  hosts = ( { address = "127.0.0.1:@{[$slow->port]}"; }, { address = "127.0.0.1:@{[$bad->port]}"; } ); } );
E
my $x; for (1 .. 100) { $x = $_; last if ((Mosn::get($mosn->port(1), '/', headers => ["x: $x"]) || {})->{body} // '') eq 'slow' && $mosn->stats->{"host.c,127.0.0.1:@{[$slow->port]}.requests"} }
my $found = Mosn::wait_for(sub { my @s = map { my $s = Mosn::connect_to($mosn->port(1)); print $s "GET / HTTP/1.1\r\nHost: x\r\nx: $x\r\n\r\n"; $s } 1 .. 8; Mosn::Reader->new($_)->message(0) for @s; $mosn->stats->{'cluster.c.ejections'} > 0 }, 5);
ok($found, 'the host that never answers a hedge is found out') or diag join ' ', map { "$_=" . $mosn->stats->{$_} } grep { /(hedges|resets|requests)$/ && /127.0.0.1:@{[$bad->port]}|cluster/ } sort keys %{ $mosn->stats };
$mosn->finish; done_testing();
