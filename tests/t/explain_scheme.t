# explain and what is served: the scheme of a TLS listener, and of a kept X-Forwarded-Proto.
use strict; use warnings; use Test::More; use Mosn;
my $dir = Mosn::certificates('a.example');
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "k"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; forwarded_proto = "keep"; } ); },
  { name = "s"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "r"; } ); tls = { certificates = ( { certificate = "$dir/a.example.pem"; private_key = "$dir/a.example.key"; } ); }; } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { name = "plain"; match = { headers = ( { name = ":scheme"; exact = "http"; } ); }; redirect = { scheme = "https"; }; },
  { name = "safe"; respond = { body = "safe"; }; } ); } ); } );
E
my $a = Mosn::get($mosn->port(1), '/x', host => 'a.example', headers => ['X-Forwarded-Proto: https']);
note "served kept: $a->{status}";
my ($t) = $mosn->ctl('explain', '@k', 'GET', 'http://a.example/x', 'X-Forwarded-Proto: https');
my ($route) = $t =~ /^  (\S+) \([^)]*\): matches$/m;
is($route, $a->{status} == 200 ? 'safe' : 'plain', 'a kept X-Forwarded-Proto: as served');
my $out = Mosn::s_client($mosn->port(2), '-quiet -servername a.example', in => "GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
my ($status) = $out =~ /HTTP\/1\.1 (\d+)/;
note "served tls: $status";
($t) = $mosn->ctl('explain', '@s', 'GET', 'a.example/x', 'sni=a.example');
($route) = $t =~ /^  (\S+) \([^)]*\): matches$/m;
is($route, $status == 200 ? 'safe' : 'plain', 'a TLS listener: as served') or diag $t;
$mosn->finish; done_testing();
