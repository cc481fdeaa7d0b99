# `authority` of a match takes the hosts that a domain takes: "a.example." is
# "a.example", and the case does not matter.
use strict; use warnings; use Test::More; use Mosn;
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "d"; domains = ["a.example"]; routes = ( { match = { authority = "a.example"; }; respond = { status = 403; }; }, { respond = { body = "open"; }; } ); },
 { name = "p"; domains = ["b.example:8080", "b.example"]; routes = ( { respond = { body = "port"; }; } ); }, { name = "v"; domains = ["*"]; routes = ( { respond = { body = "other"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:1"; } ); } );
E
is(Mosn::get($mosn->port(1), '/', host => $_)->{status}, 403, $_) for 'a.example', 'A.Example', 'a.example:80', 'a.example.', 'a.example.:80', 'a.example:';
$mosn->finish; done_testing();
