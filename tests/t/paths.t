# Routes and hosts see one spelling of a path, and explain does.
use strict;
use warnings;
use Test::More;
use Mosn;

my $o = Mosn::origin(sub { Mosn::ok_response($_[0]{line} // '') });
my $routes = 'filters = ( { type = "proxy"; routes = "r";';
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "on"; address = "127.0.0.1:%%PORT1%%"; $routes access_log = ( { path = "%%DIR%%/access.log"; format = "%request_uri% %response_code%"; } ); } ); },
  { name = "merge"; address = "127.0.0.1:%%PORT2%%"; $routes merge_slashes = true; } ); },
  { name = "off"; address = "127.0.0.1:%%PORT3%%"; $routes normalize_path = false; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { path_prefix = "/admin"; }; respond = { status = 403; }; }, { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E

sub status {
    my ($n, $path) = @_;
    my $text = Mosn::raw($mosn->port($n), "GET $path HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", seconds => 5);
    return $text =~ m{^HTTP/1.1 (\d+)} ? $1 : $text;
}
sub seen { my ($line) = split /\r\n/, ($o->requests)[-1]; return $line }

is(status(1, $_), 403, "$_ is closed") for '/admin', '/%61dmin', '/x/../admin', '/%2e/admin/b', '/admin?x=/../y';
is(status(2, '//admin'), 403, '//admin is, when slashes are merged');
is(status(1, '//admin'), 200, 'and not otherwise');
is(status(3, '/%61dmin'), 200, 'nothing is when it is switched off');
is(seen(), 'GET /%61dmin HTTP/1.1', 'then hosts see what came');
is(status(1, '/a/./%7Eb?q=%61/../c'), 200, 'another one goes on');
is(seen(), 'GET /a/~b?q=%61/../c HTTP/1.1', 'in the one spelling, but for the query');
like(($mosn->ctl('explain', 'GET', '/x/%2E./admin'))[0], qr/answer 403/, 'explained the same');
ok(Mosn::wait_for(sub { Mosn::slurp("$mosn->{dir}/access.log") =~ m{^/x/\.\./admin 403$}m }), 'the log has what was asked for');

$mosn->finish;
done_testing();
