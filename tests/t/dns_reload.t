# Who waits for the names of a cluster is served though a reload comes meanwhile.
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
my $mosn = Mosn->start($head . routes('c') . qq|clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$old->port]}"; } ); }, { name = "t"; hosts = ( { address = "127.0.0.1:1"; state = "disabled"; } ); } );|);
sub ask { my $s = Mosn::connect_to($mosn->port($_[0])); print $s "GET / HTTP/1.1\r\nHost: x\r\n\r\n"; return $s }
my $new = 'clusters = (' . named('d', 'strict_dns', 'web.test') . ', ' . named('t', 'strict_dns', 'web.test') . ');' . routes('d');
is($mosn->apply($new), '', 'applied');
my @s;
ok(Mosn::wait_for(sub { my $s = ask(1); my $waits = !IO::Select->new($s)->can_read(0.2); push @s, $s if $waits; $waits }), 'waits');
push @s, ask(2);
ok(!IO::Select->new(@s)->can_read(0.1), 'nobody is refused');
$mosn->write_conf($head . $new);
my ($pid) = Mosn::background($Mosn::CTL, '-s', "$mosn->{dir}/control.sock", 'reload');
sleep 1;
$names->say('web.test A 300 127.0.0.1', 'web.test A 300 127.0.0.2');
for (@s) { my $t = time; my $m = Mosn::Reader->new($_)->message(0); is($m ? "$m->{status} $m->{body}" : 'closed', '200 new', sprintf 'served after %.1f', time - $t); }
waitpid $pid, 0;
is($? >> 8, 0, 'reloaded');
close $_ for @s;
$mosn->finish;
done_testing();
