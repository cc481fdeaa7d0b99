#!/usr/bin/env perl
# tests/t/keepalive_slow.t - a client that takes a long answer slowly, and says
# nothing meanwhile, is alive: a PING stands behind what it has to take.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use IO::Select;
use Test::More;
use Time::HiRes qw(time sleep);
use Mosn;

use constant LONG => 6 << 20;

my $host = Mosn::server(sub {
    my $s = shift;
    while (<$s>) { last if $_ eq "\r\n" }
    print $s "HTTP/1.1 200 OK\r\nContent-Length: @{[ LONG ]}\r\n\r\n", 'x' x LONG;
    1 while <$s>;
});
my $mosn = Mosn->start(<<"E", workers => 1);
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
    filters = ( { type = "proxy"; routes = "r"; http2 = { keepalive_interval = "300ms"; keepalive_timeout = "800ms"; }; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E

sub frame { my ($type, $flags, $id, $payload) = @_; return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $id) . $payload }

# Few bytes fit into its socket, and all into its windows.
my $s = Mosn::narrow($mosn->port(1), 65536);
my $hello = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, pack 'nN', 4, LONG * 2) . frame(8, 0, 0, pack 'N', LONG * 2);
# :method GET, :scheme http, :path /, :authority a
syswrite $s, $hello . frame(1, 5, 1, "\x82\x86\x84\x01\x01a") . frame(4, 1, 0, '');

my ($in, $body, $pings, $goaways, $pieces, $begun) = ('', 0, 0, 0, 0, time);

# What is whole of it.
sub look {
    while (length $in >= 9 && length $in >= 9 + (my $n = unpack 'N', "\0" . substr $in, 0, 3)) {
        my $type = ord substr $in, 3, 1;
        $body += $n if $type == 0;
        $pings++ if $type == 6;
        $goaways++ if $type == 7;
        substr $in, 0, 9 + $n, '';
    }
}

while ($body < LONG && time - $begun < 30) {
    sysread $s, $in, 100_000, length $in or last;
    look();
    sleep 0.05 if ++$pieces < 60;
}
my $took = time - $begun;
cmp_ok($took, '>', 2, 'the client takes its time');
is($body, LONG, 'and gets all of the answer');

# Then the PING counts.
while (IO::Select->new($s)->can_read(10)) {
    sysread $s, $in, 100_000, length $in or last;
}
look();
cmp_ok($pings, '>=', 1, 'it was asked');
ok(IO::Select->new($s)->can_read(0), 'and is given up when it is silent still');
is($goaways, 1, 'in so many words');
$mosn->finish;
done_testing();
