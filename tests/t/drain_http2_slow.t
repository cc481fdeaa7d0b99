# A reload, or idle_timeout, while an HTTP/2 client takes its answer slowly:
# nothing is lost.  (It opens its windows as it reads, as all do: what it says after a close resets.)
use strict; use warnings; use Test::More; use Mosn; use IO::Select; use Time::HiRes qw(time sleep);
use constant LONG => 2_500_000;
my $host = Mosn::origin(sub { Mosn::ok_response('x' x LONG) });
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
drain_timeout = "60s";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "idle"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "r"; idle_timeout = "1s"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
sub frame { my ($type, $flags, $id, $payload) = @_; return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $id) . $payload }
sub try_slowly {
    my ($what, $port, $reload) = @_;
    my $s = Mosn::narrow($mosn->port($port), 65536);
    my $W = 8_000_000;
    syswrite $s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, pack 'nN', 4, $W) . frame(8, 0, 0, pack 'N', $W) . frame(1, 5, 1, "\x82\x86\x84\x01\x01a") . frame(4, 1, 0, '');
    my ($in, $got, $end, $begun, $goaways) = ('', 0, '', time, 0);
    while ($got < LONG && !$end) {
        my $n = sysread $s, $in, 20_000, length $in;
        if (!$n) { $end = defined $n ? 'closed' : "$!"; last }
        while (length $in >= 9 && length $in >= 9 + (my $n = unpack 'N', "\0" . substr $in, 0, 3)) {
            my $type = ord substr $in, 3, 1;
            $got += $n if $type == 0;
            $goaways++ if $type == 7;
            $end = 'reset' if $type == 3;
            substr $in, 0, 9 + $n, '';
        }
        defined syswrite $s, frame(8, 0, 0, pack 'N', $n) or $end = "sending: $!";
        if ($reload && $got > 100_000) { $reload = 0; my ($t, $rc) = $mosn->ctl('reload'); is($rc, 0, 'reload') or diag($t); $begun = time }
        sleep 0.08;
    }
    diag(sprintf '%.1f s: %d bytes, %d GOAWAYs', time - $begun, $got, $goaways);
    is("$got $end", LONG . ' ', "$what: all of the answer");
}
try_slowly('idle_timeout', 2, 0);
try_slowly('reload', 1, 1);
$mosn->finish;
done_testing;
