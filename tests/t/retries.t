# retries.t - attempts, hedges, limits, hosts that are left out.

use strict;
use warnings;
use Test::More;
use Mosn;

# An origin that does what the path says: /STATUS, /slow, /close, /half;
# "x-do: b=503" makes that only for the host of that name.
sub host {
    my ($name) = @_;
    return Mosn::origin(sub {
        my $r = shift;
        my ($do) = $r->{head} =~ /^x-do:.*?\b$name=(\w+(?:,after\d+)?)/mi;
        $do //= 'fine';
        if ($do eq 'close') { return }
        if ($do eq 'late') { sleep 0.3; return "HTTP/1.1 503 Some\r\nContent-Length: 4\r\nRetry-After: 1\r\n\r\noops" }
        if ($do eq 'stream') {
            my $s = $r->{socket};
            sleep 0.5;
            print $s "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            for (1 .. 10) { print $s "2\r\n$name\n\r\n"; sleep 0.1 }
            print $s "0\r\n\r\n";
            return '';
        }
        if ($do eq 'second') { sleep 1; return Mosn::ok_response("$name 1") }
        if ($do eq 'slow') { sleep 3; return Mosn::ok_response("$name late") }
        if ($do eq 'half') { print { $r->{socket} } "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"; return }
        if ($do =~ /^(\d+)(?:,after(\d+))?$/) {
            my $after = defined $2 ? "Retry-After: $2\r\n" : '';
            return "HTTP/1.1 $1 Some\r\nContent-Length: 4\r\n$after\r\noops";
        }
        return Mosn::ok_response("$name " . length $r->{body});
    });
}
my %host = map { $_ => host($_) } qw(a b);
sub at { return join ', ', map { "{ address = \"127.0.0.1:" . $host{$_}->port . "\"; }" } @_ }
my $both = at(qw(a b));
my $dead = Mosn::free_port();

my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
  filters = ( { type = "proxy"; routes = "r";
    access_log = ( { path = "%%DIR%%/access.log"; format = "%request_uri% %response_code% %attempts% %response_flag%"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { prefix = "/5xx"; }; route = { cluster = "both"; retry = { on = ["5xx"]; attempts = 3; backoff = "1ms"; }; }; },
  { match = { prefix = "/none"; }; route = { cluster = "both"; }; },
  { match = { prefix = "/safe"; }; route = { cluster = "both"; retry = { on = ["5xx"]; idempotent_only = true; }; }; },
  { match = { prefix = "/small"; }; route = { cluster = "both"; replay_bytes = 1024; retry = { on = ["5xx"]; }; }; },
  { match = { prefix = "/after"; }; route = { cluster = "both"; retry = { on = ["5xx"]; max_retry_after = "2s"; }; }; },
  { match = { prefix = "/try"; }; route = { cluster = "both"; timeout = "10s"; retry = { on = ["timeout"]; per_try_timeout = "200ms"; }; }; },
  { match = { prefix = "/total"; }; route = { cluster = "both"; timeout = "500ms"; retry = { on = ["timeout"]; attempts = 10; per_try_timeout = "200ms"; }; }; },
  { match = { prefix = "/hedge"; }; route = { cluster = "both"; hedge = { delay = "100ms"; }; }; },
  { match = { prefix = "/mix"; }; route = { cluster = "both"; hedge = { delay = "100ms"; }; retry = { on = ["5xx"]; attempts = 4; }; }; },
  { match = { prefix = "/2hedge"; }; route = { cluster = "both"; timeout = "10s"; hedge = { delay = "700ms"; }; retry = { on = ["timeout"]; attempts = 2; per_try_timeout = "1200ms"; }; }; },
  { match = { prefix = "/waits"; }; route = { cluster = "queue"; timeout = "300ms"; }; },
  { match = { prefix = "/conn"; }; route = { cluster = "dying"; }; },
  { match = { prefix = "/alldead"; }; route = { cluster = "alldead"; retry = { on = ["5xx"]; attempts = 4; }; }; },
  { match = { prefix = "/out"; }; route = { cluster = "judged"; }; },
  { match = { prefix = "/one"; }; route = { cluster = "one"; }; },
  { match = { prefix = "/high"; }; route = { cluster = "one"; priority = "high"; }; },
  { match = { prefix = "/queue"; }; route = { cluster = "queue"; }; },
  { match = { prefix = "/poor"; }; route = { cluster = "poor"; retry = { on = ["5xx"]; }; }; } ); } ); } );
clusters = ( { name = "both"; retry_budget = { min_per_second = 100; }; hosts = ( $both ); },
  { name = "dying"; hosts = ( { address = "127.0.0.1:$dead"; }, { address = "127.0.0.1:@{[$host{a}->port]}"; } ); },
  { name = "alldead"; hosts = ( { address = "127.0.0.1:$dead"; }, { address = "127.0.0.2:$dead"; } ); },
  { name = "judged"; outlier_detection = { consecutive_errors = 3; ejection_time = "1s"; }; hosts = ( $both ); },
  { name = "one"; circuit_breaker = { max_requests = 1; }; hosts = ( @{[at('a')]} ); },
  { name = "queue"; circuit_breaker = { max_requests = 1; }; queue = { size = 2; timeout = "5s"; }; hosts = ( @{[at('a')]} ); },
  { name = "poor"; retry_budget = { percent = 0.0; min_per_second = 0; }; hosts = ( $both ); } );
E
my $port = $mosn->port(1);
sub ask { my ($path, $do, %o) = @_; return Mosn::get($port, $path, headers => ["x-do: $do"], %o) }
sub logged {
    my ($path) = @_;
    my $line;
    Mosn::wait_for(sub { ($line) = Mosn::slurp("$mosn->{dir}/access.log") =~ /^\Q$path\E (.*)$/m });
    return $line;
}
sub elapsed { my $t = Mosn::time(); $_[0]->(); return Mosn::time() - $t }

# --- answers

is(ask("/5xx/$_", 'a=503')->{body}, 'b 0', 'the other host answers') for 1 .. 4;
my %attempts = map { logged("/5xx/$_") => 1 } 1 .. 4;
is(join(', ', grep { !/^200 [12] -$/ } keys %attempts), '', 'attempts are counted as they were');
ok($attempts{'200 2 -'}, 'two where it took two');
is(ask('/5xx/both', 'a=500,b=502')->{status} >= 500, 1, 'both fail: the last answer goes to the client');
like(logged('/5xx/both'), qr/^50[02] 3 /, 'after three attempts');
is(ask('/5xx/404', 'a=404,b=404')->{status}, 404, 'other answers are not repeated');
like(logged('/5xx/404'), qr/^404 1 /, 'not once');
is(ask('/none/x', 'a=503,b=503')->{status}, 503, 'without a policy an answer is an answer');
like(logged('/none/x'), qr/^503 1 /, 'the first');
is(ask("/5xx/body$_", 'a=503', method => 'POST', body => 'y' x 5000)->{body}, 'b 5000', 'with all of its body') for 1 .. 2;
is(ask("/5xx/close$_", 'a=close', method => 'POST', body => 'x')->{body}, 'b 1', 'a lost one, too') for 1 .. 2;
my %safe = map { ask("/safe/$_", 'a=503', method => 'POST', body => 'x')->{status} => 1 } 1 .. 2;
ok($safe{503}, 'a POST is not, where that is not wanted');
is(ask("/safe/g$_", 'a=503')->{status}, 200, 'a GET is') for 1 .. 2;
my %small = map { ask("/small/$_", 'a=503', method => 'POST', body => 'z' x 3000)->{status} => 1 } 1 .. 2;
ok($small{503}, 'a body that was not kept is sent once');
my %half;
for (1 .. 2) {
    my $text = Mosn::raw($port, "GET /5xx/half$_ HTTP/1.1\r\nHost: h\r\nx-do: a=half,b=half\r\nConnection: close\r\n\r\n");
    $half{ $text =~ /half$/ ? 'cut' : $text }++;
    like(logged("/5xx/half$_"), qr/^200 1 upstream_truncated/, 'nothing is sent again when bytes went to the client');
}
is(join(',', keys %half), 'cut', 'such an answer is cut');

# --- time

for (1 .. 2) {
    my $a;
    my $s = elapsed(sub { $a = ask("/after/$_", 'a=503,after1') });
    is($a->{status}, 200, 'Retry-After is waited for') if $s > 0.9;
    is($a->{body}, 'b 0', 'the other one at once') if $s <= 0.9;
}
my %later = map { my $a = ask("/after/long$_", 'a=503,after9'); $a->{status} => $a } 1 .. 2;
is($later{503}{h}{'retry-after'}[0], 9, 'too long a wait is the client\'s');
for (1 .. 2) {
    my $a;
    my $s = elapsed(sub { $a = ask("/try/$_", 'a=slow') });
    is($a->{body}, 'b 0', 'a slow one is given up');
    ok($s < 2, 'soon');
}
{
    my $a;
    my $s = elapsed(sub { $a = ask('/total/x', 'a=slow,b=slow') });
    is($a->{status}, 504, 'all attempts together have a limit');
    ok($s > 0.4 && $s < 2, 'that one');
}
for (1 .. 4) {
    my $a;
    my $s = elapsed(sub { $a = ask("/hedge/$_", 'a=slow') });
    is($a->{body}, 'b 0', 'a hedge answers');
    ok($s < 2, 'soon');
}
my %hedged = map { logged("/hedge/$_") => 1 } 1 .. 4;
ok($hedged{'200 2 -'}, 'a second attempt was made') or diag(join ', ', %hedged);
is($mosn->stats->{'cluster.both.hedges'} > 0, 1, 'and counted');
is(ask('/hedge/both', 'a=close,b=close')->{status}, 502, 'both fail');
{
    my %posts = map { my $s = elapsed(sub { ask("/hedge/p$_", 'a=slow', method => 'POST', body => 'x') }); ($s > 2 ? 'waits' : 'fast') => 1 } 1 .. 2;
    ok($posts{waits}, 'a POST has no hedge');
}

# A hedge answers while the first attempt waits for its next one: that is off.
for (1 .. 2) {
    is(ask("/mix/$_", 'a=late,b=stream')->{body}, "b\n" x 10, 'the answer is whole');
    ok((grep { m{^GET /mix/$_ } } $host{a}->requests) <= 1, 'nobody is asked twice');
}
is(ask("/2hedge/$_", 'a=slow,b=second')->{body} =~ /^b/, 1, 'the time of the first attempt is not that of the hedge') for 1 .. 2;

# --- connections

is(ask("/conn/$_", '-')->{body}, 'a 0', 'a dead host is nobody\'s matter') for 1 .. 6;
is(ask('/alldead/x', '-')->{status}, 502, 'all are dead');

# --- the budget

my %poor = map { ask("/poor/$_", 'a=503')->{status} => 1 } 1 .. 2;
ok($poor{503}, 'without a budget there is no second attempt');
ok($mosn->stats->{'cluster.poor.retries_refused'} > 0, 'that is counted');

# --- who fails is left out

for (1 .. 12) { ask("/out/$_", 'a=500') }
ok(Mosn::wait_for(sub { $mosn->log =~ /cluster "judged": host \S+ is left out for 1000 ms: 3 errors in a row/ }), 'the log says who is left out');
my %seen = map { ask("/out/b$_", 'a=500')->{status} => 1 } 1 .. 6;
is(join(',', keys %seen), 200, 'it gets nothing');
ok(Mosn::wait_for(sub { ask('/out/c', '-')->{body} =~ /^a/ }, 10), 'but again when its time is over');
is($mosn->stats->{'cluster.judged.ejections'}, 1, 'counted');

# --- limits

my $busy = Mosn::connect_to($port);
print $busy "GET /one/slow HTTP/1.1\r\nHost: h\r\nx-do: a=slow\r\n\r\n";
ok(Mosn::wait_for(sub { ($mosn->stats->{'cluster.one.requests_active'} // 0) == 1 }), 'one is under way');
is(ask('/one/x', '-')->{status}, 503, 'one more is too many');
is(ask('/high/x', '-')->{status}, 200, 'not of a high priority');
is(Mosn::Reader->new($busy)->message(0)->{body}, 'a late', 'the first ends well');
is(ask('/one/x', '-')->{status}, 200, 'then there is room');

my @waiting = map { my $s = Mosn::connect_to($port); print $s "GET /queue/$_ HTTP/1.1\r\nHost: h\r\nx-do: @{[$_ == 1 ? 'a=slow' : '-']}\r\n\r\n"; Mosn::wait_for(sub { my $s = $mosn->stats; $s->{'cluster.queue.queued'} == $_ - 1 && $s->{'cluster.queue.requests_active'} == 1 }); $s } 1 .. 3;
is($mosn->stats->{'cluster.queue.queued'}, 2, 'two wait');
is(ask('/queue/4', '-')->{status}, 503, 'a third may not');
is(join(', ', map { Mosn::Reader->new($_)->message(0)->{body} } @waiting), 'a late, a 0, a 0', 'each gets its turn');
is($mosn->stats->{'cluster.queue.queued'}, 0, 'nobody waits any more');

# In the queue the time of the route runs, too.
$busy = Mosn::connect_to($port);
print $busy "GET /queue/slow HTTP/1.1\r\nHost: h\r\nx-do: a=slow\r\n\r\n";
ok(Mosn::wait_for(sub { $mosn->stats->{'cluster.queue.requests_active'} == 1 }), 'one is under way');
ok(elapsed(sub { isnt(ask('/waits/1', '-')->{status}, 200, 'it does not wait for its turn for ever') }) < 2, 'but as long as it may');

my $stats = $mosn->stats;
Mosn::wait_for(sub { $stats = $mosn->stats; !grep { /^cluster.*\.(requests_active|pending|queued|retries_active|requests_high)$/ && $stats->{$_} } keys %$stats });
is(join(' ', grep { /^cluster.*\.(requests_active|pending|queued|retries_active|requests_high)$/ && $stats->{$_} } keys %$stats), '', 'nothing is counted that is over');
$mosn->finish;
done_testing();
