# tcp_proxy with a balancer by hash (or by chance): the third attempt goes to
# the host that was not tried yet.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::server(sub { my ($s) = @_; print $s "hi" });
my $dead = Mosn::free_port();
my @lb = qw(round_robin maglev ring_hash);
my $n = 0; my $listeners = join ', ', map { $n++; "{ name = \"l$n\"; address = \"127.0.0.1:%%PORT$n%%\"; filters = ( { type = \"tcp_proxy\"; cluster = \"$_\"; } ); }" } @lb;
my $clusters = join ', ', map { "{ name = \"$_\"; lb = \"$_\"; hosts = ( { address = \"127.0.0.1:$dead\"; }, { address = \"127.0.0.2:$dead\"; }, { address = \"127.0.0.1:@{[$o->port]}\"; } ); }" } @lb;
my $mosn = Mosn->start("listeners = ( $listeners ); clusters = ( $clusters );");
for my $i (1 .. 3) { my $fine = grep { (eval { scalar Mosn::raw($mosn->port($i), '', seconds => 5) } // '') eq 'hi' } 1 .. 30; is($fine, 30, "$lb[$i - 1], two hosts of three refuse") }
$mosn->finish; done_testing();
