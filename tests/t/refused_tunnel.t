# refused_tunnel.t - what follows a tunnel that was refused is nobody's: it
# never reaches a host, and no answer that is no tunnel looks like one.

use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(sleep);

my $log = Mosn::new_dir() . '/got';
my $host = Mosn::server(sub {
    my $s = shift;
    my $in = '';
    while (sysread $s, my $b, 4096) {
        open my $f, '>>', $log; syswrite $f, $b; close $f;
        $in .= $b;
        while ($in =~ s/^(\S+) (\S+) .*?\r\n\r\n//s) {
            if ($1 eq 'CONNECT' || $2 eq '/ws') { syswrite $s, "HTTP/1.1 403 Forbidden\r\nContent-Length: 20\r\n\r\n0123456789"; sleep 0.6; syswrite $s, '0123456789' }
            elsif ($2 eq '/page') { syswrite $s, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage" }
            else { syswrite $s, "HTTP/1.1 200 OK\r\nContent-Length: " . length($2) . "\r\n\r\n$2" }
        }
    }
});
my $mosn = Mosn->start(<<"E", workers => 1);
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; allow_connect = true; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { path = "/own"; }; respond = { body = "own"; }; }, { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; circuit_breaker = { max_connections = 1; }; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
my $port = $mosn->port(1);

sub frame { my ($type, $flags, $id, $payload) = @_; return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $id) . $payload }
sub fields { my $out = ''; while (my ($n, $v) = splice @_, 0, 2) { $out .= "\0" . chr(length $n) . $n . chr(length $v) . $v } return $out }
my $preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '') . frame(4, 1, 0, '');

# What comes in `seconds`.
sub hear {
    my ($s, $seconds) = @_;
    my ($in, $until) = ('', Time::HiRes::time() + $seconds);
    while ((my $left = $until - Time::HiRes::time()) > 0) {
        IO::Select->new($s)->can_read($left) or last;
        sysread($s, $in, 65536, length $in) or last;
    }
    return $in;
}

sub connect_frames {
    my ($id, @fields) = @_;
    return frame(1, 4, $id, fields(':method', 'CONNECT', @fields));
}
for my $case (
    [ 'an extended CONNECT', ':protocol', 'websocket', ':scheme', 'http', ':path', '/ws', ':authority', 'a.test' ],
    [ 'a CONNECT', ':authority', 'a.test:80' ],
) {
    my ($name, @fields) = @$case;
    unlink $log;
    my $s = Mosn::connect_to($port);
    print $s $preface, connect_frames(1, @fields);
    hear($s, 0.3);
    print $s frame(0, 0, 1, "GET /admin HTTP/1.1\r\nHost: a\r\n\r\nPARTIAL /x HTTP/1.1\r\nX: ");
    hear($s, 0.2);
    is(`curl -s --max-time 5 http://127.0.0.1:$port/neighbour`, '/neighbour', "$name refused: a neighbour gets its own answer");
    unlike(Mosn::slurp($log), qr/admin|PARTIAL/, 'and the host saw nothing of what followed');
}

for my $path ('/page', '/own') {
    my $s = Mosn::connect_to($port);
    print $s $preface, connect_frames(1, ':protocol', 'websocket', ':scheme', 'http', ':path', $path, ':authority', 'a.test');
    my $in = hear($s, 0.5);
    unlike($in, qr/page|own/, "$path is no tunnel: its body does not look like one");
    unlike($in, qr/\x88/, 'nor does its status');
}
$mosn->finish;
done_testing();
