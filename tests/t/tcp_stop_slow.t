# A connection of tcp_proxy whose client reads nothing, in a worker that drains
# and has nobody to give it to: no more than the buffer is read from the host.
use strict; use warnings; use Test::More; use Mosn; use Socket; use Time::HiRes qw(sleep);
my $dir = Mosn::new_dir();
my $host = Mosn::server(sub {
    my ($s) = @_;
    setsockopt $s, SOL_SOCKET, SO_SNDBUF, 32768;
    my $n = 0;
    while (1) { my $w = syswrite $s, 'x' x 65536; last unless $w; $n += $w;
        open my $f, '>', "$dir/sent.tmp"; print $f $n; close $f; rename "$dir/sent.tmp", "$dir/sent"; }
});
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
drain_timeout = "5s";
listeners = (
    { name = "copied"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "tcp_proxy"; cluster = "c"; splice = false; } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
my $s = Mosn::narrow($mosn->port(1), 8192);
sub sent { return Mosn::slurp("$dir/sent") || 0 }
my $was = -1;
Mosn::wait_for(sub { my $n = sent(); my $same = $n > 0 && $n == $was; $was = $n; sleep 1 unless $same; $same });
sleep 2;
my $before = sent();
is($before, $was, 'the host is not read any more, as the client takes nothing');
Mosn::background($Mosn::CTL, '-s', "$mosn->{dir}/control.sock", 'stop');
sleep 4;
cmp_ok(sent() - $before, '<', 1 << 20, '... nor while its worker drains');
close $s;
$mosn->finish;
done_testing();
