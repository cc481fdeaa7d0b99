# The hedge answers 503 while the first attempt is under way: with retry on
# 5xx the first one's answer is waited for (as hedge_promoted.t has it the
# other way round).
use strict; use warnings; use Test::More; use Mosn;
my $count = Mosn::new_dir() . "/n";
my $o = sub { Mosn::say_to($count, 'x'); if (length Mosn::slurp($count) == 1) { Mosn::sleep(0.8); return Mosn::ok_response("fine") } return "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n" };
my @h = map { Mosn::origin($o) } 1 .. 2;
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; hedge = { delay = "100ms"; }; retry = { on = ["5xx"]; attempts = 2; }; }; } ); } ); } );
clusters = ( { name = "c"; retry_budget = { min_per_second = 100; }; hosts = ( { address = "127.0.0.1:@{[$h[0]->port]}"; }, { address = "127.0.0.1:@{[$h[1]->port]}"; } ); } );
E
is(Mosn::get($mosn->port(1), '/')->{status}, 200, 'the first attempt answers');
is(length Mosn::slurp($count), 2, 'two attempts');
$mosn->finish; done_testing();
