# A host ends a tunnel over HTTP/2, and says then that it wants no more (RFC
# 9113, 8.1): that is a good end, also while a filter holds the answer.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(sleep time);
sub frame { my ($type, $flags, $id, $body) = @_; return substr(pack('N', length $body), 1) . pack('CCN', $type, $flags, $id) . $body }
# What it resets with, and whether a moment later.
sub host {
    my ($code, $later) = @_;
    return Mosn::server(sub {
        my ($s) = @_;
        my $in = '';
        syswrite $s, frame(4, 0, 0, pack('nN', 8, 1)) . frame(4, 1, 0, '');
        while (sysread $s, $in, 65536, length $in) {
            $in =~ s/^PRI \* HTTP\/2\.0\r\n\r\nSM\r\n\r\n//;
            while (length $in >= 9 && length $in >= 9 + (my $len = unpack 'N', "\0" . substr $in, 0, 3)) {
                my ($type, $flags, $id) = unpack 'CCN', substr $in, 3, 6;
                substr($in, 0, 9 + $len) = '';
                next if $type != 1;
                syswrite $s, my $answer = frame(1, 4, $id, "\x88") . frame(0, 1, $id, 'hello') . (defined $code && !$later ? frame(3, 0, $id, pack 'N', $code) : '');
                if ($later) { sleep 0.1; syswrite $s, frame(3, 0, $id, pack 'N', $code) }
            }
        }
    });
}
my %host = (none => host(), rst0 => host(0), rst0late => host(0, 1), rst8late => host(8, 1));
my $clusters = join ",\n", map { qq({ name = "$_"; protocol = "http2"; outlier_detection = { failure_percent = 30; min_requests = 10; interval = "100ms"; }; hosts = ( { address = "127.0.0.1:$host{$_}{port}"; } ); }) } sort keys %host;
my $proxy = 'type = "proxy"; routes = "r"; tunnel_idle_timeout = "15s"; access_log = ( { path = "%%DIR%%/access.log"; format = "%response_code% %response_flag%"; } );';
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "plain"; address = "127.0.0.1:%%PORT1%%"; filters = ( { $proxy } ); },
  { name = "delay"; address = "127.0.0.1:%%PORT2%%"; filters = ( { $proxy stream_filters = ( { type = "delay"; delay = "400ms"; what = "response"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster_header = "x-c"; }; } ); } ); } );
clusters = ( $clusters );
E
sub websocket {
    my ($listener, $to) = @_;
    my $since = time;
    my ($got, $how) = Mosn::raw($mosn->port($listener), "GET / HTTP/1.1\r\nHost: x\r\nx-c: $to\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", seconds => 10);
    return join ' ', $got =~ /^HTTP\/1.1 (\d+)/, $got =~ /\r\n\r\n(.*)/s, $how, time - $since < 5 ? 'soon' : 'late';
}
for my $to (sort keys %host) {
    is(websocket(1, $to), '101 hello closed soon', $to);
    is(websocket(2, $to), '101 hello closed soon', "$to, held by a filter");
}
websocket(1, 'rst0') for 1 .. 20;
my $log = '';
Mosn::wait_for(sub { $log = Mosn::slurp("$mosn->{dir}/access.log"); 28 == (() = $log =~ /\n/g) });
my %ends; # of those that were cancelled one may have been over before
$ends{$_}++ for split /\n/, $log;
cmp_ok($ends{'101 -'}, '>=', 26, 'they ended well');
cmp_ok($ends{'101 upstream_cancelled'}, '<=', 2, 'but for those that were cancelled') or diag($log);
is($mosn->stats->{'cluster.rst0.resets'} // 0, 0, 'nothing was reset');
Mosn::wait_for(sub { 0 }, 0.5);
like($mosn->hosts_of('rst0'), qr/ well /, 'the host is well');
$mosn->finish; done_testing();
