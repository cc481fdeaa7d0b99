# A client's connection has so many requests and no more, also over HTTP/2: it
# is told GOAWAY, and closed.
use strict; use warnings; use Test::More; use Mosn;
sub frame { my ($type, $flags, $id, $body) = @_; return substr(pack('N', length $body), 1) . pack('CCN', $type, $flags, $id) . $body }
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; max_requests_per_connection = 2; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "ok"; }; } ); } ); } );
E
my $s = Mosn::connect_to($mosn->port(1));
syswrite $s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '') . frame(4, 1, 0, '');
my ($in, $more, @seen) = ('', 1);
# Reads until that is there; the end is one, too.
sub hears {
    my ($wanted) = @_;
    while ($more && !grep { $_ eq $wanted } @seen) {
        IO::Select->new($s)->can_read(5) or return 0;
        $more = sysread $s, $in, 65536, length $in;
        while (length $in >= 9 && length $in >= 9 + (my $len = unpack 'N', "\0" . substr $in, 0, 3)) {
            my ($type, $flags, $id) = unpack 'CCN', substr $in, 3, 6;
            push @seen, $type == 7 ? 'goaway ' . unpack('N', substr $in, 9, 4) : "$type $id";
            substr($in, 0, 9 + $len) = '';
        }
    }
    return grep { $_ eq $wanted } @seen;
}
sub ask { my ($id) = @_; syswrite $s, frame(1, 5, $id, "\x82\x86\x84\x41\x01a") }
ask(1); ok(hears('1 1'), 'the first request is answered');
ok(!(grep { /goaway/ } @seen), 'as if there were more to come');
ask(3); ok(hears('1 3'), 'so is the second');
ok(hears('goaway ' . 0x7fffffff), 'of which there are no more');
ask(5); ok(hears('1 5'), 'but for one on its way');
ok(hears('goaway 5'), 'that was the last');
hears('the end');
is($more, 0, 'and the connection is closed');
$mosn->finish; done_testing();
