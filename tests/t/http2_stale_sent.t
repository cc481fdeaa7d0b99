# "No window for so long" counts from when there was something to send, and no
# window for it; not from the last time that something was sent.
use strict; use warnings; use Test::More; use Mosn; use Socket; use IO::Select; use Time::HiRes qw(time sleep);
my $host = Mosn::server(sub {
    my ($s, $log) = @_;
    while (<$s>) { last if $_ eq "\r\n" }
    syswrite $s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    sleep 4;
    Mosn::say_to($log, 'second'); syswrite $s, "world";
    1 while <$s>;
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; send_timeout = "2s"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
sub frame { my ($type, $flags, $id, $payload) = @_; return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $id) . $payload }
my $s = Mosn::connect_to($mosn->port(1));
syswrite $s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, pack 'nN', 4, 5) . frame(1, 5, 1, "\x82\x86\x84\x01\x01a") . frame(4, 1, 0, '');
my ($in, $body, $end) = ('', '', '');
sub look {
    my ($seconds) = @_;
    IO::Select->new($s)->can_read($seconds) or return 0;
    sysread $s, $in, 65536, length $in or do { $end = 'closed'; return 0 };
    while (length $in >= 9 && length $in >= 9 + (my $n = unpack 'N', "\0" . substr $in, 0, 3)) {
        my $type = ord substr $in, 3, 1;
        $body .= substr $in, 9, $n if $type == 0;
        $end = 'reset ' . unpack 'N', substr $in, 9, 4 if $type == 3;
        substr $in, 0, 9 + $n, '';
    }
    return 1;
}
look(5) or last while length $body < 5 && !$end;
is($body, 'hello', 'the window is used up, and nothing waits');
ok(Mosn::wait_for(sub { $host->seen eq 'second' }, 10), 'much later there is more');
my $since = time;
while (!$end && time - $since < 1) { look(0.1) }     # half of send_timeout
diag(sprintf 'after %.2f s: %s', time - $since, $end || 'open');
is($end, '', 'half of send_timeout later it waits for a window still');
syswrite $s, frame(8, 0, 1, pack 'N', 100);
look(5) or last while length $body < 10 && !$end;
is("$body $end", 'helloworld ', 'and gets it');
$mosn->finish;
done_testing;
