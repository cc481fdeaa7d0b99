# early.t - an origin answers and goes before it has read the request: the client
# hears the answer, not of the reset behind it.

use strict;
use warnings;
use Test::More;
use Mosn;

my $origin = Mosn::server(sub {
    my $s = shift;
    my $b = "";
    while ($b !~ /\r\n\r\n/) { sysread($s, $b, 4096, length $b) or return }
    print $s "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmuch";
    $s->flush;
    close $s;   # with bytes that nobody has read: RST
});
my $mosn = Mosn->start(<<"E", workers => 1);
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$origin->{port}"; } ); } );
E
my $file = Mosn::new_dir() . '/b';
system "head -c 5000000 /dev/zero > $file";
my %r;
my $port = $mosn->port(1);
$r{ `curl -s --max-time 5 -H 'Expect:' -o /dev/null -w '%{http_code}' --data-binary \@$file http://127.0.0.1:$port/` }++ for 1 .. 40;
is($r{413} // 0, 40, 'an early answer in front of a reset') or diag(explain(\%r));
$mosn->finish;
done_testing();
