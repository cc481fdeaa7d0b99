# idle_timeout of a route: "longest pause within the answer".  A host that has
# begun to answer and then says nothing is found, also while the client sends.
use strict; use warnings; use Test::More; use Mosn; use IO::Select; use Time::HiRes qw(time sleep);
my $host = Mosn::server(sub {
    my ($s, $log) = @_;
    while (<$s>) { last if $_ eq "\r\n" }
    syswrite $s, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntick\r\n";
    1 while sysread $s, my $x, 1000;
});
my $mosn = Mosn->start(<<"E");
drain_timeout = "1s";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "1s"; idle_timeout = "1s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
sub frame { my ($type, $flags, $id, $payload) = @_; return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $id) . $payload }
for my $sends (0, 1) {
    my $s = Mosn::connect_to($mosn->port(1));
    syswrite $s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '') . frame(1, 4, 1, "\x83\x86\x84\x01\x01a") . frame(0, 0, 1, 'x') . frame(4, 1, 0, '');
    my ($in, $body, $end, $begun) = ('', '', '', time);
    while (!$end && time - $begun < ($sends ? 5 : 10)) {
        if (IO::Select->new($s)->can_read(0.3)) {
            sysread $s, $in, 65536, length $in or last;
            while (length $in >= 9 && length $in >= 9 + (my $n = unpack 'N', "\0" . substr $in, 0, 3)) {
                my $type = ord substr $in, 3, 1;
                $body .= substr $in, 9, $n if $type == 0;
                $end = 'reset' if $type == 3;
                substr $in, 0, 9 + $n, '';
            }
        }
        syswrite $s, frame(0, 0, 1, 'x') if $sends;
    }
    is("$body $end", $sends ? 'tick ' : 'tick reset', $sends ? 'while the client sends it goes on' : 'while the client is silent it ends');
    close $s;
}
$mosn->finish;
done_testing;
