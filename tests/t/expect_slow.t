# Who waits for 100 (Continue) is not late with his body: the host is, which
# has the timeout of the route for it.
use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time sleep);

my $host = Mosn::server(sub {
    my ($s) = @_;
    my $first = <$s>;
    while (<$s>) { last if $_ eq "\r\n" }
    sleep($first =~ /never/ ? 60 : 2.5);
    print $s "HTTP/1.1 100 Continue\r\n\r\n";
    read $s, my $x, 5;
    print $s Mosn::ok_response("got $x");
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; body_timeout = "1s"; } ); },
    { name = "via"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "via"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
        { match = { path = "/never"; }; route = { cluster = "c"; timeout = "3s"; }; }, { route = { cluster = "c"; timeout = "30s"; }; } ); } ); },
    { name = "via"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "h2"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$host->port]}"; } ); },
    { name = "h2"; protocol = "http2"; hosts = ( { address = "127.0.0.1:%%PORT1%%"; } ); } );
E
sub ask { my ($port, $path) = @_; my $s = Mosn::connect_to($port); print $s "POST $path HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"; return $s }
sub head { my ($s) = @_; my $in = ''; while ($in !~ /\r\n\r\n/) { sysread $s, $in, 1, length $in or last } return $in }

my @ways = ([1, 'HTTP/1'], [2, 'HTTP/2']);
my @s = map { ask($mosn->port($_->[0]), '/') } @ways;
my @never = map { ask($mosn->port($_->[0]), '/never') } @ways;
for my $i (0 .. $#ways) {
    my $s = $s[$i];
    like(head($s), qr/^HTTP\/1.1 100/, "$ways[$i][1]: after body_timeout the client is told to go on");
    print $s 'hello';
    local $/;
    like(scalar <$s>, qr/got hello$/, '... and does');
}
like(head($never[$_]), qr/^HTTP\/1.1 504/, "$ways[$_][1]: the host is not waited for without end") for 0 .. $#ways;

# Who has been told is late as anybody.
my $s = ask($mosn->port(1), '/');
like(head($s), qr/^HTTP\/1.1 100/, 'a client that is told');
my $since = time;
like(head($s), qr/^HTTP\/1.1 408/, '... and says nothing');
cmp_ok(time - $since, '<', 2.3, '... is late after body_timeout');
$mosn->finish;
done_testing();
