# %request_path% and %request_uri%: explain sees what a request has.
use strict; use warnings; use Test::More; use Mosn;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { name = "admin"; match = { variables = ( { name = "request_path"; exact = "/admin"; } ); }; respond = { status = 403; }; },
  { name = "rest"; respond = { status = 200; body = "rest"; }; } ); } ); } );
E
for my $path ('/admin', '/x/../admin', '/%61dmin', '/./admin') {
    my $a = Mosn::get($mosn->port(1), $path);
    my ($t) = $mosn->ctl('explain', 'GET', "http://h$path");
    my ($said) = $t =~ /^action     answer (\d+)/m;
    is($said, $a->{status}, "$path: as served ($a->{status})");
}
$mosn->finish; done_testing();
