# A copy of a request that comes slowly is whole, too: over half a minute.
use strict;
use warnings;
use Test::More;
use Mosn;

my $host = Mosn::origin(sub { my $r = shift; Mosn::ok_response('got ' . length $r->{body}) });
my $copies = Mosn::server(sub {
    my ($s, $log) = @_;
    while (<$s>) { last if $_ eq "\r\n" }
    my $got = 0;
    while (my $n = read $s, my $x, 10) { $got += $n; last if $got == 330 }
    Mosn::say_to($log, "copy of $got");
    print $s Mosn::ok_response('');
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "60s"; mirror = ( { cluster = "m"; } ); }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$host->port]}"; } ); }, { name = "m"; hosts = ( { address = "127.0.0.1:@{[$copies->port]}"; } ); } );
E
my $s = Mosn::connect_to($mosn->port(1));
syswrite $s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 330\r\nConnection: close\r\n\r\n";
for (1 .. 33) { syswrite $s, 'x' x 10; sleep 1 if $_ < 33 }
like(scalar Mosn::raw($s, ''), qr/got 330$/, 'a request of 32 seconds');
Mosn::wait_for(sub { $copies->seen =~ /copy/ }, 5);
is($copies->seen, 'copy of 330', 'and its copy');
$mosn->finish;
done_testing();
