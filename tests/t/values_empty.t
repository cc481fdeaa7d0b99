# "what is empty then is not sent": a variable without a value is no "-".
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { my $r = shift; Mosn::ok_response($r->{head}) });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; headers = { response_set = { x-served-by = "%upstream_host%"; }; request_set = { x-conn = "%upstream_connection_id%"; x-flag = "%response_flag%"; }; }; query = { set = { h = "%upstream_host%"; }; }; routes = (
 { match = { path = "/own"; }; respond = { body = "x"; }; }, { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E
my $a = Mosn::get($mosn->port(1), '/own');
unlike($a->{head}, qr/^x-served-by: -\r$/mi, 'an answer of ours');
$a = Mosn::get($mosn->port(1), '/');
unlike($a->{body}, qr/^x-(conn|flag): -\r$/mi, 'a request');
unlike($a->{body}, qr/h=-/, 'a query') or diag $a->{body};
$mosn->finish; done_testing();
