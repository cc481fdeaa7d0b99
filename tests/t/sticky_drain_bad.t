# A draining host keeps those who have its cookie "as long as that is usable":
# one that is unhealthy (or ejected) besides is not.
use strict; use warnings; use Test::More; use Mosn;
my $dir = Mosn::new_dir();
my @h = map { my $n = $_; Mosn::origin(sub { my $r = shift;
    my $bad = -e "$dir/bad$n";
    return "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n" if $bad;
    return Mosn::ok_response("h$n") }) } 0 .. 1;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; sticky = { cookie = "route"; };
  health_check = { path = "/health"; interval = "50ms"; unhealthy = 1; healthy = 1; };
  hosts = ( { address = "127.0.0.1:@{[$h[0]->port]}"; }, { address = "127.0.0.1:@{[$h[1]->port]}"; } ); } );
E
my $port = $mosn->port(1);
my $a = Mosn::get($port, '/');
my ($cookie) = ($a->{h}{'set-cookie'}[0] // '') =~ /^(route=\w+)/;
my ($mine) = $a->{body} =~ /h(\d)/;
my @c = (headers => ["Cookie: $cookie"]);
is(Mosn::get($port, '/', @c)->{body}, "h$mine", 'the cookie leads to its host');
my $addr = '127.0.0.1:' . $h[$mine]->port;
is(($mosn->ctl('host', 'set', 'c', $addr, 'state=drain'))[1], 0, 'it drains');
is(Mosn::get($port, '/', @c)->{body}, "h$mine", 'the cookie still leads there');
open my $f, '>', "$dir/bad$mine"; close $f;
ok(Mosn::wait_for(sub { $mosn->log =~ /host \Q$addr\E is unhealthy/ }), 'its checks fail');
my $answers = join ' ', map { Mosn::get($port, '/', @c)->{status} } 1 .. 5;
is($answers, '200 200 200 200 200', 'the client of an unhealthy draining host is sent to the healthy one');
$mosn->finish; done_testing();
