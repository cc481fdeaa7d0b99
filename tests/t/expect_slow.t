# Who waits for 100 (Continue) is not late with his body: after body_timeout
# mosn says it when the host does not.
use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time sleep);

my $host = Mosn::server(sub {
    my ($s) = @_;
    my $first = <$s>;
    while (<$s>) { last if $_ eq "\r\n" }
    sleep $1 if $first =~ m{/(\d\S*) };
    print $s "HTTP/1.1 100 Continue\r\n\r\n";
    read $s, my $x, 5;
    print $s Mosn::ok_response("got $x");
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; body_timeout = "1s"; } ); },
    { name = "via"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "via"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
        { route = { cluster = "c"; timeout = "30s"; }; } ); } ); },
    { name = "via"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "h2"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$host->port]}"; } ); },
    { name = "h2"; protocol = "http2"; hosts = ( { address = "127.0.0.1:%%PORT1%%"; } ); } );
E
sub ask { my ($port, $path) = @_; my $s = Mosn::connect_to($port); print $s "POST $path HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"; return $s }
sub head { my ($s) = @_; my $in = ''; while ($in !~ /\r\n\r\n/) { sysread $s, $in, 1, length $in or last } return $in }

my @ways = ([1, 'HTTP/1'], [2, 'HTTP/2']);
for my $way (@ways) {
    my ($port, $name) = ($mosn->port($way->[0]), $way->[1]);
    my %s = map { $_ => ask($port, "/$_") } 0.3, 2.5;
    for my $after (sort keys %s) {
        my $s = $s{$after};
        my $since = time;
        like(head($s), qr/^HTTP\/1.1 100/, "$name: a host says it after $after seconds, and the client hears it");
        cmp_ok(time - $since, '<', 2.3, '... after body_timeout at the latest');
        print $s 'hello';
        local $/;
        like(scalar <$s>, qr/got hello$/, '... and goes on');
    }
}

# Who has been told is late as anybody.
my $s = ask($mosn->port(1), '/0.1');
like(head($s), qr/^HTTP\/1.1 100/, 'a client that is told');
my $since = time;
like(head($s), qr/^HTTP\/1.1 408/, '... and says nothing');
cmp_ok(time - $since, '<', 2.3, '... is late after body_timeout');
$mosn->finish;
done_testing();
