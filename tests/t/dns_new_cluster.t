# Who comes to a cluster whose names are not resolved yet waits for them, a
# while; what changes its kind has the names resolved anew.
use strict; use warnings; use Test::More; use Mosn; use Names; use Time::HiRes qw(time sleep);
my $names = Names->start('silent');
my $p = Mosn::free_port();
my $o = Mosn::server(sub { my ($s) = @_; while (<$s>) { print $s "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew" if $_ eq "\r\n" } }, port => $p);
my $old = Mosn::origin(sub { Mosn::ok_response('old') });
sub routes { return qq|routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "$_[0]"; }; } ); } ); } );| }
sub named { my ($name, $kind, $host) = @_; return qq|{ name = "$name"; discovery = "$kind"; hosts = ( { name = "$host:$p"; } ); }| }
my $head = <<"E";
control_socket = "%%DIR%%/control.sock";
dns = { servers = ["127.0.0.1:@{[$names->port]}"]; timeout = "200ms"; min_ttl = "200ms"; retry = "200ms"; };
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); },
    { name = "t"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "tcp_proxy"; cluster = "t"; } ); } );
E
my $start = routes('c') . qq|clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$old->port]}"; } ); }, { name = "t"; hosts = ( { address = "127.0.0.1:1"; state = "disabled"; } ); } );|;
my $mosn = Mosn->start($head . $start);
sub ask { my $s = Mosn::connect_to($mosn->port($_[0])); print $s "GET / HTTP/1.1\r\nHost: x\r\n\r\n"; return $s }
sub reason { my ($n) = @_; my $s = $mosn->stats; return join ' ', sort map { /no_host|connect_failed/ && $s->{$_} == $n ? $_ : () } keys %$s }

# No host at all is the same for everybody.
ok(!eval { Mosn::raw(Mosn::connect_to($mosn->port(2)), 'x', seconds => 3) }, 'a client of tcp_proxy for whom there is no host');
like(reason(1), qr/^ended\.no_host\.\w+$/, 'is told of as such') or diag(join ' ', grep { /no_host|connect_failed/ } %{ $mosn->stats });

is($mosn->apply('clusters = (' . named('d', 'strict_dns', 'web.test') . ', ' . named('t', 'strict_dns', 'web.test') . ');' . routes('d')), '', 'a new cluster and its route are applied');
my @s;
ok(Mosn::wait_for(sub { my $s = ask(1); my $waits = !IO::Select->new($s)->can_read(0.2); push @s, $s if $waits; $waits }), 'the old one serves until the new one waits for its names');
push @s, map { ask($_) } 1, 2, 2;
ok(!IO::Select->new(@s)->can_read(0.5), 'nobody is refused');
close pop @s;
$names->say('web.test A 300 127.0.0.1', 'web.test A 300 127.0.0.2');
is(join(' ', map { Mosn::Reader->new($_)->message(0)->{body} } @s), 'new new new', 'but waits, over HTTP and TCP');
close $_ for splice @s;

# One that is never found.
my $began = time;
is($mosn->apply('clusters = (' . named('e', 'strict_dns', 'nowhere.test') . ');' . routes('e')), '', 'a name that is nowhere');
Mosn::wait_for(sub { Mosn::get($mosn->port(1), '/')->{body} ne 'new' });
is(Mosn::get($mosn->port(1), '/')->{status}, 503, 'is not waited for without end');
cmp_ok(time - $began, '<', 9, '... but for five seconds');

# Another kind: at once, not when the answers are too old.
is($mosn->apply('clusters = (' . named('d', 'strict_dns', 'web.test') . ', ' . named('e', 'logical_dns', 'web.test') . ');'), '', 'both kinds');
my $both = "127.0.0.1:$p 127.0.0.2:$p";
ok(Mosn::wait_for(sub { $mosn->set_of('d') eq $both }), 'strict: every address is a host');
ok(Mosn::wait_for(sub { $mosn->set_of('e') =~ /^\S+$/ }), 'logical: one is');
is($mosn->apply('clusters = (' . named('d', 'logical_dns', 'web.test') . ', ' . named('e', 'strict_dns', 'web.test') . ');'), '', 'the other way round');
ok(Mosn::wait_for(sub { $mosn->set_of('d') =~ /^\S+$/ }, 5), 'one address of a name is used at a time');
ok(Mosn::wait_for(sub { $mosn->set_of('e') eq $both }, 5), 'every address is a host');

# Who waits is served though a reload comes meanwhile.
$names->say('silent');
my $late = 'clusters = (' . named('d', 'strict_dns', 'late.test') . ', ' . named('t', 'strict_dns', 'late.test') . ');' . routes('d');
$mosn->write_conf($head . $start);
is(($mosn->ctl('reload'))[1], 0, 'as in the beginning');
is($mosn->apply($late), '', 'a name that nobody answers yet');
ok(Mosn::wait_for(sub { my $s = ask(1); my $waits = !IO::Select->new($s)->can_read(0.2); push @s, $s if $waits; $waits }), 'a client waits for it');
push @s, ask(2);
ok(!IO::Select->new(@s)->can_read(0.1), 'and one of TCP');
$mosn->write_conf($head . $late);
my ($pid) = Mosn::background($Mosn::CTL, '-s', "$mosn->{dir}/control.sock", 'reload');
sleep 1;    # it waits for the names, too
$names->say('late.test A 300 127.0.0.1');
is(join(' ', map { Mosn::Reader->new($_)->message(0)->{body} } @s), 'new new', 'both are served');
waitpid $pid, 0;
is($? >> 8, 0, 'and the reload is done');
close $_ for @s;
$mosn->finish;
done_testing();
