# Two proxies with one HTTP/2 connection between them, both ways busy: each must
# read though its own output is blocked (RFC 9113, 5.2.2), or both wait for ever.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(time sleep);
my $size = $ENV{SIZE} // 30_000_000;
my $host = Mosn::server(sub {
    my ($s) = @_;
    my $first = <$s>; my $length = 0;
    while (<$s>) { $length = $1 if /^content-length: (\d+)/i; last if $_ eq "\r\n" }
    if ($first =~ /^GET/) { print $s "HTTP/1.1 200 OK\r\nContent-Length: $size\r\nConnection: close\r\n\r\n"; for (1 .. $size / 1_000_000) { print $s 'x' x 1_000_000 or last } return }
    my $got = 0;
    while ($got < $size) { my $left = $size - $got; my $n = read($s, my $x, $left < 65536 ? $left : 65536) or last; $got += $n }
    print $s Mosn::ok_response("got $got", "Connection: close\r\n");
});
my $h2 = !$ENV{SMALL} ? 'http2 = { initial_stream_window = 16777216; initial_connection_window = 268435456; };' : '';
my $mosn = Mosn->start(<<"E", workers => $ENV{WORKERS} // 2);
listeners = ( { name = "a"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "a"; } ); },
  { name = "b"; address = "127.0.0.1:%%PORT2%%"; send_timeout = "60s"; filters = ( { type = "proxy"; routes = "b"; $h2 } ); } );
routes = ( { name = "a"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "b"; timeout = "60s"; }; } ); } ); },
 { name = "b"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "60s"; }; } ); } ); } );
clusters = ( { name = "b"; protocol = "http2"; hosts = ( { address = "127.0.0.1:%%PORT2%%"; } ); $h2 }, { name = "c"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
my $file = Mosn::new_dir() . '/body';
system "head -c $size /dev/zero > $file";
my $begun = time; my (@out);
my $url = "http://127.0.0.1:@{[$mosn->port(1)]}";
for (1 .. 8) {
    push @out, (Mosn::background('curl', '-s', '--max-time', 25, '-o', '/dev/null', '-w', "%{http_code} %{size_download} %{time_total}\\n", "$url/x"))[1];
    push @out, (Mosn::background('curl', '-s', '--max-time', 25, '-H', 'Expect:', '-T', $file, '-w', " %{http_code} %{size_upload} %{time_total}\\n", "$url/up"))[1];
}
Mosn::wait_for(sub { !grep { Mosn::slurp($_) !~ /\n/ } @out }, 10);
my $hex = sprintf '%04X', $mosn->port(2);
diag("10 s later, the connection between the two (send queue:receive queue): " . join ' and ', map { /^\s*\d+: (\S+):$hex \S+ 01 (\S+)/ ? "server $2" : /^\s*\d+: \S+ \S+:$hex 01 (\S+)/ ? "client $1" : () } split /\n/, Mosn::slurp('/proc/net/tcp'));
ok(Mosn::wait_for(sub { !grep { Mosn::slurp($_) !~ /\n/ } @out }, 30), 'all have ended');
diag(map { Mosn::slurp($_) } @out);
is(scalar(grep { Mosn::slurp($_) =~ /200 $size|got $size/ } @out), scalar @out, 'and well');
diag(join ' ', map { "$_=" . $mosn->stats->{$_} } grep { /cluster.b.connections$/ } keys %{$mosn->stats});
$mosn->finish;
done_testing;
