# Outlier detection of a cluster behind tcp_proxy.
use strict; use warnings; use Test::More; use Mosn;
my $echo = sub { my ($s) = @_; while (defined(my $l = <$s>)) { print $s $l } };
my $a = Mosn::server($echo);
my $b_port = Mosn::free_port();
my $b = Mosn::server($echo, port => $b_port);
my $dead = Mosn::free_port();
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "tcp_proxy"; cluster = "rate"; } ); },
   { name = "m"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "tcp_proxy"; cluster = "row"; } ); } );
clusters = ( { name = "rate"; lb = "round_robin"; outlier_detection = { consecutive_errors = 0; consecutive_local_errors = 0; failure_percent = 90; min_requests = 3; interval = "8s"; };
     hosts = ( { address = "127.0.0.1:@{[$a->port]}"; }, { address = "127.0.0.1:$b_port"; } ); },
  { name = "row"; lb = "round_robin"; outlier_detection = { consecutive_local_errors = 3; };
     hosts = ( { address = "127.0.0.1:@{[$a->port]}"; }, { address = "127.0.0.1:$dead"; } ); } );
E
sub one { my $s = Mosn::connect_to($mosn->port($_[0])); print $s "x\n"; my $l = <$s>; close $s; return $l // '' }
one(1) for 1 .. 40;
select undef, undef, undef, 0.3;    # the control process has looked once
my $s = $mosn->stats;
cmp_ok($s->{"host.rate,127.0.0.1:$b_port.connections"}, '>=', 18, 'twenty connections to it went well');
one(2) for 1 .. 20;
my $failed = $mosn->stats->{"host.row,127.0.0.1:$dead.connect_failed"};
is($mosn->stats->{"cluster.row.ejections"}, 1, "consecutive_local_errors = 3: a host that refused $failed connections in a row is left out");
$b->stop;
one(1) for 1 .. 10;
$s = $mosn->stats;
cmp_ok($s->{"host.rate,127.0.0.1:$b_port.connect_failed"}, '<=', 13, 'a few failed');
my $ejected = Mosn::wait_for(sub { $mosn->log =~ /"rate": host \S+ is left out/ }, 9);
ok(!$ejected, 'a quarter is not 90 per cent') or diag(grep { /left out/ } map { "$_\n" } split /\n/, $mosn->log);
$mosn->finish; done_testing();
