# Names that are known need not be waited for: who has no host is told at once.
use strict; use warnings; use Test::More; use Mosn; use Names; use Time::HiRes qw(time sleep);
my $names = Names->start('web.test A 300 127.0.0.1');
my $o = Mosn::origin(sub { Mosn::ok_response('new') });
my $p = $o->port;
my $d = qq|clusters = ( { name = "d"; discovery = "strict_dns"; subset_selectors = ( ["v"] ); subset_fallback = "none"; hosts = ( { name = "web.test:$p"; metadata = { v = "1"; }; STATE } ); MORE }, { name = "s"; discovery = "strict_dns"; hosts = ( { name = "web.test:$p"; state = "disabled"; } ); MORE } );|;
sub d { my ($more) = @_; my $t = $d; $t =~ s/MORE/$more/g; $t =~ s/STATE//; return $t }
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
dns = { servers = ["127.0.0.1:@{[$names->port]}"]; timeout = "200ms"; min_ttl = "200ms"; retry = "200ms"; };
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); },
 { name = "t"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "tcp_proxy"; cluster = "s"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { path = "/two"; }; route = { cluster = "d"; subset = { v = "2"; }; }; }, { match = { path = "/s"; }; route = { cluster = "s"; }; }, { route = { cluster = "d"; }; } ); } ); } );
@{[d('')]}
E
sub took { my ($path) = @_; my $t = time; my $m = Mosn::get($mosn->port(1), $path); return ($m->{status}, time - $t) }
sub tcp { my $t = time; eval { Mosn::raw(Mosn::connect_to($mosn->port(2)), 'x', seconds => 9) }; return time - $t }
for my $round (1, 2) {
    is((took('/'))[0], 200, 'served');
    my ($st, $t) = took('/two'); is($st, 503, 'no such subset'); cmp_ok($t, '<', 2, "... at once, round $round");
    ($st, $t) = took('/s'); is($st, 503, 'disabled'); cmp_ok($t, '<', 2, "... at once, round $round");
    cmp_ok(tcp(), '<', 2, "tcp at once, round $round");
    last if $round == 2;
    is($mosn->apply(d('connect_timeout = "3s";')), '', 'applied');
}
$mosn->finish;
done_testing();
