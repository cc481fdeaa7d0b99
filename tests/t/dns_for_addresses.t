# A host whose cluster has names instead of addresses behind a reload is the
# same host: what is known of it stays, and it does not start slowly.
use strict; use warnings; use Test::More; use Mosn; use Names;
my $names = Names->start('a.test A 300 127.0.0.1', 'a.test A 300 127.0.0.2');
my $p = Mosn::free_port();
my $o = Mosn::origin(sub { my $r = shift; my $h = $r->{socket}->sockhost; return "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n" if $h eq '127.0.0.2' && $r->{path} eq '/bad'; Mosn::ok_response($h) }, address => '0.0.0.0', port => $p);
sub conf { my ($x, $kind) = @_; return <<"E" }
control_socket = "%%DIR%%/control.sock";
dns = { servers = ["127.0.0.1:@{[$names->port]}"]; timeout = "200ms"; min_ttl = "200ms"; retry = "200ms"; };
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; $x $kind } );
E
my $e = 'lb = "round_robin"; outlier_detection = { consecutive_errors = 1; ejection_time = "10m"; max_ejection_time = "10m"; };';
my $static = qq|hosts = ( { address = "127.0.0.1:$p"; }, { address = "127.0.0.2:$p"; } );|;
my $dns = qq|discovery = "strict_dns"; hosts = ( { name = "a.test:$p"; } );|;
my $mosn = Mosn->start(conf($e, $static));
sub is_state { my ($s, $n) = @_; ok(Mosn::wait_for(sub { $mosn->hosts_of('c') =~ /^  127.0.0.2:$p +$s/m }, 5), $n) or diag($mosn->hosts_of('c')) }
Mosn::get($mosn->port(1), '/bad') for 1 .. 2;
is_state('ejected', 'a host is left out');
$mosn->write_conf(conf($e, $dns));
is(($mosn->ctl('reload'))[1], 0, 'a reload: names'); is_state('ejected', 'it still is');
Mosn::get($mosn->port(1), '/bad') for 1 .. 2;
is_state('ejected', 'left out');
$mosn->write_conf(conf($e, $static));
is(($mosn->ctl('reload'))[1], 0, 'a reload: addresses'); is_state('ejected', 'it still is');
$mosn->finish;
done_testing();
