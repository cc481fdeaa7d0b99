# idle_timeout is for connections without a request: who is taking the last
# answer still is not idle, and has the time of one who is when he has it.
use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time sleep);
use constant LONG => 2_000_000;

my $host = Mosn::origin(sub { my $r = shift; Mosn::ok_response($r->{path} eq '/long' ? 'x' x LONG : 'second') });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; idle_timeout = "1s"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$host->port]}"; } ); } );
E
my $s = Mosn::narrow($mosn->port(1), 65536);
syswrite $s, "GET /long HTTP/1.1\r\nHost: a\r\n\r\n";
my $in = '';
while ($in !~ /\r\n\r\n/) { sysread $s, $in, 1000, length $in or last }
my $whole = index($in, "\r\n\r\n") + 4 + LONG;
unlike($in, qr/^connection: close/mi, 'the connection may be used again');
while (length $in < $whole) { last unless sysread $s, $in, 40_000, length $in; sleep 0.08 }
is(length $in, $whole, 'all of the long answer, slowly');
$in = '';
syswrite $s, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
while ($in !~ /second$/) { last unless sysread $s, $in, 1000, length $in }
like($in, qr/second$/, 'and the next one at once');
my $since = time;
ok(IO::Select->new($s)->can_read(10) && !sysread($s, $in, 1), 'who is idle then is told to go');
cmp_ok(time - $since, '>', 0.8, 'after idle_timeout');
cmp_ok(time - $since, '<', 5, '... and not long after');
$mosn->finish;
done_testing();
