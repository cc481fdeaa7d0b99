# CONNECT has no path: changes of the query have nothing to change.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::server(sub { my ($s, $log) = @_; my $b = ''; while (sysread $s, my $x, 4096) { $b .= $x; last if $b =~ /\r\n\r\n/ } Mosn::say_to($log, $b); print $s "HTTP/1.1 200 OK\r\n\r\n"; sleep 0.2 });
my $op = $o->port;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; allow_connect = true; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { name = "slash"; match = { prefix = "/"; }; route = { cluster = "c"; }; },
  { name = "all"; route = { cluster = "c"; }; query = { set = { a = "b"; }; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$op"; } ); } );
E
my ($t) = $mosn->ctl('explain', 'CONNECT', 'up.example:443');
like($t, qr/^  all .*: matches$/m, 'explain: only the empty match takes CONNECT');
unlike($t, qr/^  slash .*: matches$/m, 'explain: not the one with a path');
my $text = Mosn::raw($mosn->port(1), "CONNECT up.example:443 HTTP/1.1\r\nHost: up.example:443\r\n\r\n", seconds => 2);
like($text, qr/^HTTP\/1.1 200/, 'CONNECT is passed on');
like($o->seen, qr/^CONNECT up\.example:443 HTTP/, 'as it came') or diag $o->seen;
$mosn->finish; done_testing();
