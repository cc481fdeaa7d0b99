# reload_tcp_slow.t - connections through tcp_proxy whose client is slow go on
# through a reload, whether copied or spliced: what was read is sent, and then
# both sides go to the next worker.
use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(sleep);
use constant LONG => 6 << 20;

my $host = Mosn::server(sub { my ($s) = @_; print $s 'x' x LONG; 1 while sysread $s, my $x, 1000 });
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
drain_timeout = "4s";
listeners = (
    { name = "copied"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "tcp_proxy"; cluster = "c"; splice = false; } ); },
    { name = "spliced"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "tcp_proxy"; cluster = "c"; } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E

# A megabyte a second.
my @clients = map {
    my $s = Mosn::narrow($mosn->port($_), 65536);
    { s => $s, got => 0, end => '' }
} 1, 2;
my %old = $mosn->pids;
my $reloaded = 0;
while (my @going = grep { $_->{got} < LONG && !$_->{end} } @clients) {
    for my $c (@going) {
        my $n = sysread $c->{s}, my $piece, 50_000;
        $c->{got} += $n // 0;
        $c->{end} = defined $n ? "ended after $c->{got}" : "$! after $c->{got}" if !$n;
    }
    if (!$reloaded && $clients[0]{got} > 500_000) {
        $reloaded = 1;
        my ($text, $rc) = $mosn->ctl('reload');
        is($rc, 0, 'a reload') or diag($text);
    }
    sleep 0.05;
}
is("$_->[0]: $_->[1]{end}", "$_->[0]: ", "$_->[0]: all of it has come") for [copied => $clients[0]], [spliced => $clients[1]];
ok(Mosn::wait_for(sub { !kill 0, $old{'worker 0'} }, 10), 'the old worker is gone');
is($mosn->stats->{'cluster.c.connections_active'}, 2, 'the next one has both connections');
close $_->{s} for @clients;
$mosn->finish;
done_testing();
