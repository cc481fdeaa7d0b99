# keepalive.t - PING to a peer that is silent, on both sides of HTTP/2.

use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time);

sub frame { my ($type, $flags, $id, $payload) = @_; return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $id) . $payload }

# Frames that come until `seconds` are over or the end: types, and "end".
sub frames {
    my ($s, $seconds, $answer) = @_;
    my ($until, $in, @seen) = (time + $seconds, '');
    while ((my $left = $until - time) > 0) {
        IO::Select->new($s)->can_read($left) or last;
        sysread($s, $in, 65536, length $in) or return (@seen, 'end');
        $in =~ s/^PRI \* HTTP\/2.0\r\n\r\nSM\r\n\r\n//;
        while (length $in >= 9 && length $in >= 9 + unpack 'N', "\0" . substr $in, 0, 3) {
            my ($type, $flags) = unpack 'x3CC', $in;
            my $payload = substr $in, 9, unpack('N', "\0" . substr $in, 0, 3);
            substr $in, 0, 9 + length $payload, '';
            push @seen, $type . ($flags & 1 ? '+' : '');
            print $s frame(6, 1, 0, $payload) if $answer && $type == 6 && !($flags & 1);
            print $s frame(4, 1, 0, '') if $type == 4 && !($flags & 1);
        }
    }
    return @seen;
}

my $log = Mosn::new_dir() . '/seen';
my $host = Mosn::server(sub {
    my $s = shift;
    print $s frame(4, 0, 0, '');
    my @seen = frames($s, 5, 0);
    open my $f, '>>', $log; print $f "@seen\n"; close $f;
});
my $mosn = Mosn->start(<<"E", workers => 1);
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
    filters = ( { type = "proxy"; routes = "r"; http2 = { keepalive_interval = "300ms"; keepalive_timeout = "300ms"; }; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "10s"; }; } ); } ); } );
clusters = ( { name = "c"; protocol = "http2"; http2 = { keepalive_interval = "300ms"; keepalive_timeout = "300ms"; };
    hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
my $preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '');

my $deaf = Mosn::connect_to($mosn->port(1));
print $deaf $preface;
my @seen = frames($deaf, 4, 0);
ok((grep { $_ eq '6' } @seen), "a silent client gets a PING") or diag("@seen");
is($seen[-1], 'end', 'and is given up when it does not answer') or diag("@seen");

my $good = Mosn::connect_to($mosn->port(1));
print $good $preface;
@seen = frames($good, 2, 1);
cmp_ok(scalar(grep { $_ eq '6' } @seen), '>=', 3, 'one that answers gets more of them');
isnt($seen[-1], 'end', 'and stays');

my $begun = time;
my $status = `curl -s --max-time 8 -o /dev/null -w '%{http_code}' http://127.0.0.1:@{[ $mosn->port(1) ]}/`;
cmp_ok(time - $begun, '<', 5, 'a request to a host that has gone silent does not wait for its timeout');
like($status, qr/^50[234]$/, "it is told: $status");
ok(Mosn::wait_for(sub { -s $log && Mosn::slurp($log) =~ /\b6\b.*end/ }), 'the host got a PING and then the end');
ok((grep { /keepalive/ } keys %{ $mosn->stats }), 'the reason is counted');
$mosn->finish;
done_testing();
