# A host has sent all of its answer and resets then (it has not read all of the
# request).  What it said lies in mosn's socket: a client that reads slowly gets
# it as one does that reads fast.
use strict; use warnings; use Test::More; use Mosn; use Socket; use Time::HiRes qw(time sleep);
my $dir = Mosn::new_dir();
my $host = Mosn::server(sub {
    my ($s, $log) = @_;
    my $n = Mosn::slurp("$dir/fill") + 0;
    while (<$s>) { last if $_ eq "\r\n" }
    print $s "HTTP/1.1 200 OK\r\nContent-Length: $n\r\n\r\n", 'x' x $n;
    my $left = pack 'i', 1;
    Mosn::wait_for(sub { ioctl $s, 0x5411, $left; unpack('i', $left) == 0 }, 10);     # SIOCOUTQ
    Mosn::say_to($log, "$n: left " . unpack('i', $left) . "\n");
    setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "w"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "w"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
sub fill { open my $f, '>', "$dir/fill"; print $f $_[0]; close $f }
sub client {
    my $s = Mosn::narrow($mosn->port(2), 4096);
    syswrite $s, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    return $s;
}
sub queue {
    my ($s) = @_;
    my ($mine, $its) = (sprintf('%04X', (sockaddr_in getsockname $s)[0]), sprintf '%04X', $mosn->port(2));
    for (split /\n/, Mosn::slurp('/proc/net/tcp')) { return hex $1 if /^\s*\d+: \S+:$its \S+:$mine \S\S ([0-9A-F]+):/ }
    return 0;
}
sub drain { my $s = shift; my $got = ''; while (1) { my $n = sysread $s, $got, 65536, length $got; return (defined $n ? 'a clean end' : "$!", length($got) - 4 - index $got, "\r\n\r\n") unless $n } }
# How much a client that reads nothing takes.
fill(12_000_000);
my $s = client();
my ($kernel, $same) = (0, 0);
Mosn::wait_for(sub { my $q = queue($s); $same = $q == $kernel && $q > 100_000 ? $same + 1 : 0; $kernel = $q; $same > 20 }, 5);
close $s;
my $all = $kernel + 131072 + 65536 + 30_000;
fill($all);
$s = client();
my ($end, $got) = drain($s);
is("$end $got", "a clean end $all", 'a client that reads fast');
close $s;
my $n = () = $host->seen =~ /^$all: /mg;
$s = client();
ok(Mosn::wait_for(sub { my $now = () = $host->seen =~ /^$all: left 0/mg; $now > $n }, 10), 'all of it has left the host, which resets') or diag($host->seen);
sleep 0.3;
($end, $got) = drain($s);
is("$end $got", "a clean end $all", 'a client that reads later');
$mosn->finish;
done_testing;
