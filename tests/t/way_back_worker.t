# A worker that was not there when a reload began is started when that has
# failed: it writes its log where it belongs.
use strict; use warnings; use Test::More; use Mosn;
my $conf = <<'E';
control_socket = "%%DIR%%/control.sock"; start_timeout = "5s";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { path = "/ok"; }; respond = { body = "ok"; }; } ); } ); } );
E
my $mosn = Mosn->start($conf);
sub worker { my %now = $mosn->pids; return $now{'worker 0'} // 0 }
my $last = 0;
sub another { my $w = worker(); return $w == $last ? 0 : $w }
for (1 .. 5) { # one that dies again and again waits before it is started
    $last = Mosn::wait_for(\&another, 3) or last;
    kill 'KILL', $last;
}
ok(Mosn::wait_for(sub { !worker() }), 'no worker');
my $pid = Mosn::spawn(sub { exec $Mosn::CTL, '-s', "$mosn->{dir}/control.sock", 'reload' });
my $killed;
Mosn::wait_for(sub { my $w = another(); $killed = $w && kill 'KILL', $w; $killed });
ok($killed, 'the worker of a reload dies');
waitpid $pid, 0;
isnt($?, 0, 'so it has failed');
ok(Mosn::wait_for(sub { eval { Mosn::get($mosn->port(1), '/ok')->{status} == 200 } }), 'a worker of before serves again');
for (1 .. 8) {
    my $s = Mosn::connect_to($mosn->port(1));
    print $s "GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    my $got = do { local $/; <$s> };
    $got =~ m{\AHTTP/1.1 404 } or fail("a client gets: $got"), last;
}
is(() = $mosn->log =~ /no route matches/g, 8, 'the log has what they asked for');
$mosn->finish(allow => qr/signal 9|before it was ready|went back|going back/); done_testing();
