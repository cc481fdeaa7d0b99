# A hedge that ends without an answer is counted like another attempt.
use strict; use warnings; use Test::More; use Mosn;
my $count = Mosn::new_dir() . "/n";
my $o = sub { Mosn::say_to($count, 'x'); if (length Mosn::slurp($count) == 1) { Mosn::sleep(0.6); return Mosn::ok_response("fine") } return };
my @h = map { Mosn::origin($o) } 1 .. 2;
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; hedge = { delay = "100ms"; }; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$h[0]->port]}"; }, { address = "127.0.0.1:@{[$h[1]->port]}"; } ); } );
E
is(Mosn::get($mosn->port(1), '/')->{status}, 200, 'the first attempt answers');
my $s = $mosn->stats;
is($s->{'cluster.c.hedges'}, 1, 'there was a hedge');
is($s->{'cluster.c.requests'}, 2, 'two requests were sent');
is($s->{'cluster.c.resets'}, 1, 'one of them ended without an answer');
$mosn->finish; done_testing();
