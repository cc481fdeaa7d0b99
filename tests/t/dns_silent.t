# Of two names, or of the two families of a name, one is not answered: what the
# other one has become serves, and is not kept back until that query has timed
# out (all with the defaults).
use strict; use warnings; use Test::More; use Mosn; use Names; use Time::HiRes 'time';
my $names = Names->start('good.test A 300 127.0.0.1', 'dead.test silent', 'half.test silent6', 'half.test A 300 127.0.0.1');
my $o = Mosn::origin(sub { Mosn::ok_response('x') });
my $p = $o->port;
for my $case (['dead', qq({ name = "good.test:$p"; }, { name = "dead.test:$p"; })], ['half', qq({ name = "half.test:$p"; })]) {
    my ($n, $hosts) = @$case;
    my $t = time;
    my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
dns = { servers = ["127.0.0.1:@{[$names->port]}"]; };
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; discovery = "strict_dns"; hosts = ( $hosts ); } );
E
    is(Mosn::get($mosn->port(1), '/')->{status}, 200, "$n: the first request finds the host of what is answered");
    Mosn::wait_for(sub { Mosn::get($mosn->port(1), '/')->{status} == 200 });
    cmp_ok(time - $t, '<', 4, "$n: it serves soon");
    $mosn->finish;
}
done_testing();
