# tcp_proxy: a client that takes what its host has said, slowly, is not idle,
# and what is queued for it must not be lost with a FIN that makes it look whole.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(time sleep);
use constant LONG => 5 << 20;
my $raw = Mosn::server(sub { my $s = shift; print $s 'x' x LONG; shutdown $s, 1; 1 while sysread $s, my $x, 1000 });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "t"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "tcp_proxy"; cluster = "t"; splice = false; idle_timeout = "1s"; } ); },
 { name = "s"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "tcp_proxy"; cluster = "t"; idle_timeout = "1s"; } ); } );
clusters = ( { name = "t"; hosts = ( { address = "127.0.0.1:$raw->{port}"; } ); } );
E
sub slowly {
    my ($port) = @_;
    my $s = Mosn::narrow($port, 65536);
    my ($got, $end) = (0, 'whole');
    while ($got < LONG) {
        my $n = sysread $s, my $piece, 40_000;
        if (!$n) { $end = defined $n ? 'a clean end' : "$!"; last }
        $got += $n;
        sleep 0.08;
    }
    return "$got $end";
}
is(slowly($mosn->port(1)), LONG . ' whole', 'copied');
is(slowly($mosn->port(2)), LONG . ' whole', 'spliced');
$mosn->finish;
done_testing;
