# A check of a disabled host that is being connected to goes on when hosts of
# its cluster change: it has not failed.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(time sleep);
my $certs = Mosn::certificates('o.test');
my $tlsport = Mosn::free_port();
my $relay = Mosn::server(sub {
    my ($s) = @_;
    sleep 2;        # a slow handshake
    my $t = Mosn::connect_to($tlsport);
    my $sel = IO::Select->new($s, $t);
    while (1) { for my $r ($sel->can_read) { my $n = sysread $r, my $x, 65536; return if !$n; syswrite $r == $s ? $t : $s, $x } }
});
my $other = Mosn::origin(sub { Mosn::ok_response('other') });
my $mosn = Mosn->prepare; $mosn->{ports}{2} = $tlsport;
$mosn->write_conf(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); },
 { name = "t"; address = "127.0.0.1:%%PORT2%%"; tls = { certificates = ( { certificate = "$certs/o.test.pem"; private_key = "$certs/o.test.key"; } ); }; filters = ( { type = "proxy"; routes = "ok"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); },
  { name = "ok"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { status = 200; body = "fine"; }; } ); } ); } );
clusters = ( { name = "c"; tls = { sni = "o.test"; trusted_ca = "$certs/ca.pem"; }; health_check = { host = "o.test"; interval = "10s"; timeout = "8s"; jitter_percent = 0; }; hosts = ( { address = "127.0.0.1:$tlsport"; }, { address = "127.0.0.1:$relay->{port}"; } ); } );
E
$mosn->run;
my $at = "127.0.0.1:$relay->{port}";
sub state { my ($s) = $mosn->hosts_of('c') =~ /^  \Q$at\E +(\S+)/m; return $s }
sub failed { my $s = $mosn->stats; return $s->{"host.c,$at.checks_failed"} // (map { $s->{$_} } grep { /\Q$at\E.*fail/ && /check/ } keys %$s)[0] }
sleep 0.7;  # its first check is being connected
is(($mosn->ctl('host', 'set', 'c', $at, 'state=disabled'))[1], 0, 'disabled while it is checked');
sleep 0.5;
is(($mosn->ctl('host', 'set', 'c', $at, 'state=enabled'))[1], 0, 'enabled again');
sleep 4;
is(failed(), 0, 'no check has failed') or diag join "\n", grep { /\[warn/ } split /\n/, $mosn->log;
is(state(), 'well', 'and the host is well');
$mosn->finish;
done_testing();
