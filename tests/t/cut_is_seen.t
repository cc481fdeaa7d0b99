# What is cut must not look whole: when everything is queued and the client takes
# too long, it ends with a reset, as it does before everything is queued.
use strict; use warnings; use Test::More; use Mosn; use Socket; use Time::HiRes qw(time sleep);
my $host = Mosn::server(sub {
    my ($s, $log) = @_;
    my $n = Mosn::slurp("$log.fill") + 0;
    print $s 'x' x $n;
    shutdown $s, 1; 1 while sysread $s, my $x, 1000;
});
my $web = Mosn::server(sub {
    my ($s, $log) = @_;
    my $n = Mosn::slurp("$host->{log}.fill") + 0;
    while (<$s>) { last if $_ eq "\r\n" }
    printf $s "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", $n, 'x' x $n;
    1 while sysread $s, my $x, 1000;
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "t"; address = "127.0.0.1:%%PORT1%%"; send_timeout = "2s"; filters = ( { type = "tcp_proxy"; cluster = "t"; splice = false; } ); },
  { name = "h"; address = "127.0.0.1:%%PORT2%%"; send_timeout = "2s"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "w"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "t"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); }, { name = "w"; hosts = ( { address = "127.0.0.1:$web->{port}"; } ); } );
E
sub fill { open my $f, '>', "$host->{log}.fill"; print $f $_[0]; close $f }
sub client {
    my ($n) = @_;
    my $s = Mosn::narrow($mosn->port($n), 4096);
    syswrite $s, "GET / HTTP/1.0\r\nHost: a\r\n\r\n" if $n == 2;
    shutdown $s, 1 if $n == 1;
    return $s;
}
sub queue { # [state, send queue] of mosn's side
    my ($s, $n) = @_;
    my ($mine, $its) = (sprintf('%04X', (sockaddr_in getsockname $s)[0]), sprintf '%04X', $mosn->port($n));
    for (split /\n/, Mosn::slurp('/proc/net/tcp')) { return [$1, hex $2] if /^\s*\d+: \S+:$its \S+:$mine (\S\S) ([0-9A-F]+):/ }
    return ['gone', 0];
}
sub drain { my $s = shift; my $got = 0; while (1) { my $n = sysread $s, my $x, 65536; return (defined $n ? 'a clean end' : "$!", $got) unless $n; $got += $n } }
for my $n (1, 2) {
    fill(12_000_000);
    my $s = client($n);
    my ($kernel, $last, $same) = (0, 0, 0);
    Mosn::wait_for(sub { my $q = queue($s, $n)->[1]; $kernel = $q if $q > $kernel; $same = $q == $last && $q > 100_000 ? $same + 1 : 0; $last = $q; $same > 20 }, 5);
    Mosn::wait_for(sub { queue($s, $n)->[0] !~ /^(01|08)$/ }, 10);
    my ($end, $got) = drain($s);
    is($end, 'Connection reset by peer', ($n == 1 ? 'TCP' : 'HTTP/1.0') . ': much more than fits: a reset');
    close $s;
    my $all = $kernel + 70_000;
    fill($all);
    $s = client($n);
    Mosn::wait_for(sub { queue($s, $n)->[1] > $kernel - 100_000 }, 5);
    Mosn::wait_for(sub { queue($s, $n)->[0] !~ /^(01|08)$/ }, 10);
    ($end, $got) = drain($s);
    diag("$end, $got of $all");
    ok($end eq 'Connection reset by peer' || $got >= $all, 'a little more than fits: a reset too, or all of it');
    close $s;
}
$mosn->finish;
done_testing;
