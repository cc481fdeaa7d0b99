# A domain that can never match is a mistake, or it matches.
use strict; use warnings; use Test::More; use Mosn;
for my $case ([ '*.port.example:8080', 'a.port.example:8080' ], [ 'dot.example.', 'dot.example' ], [ 'dot.example.', 'dot.example.:80' ],
    [ 'dot.example:80', 'Dot.example.:80' ], [ 'dot.example.:80', 'dot.example:80' ], [ '*.example', 'a.example.:80' ], [ 'a.*', 'a.example.:80' ]) {
    my ($domain, $host) = @$case;
    my $mosn = Mosn->prepare;
    $mosn->write_conf(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "w"; domains = ["$domain"]; routes = ( { respond = { body = "w"; }; } ); } ); } );
E
    if (system("$Mosn::BIN -t -q -c $mosn->{conf} >/dev/null 2>&1") != 0) { pass("$domain is refused"); next }
    $mosn->run;
    is(Mosn::get($mosn->port(1), '/', host => $host)->{status}, 200, "$domain takes $host");
    $mosn->stop;
}
done_testing();
