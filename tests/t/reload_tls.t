# reload_tls.t - reload and upgrade under load of TLS and HTTP/2: nothing is
# refused, reset or closed in silence, on either side.

use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time sleep);

my $dir = Mosn::certificates('a.test', 'o.test');
my $steady = Mosn::tool('steady');
my ($http, $tcp) = (Mosn::free_port(), Mosn::free_port());
my ($origin_pid, $origin_out) = Mosn::background($steady, 'origin', $http, $tcp);
ok(Mosn::wait_for(sub { Mosn::slurp($origin_out) =~ /ready/ }), 'the origin is there');

# Behind the one that reloads stands one that does not, for HTTP/2 to hosts.
my $tls = qq(tls = { certificates = ( { certificate = "$dir/a.test.pem"; private_key = "$dir/a.test.key"; } ); alpn = ["h2", "http/1.1"]; };);
my $behind = Mosn->start(<<"E", workers => 1);
listeners = ( { name = "b"; address = "127.0.0.1:%%PORT1%%";
    tls = { certificates = ( { certificate = "$dir/o.test.pem"; private_key = "$dir/o.test.key"; } ); alpn = ["h2"]; };
    filters = ( { type = "proxy"; routes = "r"; match_server_name = false; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$http"; } ); } );
E
my $mosn = Mosn->start(<<"E", workers => 2);
control_socket = "%%DIR%%/control.sock";
drain_timeout = "60s";
listeners = (
  { name = "c"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "h1"; } ); },
  { name = "s"; address = "127.0.0.1:%%PORT2%%"; $tls filters = ( { type = "proxy"; routes = "h2"; } ); } );
routes = (
  { name = "h1"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "h1"; }; } ); } ); },
  { name = "h2"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "h2"; }; } ); } ); } );
clusters = ( { name = "h1"; hosts = ( { address = "127.0.0.1:$http"; } ); },
  { name = "h2"; protocol = "http2"; hosts = ( { address = "127.0.0.1:@{[ $behind->port(1) ]}"; } ); tls = { sni = "o.test"; trusted_ca = "$dir/ca.pem"; }; } );
E

sub load {
    my ($seconds, $code) = @_;
    my @load = (
        [ 'HTTP/2', Mosn::background('node', "$Mosn::TOP/tests/tools/steady_h2.js", $seconds, 10, 5, "http://127.0.0.1:" . $mosn->port(1)) ],
        [ 'HTTP/2 over TLS', Mosn::background('node', "$Mosn::TOP/tests/tools/steady_h2.js", $seconds, 10, 5, "https://127.0.0.1:" . $mosn->port(2), "$dir/ca.pem") ],
        [ 'HTTP/1.1 over TLS', Mosn::background('/usr/bin/python3', "$Mosn::TOP/tests/tools/steady_tls.py", $seconds, 20, $mosn->port(2), "$dir/ca.pem") ],
    );
    my $until = time + $seconds - 1;
    my ($n, $refused) = (0, 0);
    while (time < $until || $n < 4) {
        my ($text, $rc) = $code->($n++);
        $refused++, diag($text) if $rc;
        sleep 0.3;
    }
    cmp_ok($n, '>', 3, "$n transactions");
    is($refused, 0, 'none was refused');
    for my $load (@load) {
        my ($name, $pid, $out) = @$load;
        Mosn::wait_for(sub { waitpid($pid, 1) == $pid }, 30);
        my $said = Mosn::slurp($out);
        my %r = $said =~ /^(\w+) (\d+)$/mg;
        cmp_ok($r{requests} // 0, '>', 300, "$name: requests are answered") or diag($said, Mosn::slurp("$out.err"));
        is($r{failed}, 0, "$name: none failed") or diag($said);
        is($r{silent}, 0, "$name: no connection ended in silence") or diag($said);
        cmp_ok(($r{goaways} // 0) + ($r{announced} // 0), '>', 5, "$name: connections have moved on");
    }
}
load(8, sub { $mosn->ctl('reload') });
load(8, sub { $mosn->ctl('upgrade') });
$mosn->finish;
$behind->finish;
done_testing();
