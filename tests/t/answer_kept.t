# A response filter holds a whole answer longer than the route's `timeout`.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { my $r = shift;
    return $r->{head} =~ m{^GET /empty} ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" : Mosn::ok_response("fine") });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r";
   stream_filters = ( { type = "delay"; what = "response"; delay = "1s"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { prefix = "/"; }; route = { cluster = "c"; timeout = "300ms"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E
is(Mosn::get($mosn->port(1), "/body")->{status}, 200, 'with a body it is held, and comes');
is(Mosn::get($mosn->port(1), "/empty")->{status}, 200, 'without a body too');
my $s = $mosn->stats;
is($s->{'cluster.c.timeouts'}, 0, 'the host answered at once: no timeout of its') or diag(join "\n", map { "$_ $s->{$_}" } grep /timeout/, keys %$s);
$mosn->finish; done_testing();
