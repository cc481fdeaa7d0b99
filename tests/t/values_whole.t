# Values of variables are whole, or the request is refused; never cut in silence.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { my $r = shift; return Mosn::ok_response($r->{head}) });
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { variables = ( { name = "request_uri"; contains = "evil"; } ); }; respond = { status = 403; body = "denied"; }; },
  { match = { variables = ( { name = "request_header_x-role"; regex = "(^|,)banned(,|\$)"; } ); }; respond = { status = 403; body = "denied"; }; },
  { match = { prefix = "/uri"; }; route = { cluster = "c"; }; headers = { request_set = { x-original-uri = "%request_uri%"; x-auth = "%request_header_authorization%"; }; }; },
  { match = { prefix = "/number"; }; route = { cluster = "c"; }; headers = { request_set = { x-n = "%request_path%-%connection_id%-e"; }; }; },
  { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E
my $p = $mosn->port(1);
is(Mosn::get($p, '/?a=evil')->{status}, 403, 'denied');
is(Mosn::get($p, '/?a=' . 'x' x 4200 . 'evil')->{status}, 403, 'denied with a long query, too');
is(Mosn::get($p, '/', headers => ['X-Role: banned'])->{status}, 403, 'denied');
is(Mosn::get($p, '/', headers => ['X-Role: ' . 'a,' x 2100 . 'banned'])->{status}, 403, 'denied with a long header, too');
my $a = Mosn::get($p, '/uri?' . 'x' x 5000 . 'END', headers => ["Authorization: " . 'y' x 6000 . 'END']);
ok($a->{status} != 200 || $a->{body} =~ /^x-original-uri: .*END\r$/mi, 'the whole URI');
ok($a->{status} != 200 || $a->{body} =~ /^x-auth: .*END\r$/mi, 'the whole header');
for my $n (4060 .. 4092) {
    my $b = Mosn::get($p, '/number' . 'a' x ($n - 7))->{body};
    $b =~ /^x-n: \S+a-\d+-e\r$/mi or fail("the number behind $n bytes is there"), last;
}
$mosn->finish; done_testing();
