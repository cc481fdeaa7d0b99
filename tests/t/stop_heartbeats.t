# Heartbeats alone do not hold a stop.
use strict; use warnings; use Test::More; use Mosn; use Calls; use Time::HiRes qw(time sleep);
my $mosn = Mosn->start(<<"E");
drain_timeout = "15s";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "ok"; }; } ); } ); } );
E
my $c = Calls->connect($mosn->port(1));
my $beat = pack 'CCnCNCNnnN', 1, 1, 0, 1, 7, 1, 3000, 0, 0, 0;
$c->send($beat);
ok(eval { $c->bolt_answer }, 'a heartbeat is answered');
my $pid = Mosn::spawn(sub { for (1 .. 100) { $c->send($beat); sleep 0.1 } POSIX::_exit(0) });
my $since = time;
is($mosn->stop, 0, 'it stops');
cmp_ok(time - $since, '<', 8, 'soon');
kill 'TERM', $pid; waitpid $pid, 0;
$mosn->finish; done_testing();
