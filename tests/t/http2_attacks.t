# http2_attacks.t - clients that want HTTP/2 to hurt, one block for each class
# of attack that was published.
#
# While an attack runs, one loop here writes it, reads what comes back, and
# keeps a well-behaved client on another connection busy.  Of each is wanted:
# an end in bounded time with the right code, one line in the log about it, a
# bound on memory and processor time of the worker, and that the neighbour
# never waits for a second.
#
# Memory: a connection may queue 64 KB for each of its 100 streams (6.4 MB),
# what is freed stays with the sanitizer (4 MB), and its bookkeeping and holes
# are as much again: 24 MB above what the worker has when it is warm.

use strict;
use warnings;
use Test::More;
use Mosn;
use IO::Select;
use Time::HiRes qw(time sleep);

my $GROWTH = 24_000;    # KB
my $CPU = 2;            # seconds, with sanitizers
my $SLOWEST = 1;        # seconds that a neighbour may wait
my $STREAMS = 100;

# --- origins and mosn ----------------------------------------------------------

my $mega = 'm' x (1 << 20);
my $origin = Mosn::origin(sub {
    my $r = shift;
    if ($r->{path} eq '/big') {
        my $s = $r->{socket};
        print $s "HTTP/1.1 200 OK\r\nContent-Length: " . (30 << 20) . "\r\n\r\n";
        for (1 .. 30) { print $s $mega or return }
        return '';
    }
    return Mosn::ok_response('fine');
});
my $silent = Mosn::server(sub {
    my ($s, $log) = @_;
    Mosn::say_to($log, '+');
    my $b;
    1 while sysread $s, $b, 65536;
});

my $limits = 'header_timeout = "1s"; idle_timeout = "2s"; body_timeout = "2s";';
my $http2 = "http2 = { max_concurrent_streams = $STREAMS; settings_timeout = \"1500ms\"; };";
my $mosn = Mosn->start(<<"E", workers => 1);
listeners = (
  { name = "front"; address = "127.0.0.1:%%PORT1%%"; send_timeout = "2s";
    filters = ( { type = "proxy"; routes = "r"; downstream_protocol = "http2"; $limits $http2 } ); },
  { name = "inner"; address = "127.0.0.1:%%PORT2%%";
    filters = ( { type = "proxy"; routes = "inner"; downstream_protocol = "http2"; } ); } );
routes = (
  { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { path = "/own"; }; respond = { body = "own"; }; },
    { match = { path = "/silent"; }; route = { cluster = "silent"; timeout = "20s"; }; },
    { match = { prefix = "/h2/"; }; route = { cluster = "inner"; timeout = "20s"; }; },
    { route = { cluster = "c"; timeout = "20s"; }; } ); } ); },
  { name = "inner"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { path = "/h2/silent"; }; route = { cluster = "silent"; timeout = "20s"; }; },
    { route = { cluster = "c"; timeout = "20s"; }; } ); } ); } );
clusters = (
  { name = "c"; hosts = ( { address = "127.0.0.1:$origin->{port}"; } ); },
  { name = "silent"; hosts = ( { address = "127.0.0.1:$silent->{port}"; } ); circuit_breaker = { max_connections = 200; }; },
  { name = "inner"; protocol = "http2"; hosts = ( { address = "127.0.0.1:%%PORT2%%"; } ); } );
E
my $port = $mosn->port(1);
my %pids = $mosn->pids;
my $worker = $pids{'worker 0'};

sub rss { return (Mosn::slurp("/proc/$worker/status") =~ /VmRSS:\s+(\d+)/)[0] }
sub cpu { my ($rest) = Mosn::slurp("/proc/$worker/stat") =~ /.*\) (.*)/s; my @f = split / /, $rest; return ($f[11] + $f[12]) / 100 }

# --- frames ---------------------------------------------------------------------

use constant { DATA => 0, HEADERS => 1, PRIORITY => 2, RST => 3, SETTINGS => 4, PING => 6, GOAWAY => 7, WINDOW => 8, CONTINUATION => 9 };
use constant { END_STREAM => 1, END_HEADERS => 4, PADDED => 8, WHOLE => 5 };

sub frame { my ($type, $flags, $id, $payload) = @_; return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $id) . $payload }
sub number { my ($n, $bits, $first) = @_; my $max = 2**$bits - 1; return chr($first | $n) if $n < $max; my $o = chr($first | $max); $n -= $max; while ($n >= 128) { $o .= chr($n % 128 + 128); $n = int($n / 128) } return $o . chr $n }
sub text { return number(length $_[0], 7, 0) . $_[0] }
sub field { return "\0" . text($_[0]) . text($_[1]) }
sub indexed { return "\x40" . text($_[0]) . text($_[1]) }    # the next one is \xbe
sub fields { my %h = (':method' => 'GET', ':scheme' => 'http', ':authority' => 'a', ':path' => '/x', @_); return join '', map { field($_, $h{$_}) } sort keys %h }
sub request { my ($id, $path, %o) = @_; return frame(HEADERS, delete $o{open} ? END_HEADERS : WHOLE, $id, fields(':path' => $path, %o)) }
sub post { my ($id, $path, %o) = @_; return request($id, $path, open => 1, ':method' => 'POST', %o) }
sub reset_of { my ($id, $code) = @_; return frame(RST, 0, $id, pack 'N', $code // 8) }
sub window { my ($id, $n) = @_; return frame(WINDOW, 0, $id, pack 'N', $n) }
sub settings { my $p = ''; while (@_) { $p .= pack 'nN', splice @_, 0, 2 } return frame(SETTINGS, 0, 0, $p) }
my $preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

# --- one loop for all connections -----------------------------------------------

sub attacker {
    my (%o) = @_;
    my $s = Mosn::connect_to($o{port} // $port);
    $s->blocking(0);
    return { s => $s, in => '', frames => [], ack => 1, began => time, %o,
        out => $o{raw} // ($preface . ($o{settings} // settings())) . ($o{out} // '') };
}

sub take_frames {
    my ($c) = @_;
    while (length $c->{in} >= 9) {
        my ($l1, $l2, $type, $flags, $id) = unpack 'nCCCN', $c->{in};
        my $n = $l1 * 256 + $l2;
        return if length $c->{in} < 9 + $n;
        my $f = { type => $type, flags => $flags, id => $id, payload => substr $c->{in}, 9, $n };
        substr $c->{in}, 0, 9 + $n, '';
        $f->{payload} = '' if $type == DATA;
        push @{ $c->{frames} }, $f;
        $c->{out} .= frame(SETTINGS, 1, 0, '') if $type == SETTINGS && !($flags & 1) && $c->{ack};
        $c->{on_frame}->($c, $f) if $c->{on_frame};
    }
}

sub step {
    my ($c) = @_;
    my ($n, $piece);
    if (length $c->{out} && !$c->{gone}) {
        $n = syswrite $c->{s}, $c->{out}, 65536;
        substr $c->{out}, 0, $n, '' if $n;
        $c->{gone} = time if !defined $n && !$!{EAGAIN};
    }
    return if $c->{deaf};
    while (defined($n = sysread $c->{s}, $piece, 65536)) {
        if ($n == 0) { $c->{gone} //= time; last }
        $c->{in} .= $piece;
    }
    $c->{gone} //= time if !defined $n && !$!{EAGAIN};
    take_frames($c);
}

# One request after the other, on a connection of its own, whose limits are
# those of a machine that may be busy.
my ($slowest, $served) = (0, 0);
my $neighbour = attacker(next => 1, port => $mosn->port(2), on_frame => sub {
    my ($c, $f) = @_;
    return unless $f->{id} && $f->{flags} & 1 && $f->{type} <= HEADERS;
    my $took = time - $c->{asked};
    $slowest = $took if $took > $slowest;
    $served++;
    $c->{asked} = 0;
    @{ $c->{frames} } = ();
});
$neighbour->{out} .= window(0, 1 << 30);

sub step_neighbour {
    my $c = $neighbour;
    if (!$c->{asked} && time > ($c->{pause} // 0)) {
        $c->{out} .= request($c->{next}, '/x');
        $c->{next} += 2;
        $c->{asked} = time;
        $c->{pause} = time + 0.02;
    }
    step($c);
    $slowest = time - $c->{asked} if $c->{asked} && time - $c->{asked} > $slowest;
}

my $peak;

sub pump {
    my ($until, $seconds, @all) = @_;
    my $end = time + $seconds;
    my $look = 0;
    while (!$until->()) {
        return 0 if time > $end;
        my $r = IO::Select->new(map { $_->{s} } grep { !$_->{gone} && !$_->{deaf} } @all, $neighbour);
        my $w = IO::Select->new(map { $_->{s} } grep { !$_->{gone} && length $_->{out} } @all, $neighbour);
        IO::Select->select($r, $w, undef, 0.02);
        step($_) for grep { !$_->{gone} } @all;
        step_neighbour();
        if (time > $look) {
            my $kb = rss();
            $peak = $kb if $kb > $peak;
            $look = time + 0.05;
        }
    }
    return 1;
}

# --- what is looked at ----------------------------------------------------------

sub of_type { my ($c, $type) = @_; return grep { $_->{type} == $type } @{ $c->{frames} } }
sub goaway { my ($c) = @_; my ($g) = of_type($c, GOAWAY); return $g ? (unpack 'NN', $g->{payload})[1] : 'none' }
sub codes { my ($c) = @_; my %n; $n{ unpack 'N', $_->{payload} }++ for of_type($c, RST); return join ' ', map { "$_:$n{$_}" } sort keys %n }
sub answers { my ($c) = @_; return scalar of_type($c, HEADERS) }

# Runs code that attacks; then what holds whatever the attack was.
sub under_attack {
    my ($name, $code, %o) = @_;
    my $mark = length $mosn->log;
    my ($rss, $cpu) = (rss(), cpu());
    ($peak, $slowest, $served) = ($rss, 0, 0);
    $code->();
    my $n = $served;
    pump(sub { $served > $n + 1 }, 5);    # at least two that saw its end
    $cpu = cpu() - $cpu;
    my $log = substr $mosn->log, $mark;
    cmp_ok($peak - $rss, '<', $o{growth} // $GROWTH, "$name: memory is bounded");
    cmp_ok($cpu, '<', $o{cpu} // $CPU, "$name: so is the work");
    ok($served > $n && $slowest < $SLOWEST, "$name: a neighbour is served") or diag("$served served, one after $slowest s");
    return $log;
}

# The usual one: bytes that end their own connection.
sub attack {
    my ($name, $bytes, $code, %o) = @_;
    my $c = attacker(out => $bytes, %{ $o{with} // {} });
    my $log = under_attack($name, sub {
        pump(sub { $c->{gone} }, $o{seconds} // 4, $c);
    }, %o);
    like(goaway($c), qr/^$code$/, "$name: GOAWAY") or diag('RST_STREAM: ' . codes($c) . ', answers: ' . answers($c));
    ok($c->{gone}, "$name: and the end");
    my @lines = grep { /conn \d+.*HTTP\/2/ } split /\n/, $log;
    my @given_up = $o{log} ? grep { /$o{log}/ } @lines : @lines;
    is(scalar @given_up, 1, "$name: one line in the log") or diag(join "\n", @given_up > 5 ? @given_up[0 .. 4] : @given_up);
    cmp_ok(scalar @lines, '<=', 50, "$name: and not many others") if $o{log};
    return $c;
}

my $calm = qr/too much misbehaviour|Flooding/;    # ours, or nghttp2's
my %flood = (log => $calm);
sub odd { my ($n, $code) = @_; return join '', map { $code->($_ * 2 + 1) } 0 .. $n - 1 }

# Warm: every path once, and as many streams as it takes.
{
    my $c = attacker(out => odd(90, sub { request($_[0], '/x') }) . request(181, '/own'));
    $peak = 0;
    pump(sub { answers($c) == 91 }, 10, $c);
    is(answers($c), 91, 'it serves');
    close $c->{s};
}

# Rapid reset (CVE-2023-44487): what is asked for is not wanted.
attack('rapid reset', odd(4000, sub { request($_[0], '/silent') . reset_of($_[0]) }), 11, %flood);
attack('rapid reset, NO_ERROR', odd(4000, sub { request($_[0], '/silent') . reset_of($_[0], 0) }), 11, %flood);
attack('rapid reset, with a byte of body', odd(4000, sub { post($_[0], '/silent') . frame(DATA, 0, $_[0], 'x') . reset_of($_[0]) }), 11, %flood);

# ... paid for by honest requests, three to one.
{
    my $c = attacker(next => 1, asked => 0);
    my $log = under_attack('rapid reset beside honest requests', sub {
        for (1 .. 300) {    # 4500 resets
            for my $i (1 .. 20) {
                $c->{out} .= $i % 4 ? request($c->{next}, '/silent') . reset_of($c->{next}) : request($c->{next}, '/own');
                $c->{next} += 2;
            }
            $c->{asked} += 5;
            pump(sub { $c->{gone} || answers($c) >= $c->{asked} }, 1, $c);
            last if $c->{gone};
        }
    });
    is(goaway($c), 11, 'rapid reset beside honest requests: GOAWAY');
    ok($c->{gone}, 'rapid reset beside honest requests: and the end');
    is(scalar(() = $log =~ /$calm/g), 1, 'rapid reset beside honest requests: one line in the log');
    close $c->{s};
}

# ... when the streams are seen to start first; the origin is let go.
{
    my $c = attacker(out => odd(80, sub { request($_[0], '/silent') }), next => 1);
    my $log = under_attack('slow resets', sub {
        my $n = length $silent->seen;
        pump(sub { length $silent->seen >= 80 }, 5, $c);
        $c->{out} .= odd(80, sub { reset_of($_[0]) });
        pump(sub { !$c->{gone} && $mosn->stats->{'cluster.silent.requests_active'} == 0 }, 3, $c);
    });
    is($mosn->stats->{'cluster.silent.requests_active'}, 0, 'slow resets: no request is under way any more');
    ok(!$c->{gone} && $log !~ $calm, 'slow resets: eighty are nothing to complain of');
    close $c->{s};
}

# MadeYouReset (CVE-2025-8671): we are made to reset what was asked for.
my %made = (
    'a window that overflows' => sub { request($_[0], '/silent') . window($_[0], 0x7fffffff) },
    'more than content-length' => sub { post($_[0], '/silent', 'content-length' => 1) . frame(DATA, END_STREAM, $_[0], 'xy') },
    'less than content-length' => sub { post($_[0], '/silent', 'content-length' => 9) . frame(DATA, END_STREAM, $_[0], 'xy') },
    'trailers that are none' => sub { post($_[0], '/silent') . frame(HEADERS, END_HEADERS, $_[0], field('x', 'y')) },
    'a pseudo-header among trailers' => sub { post($_[0], '/silent') . frame(DATA, 0, $_[0], 'x') . frame(HEADERS, WHOLE, $_[0], field(':path', '/')) },
    'an upper-case name' => sub { request($_[0], '/silent', 'X-A' => 1) },
);
attack("MadeYouReset: $_", odd(4000, $made{$_}), 11, %flood) for sort keys %made;
attack('MadeYouReset: no increment', odd(4000, sub { request($_[0], '/silent') . window($_[0], 0) }), '(1|11)');
attack('MadeYouReset: DATA after the end', odd(4000, sub { request($_[0], '/silent') . frame(DATA, 0, $_[0], 'x') }), '(5|11)');
attack('MadeYouReset: HEADERS after the end', odd(4000, sub { request($_[0], '/silent') . frame(HEADERS, WHOLE, $_[0], field('x', 'y')) }), '(5|11)');
attack('MadeYouReset: a priority of a wrong size', odd(4000, sub { request($_[0], '/silent') . frame(PRIORITY, 0, $_[0], "\0\0\0\0") }), '(6|11)');
attack('MadeYouReset: depends on itself', odd(4000, sub { request($_[0], '/silent') . frame(PRIORITY, 0, $_[0], pack 'NC', $_[0], 1) }), '(1|11)');
ok(Mosn::wait_for(sub { $mosn->stats->{'cluster.silent.requests_active'} == 0 }, 5), 'the origins have nothing of it left');

# Others share a connection to their host with the attackers.
{
    my $victim = attacker(out => post(1, '/h2/x'));
    $peak = 0;
    pump(sub { $mosn->stats->{'cluster.inner.requests_active'} == 1 }, 3, $victim);
    my @all = map { attacker() } 1 .. 4;
    under_attack('resets passed on', sub {
        for my $round (0 .. 15) {    # 4 * 16 * 30 = 1920, all on one connection
            my $from = $round * 30;
            my $range = sub { my $code = shift; join '', map { $code->($_ * 2 + 1) } $from .. $from + 29 };
            $victim->{out} .= frame(DATA, 0, 1, 'x');    # its body_timeout is not the matter here
            $_->{out} .= $range->(sub { request($_[0], '/h2/silent') }) for @all;
            my $sent = 30 * @all * ($round + 1);
            pump(sub { $mosn->stats->{'cluster.inner.requests'} > $sent }, 3, @all, $victim);
            $_->{out} .= $range->(sub { reset_of($_[0]) }) for @all;
            pump(sub { $mosn->stats->{'cluster.inner.requests_active'} <= 1 }, 3, @all, $victim);
        }
    }, cpu => 6);
    $victim->{out} .= frame(DATA, END_STREAM, 1, 'late');
    pump(sub { answers($victim) || of_type($victim, RST) }, 3, $victim);
    is(($victim->{frames}[-1] ? join(',', map { $_->{payload} =~ /^\x88/ ? 200 : 'other' } of_type($victim, HEADERS)) : 'nothing'), '200', 'resets passed on: a neighbour on the same connection to the host is served');
    close $_->{s} for @all, $victim;
}

# CONTINUATION (CVE-2024-27316 and others).
attack('CONTINUATION without end', frame(HEADERS, END_STREAM, 1, fields()) . frame(CONTINUATION, 0, 1, field('x-a', 'y' x 100)) x 5000, 11);
attack('CONTINUATION with nothing', frame(HEADERS, END_STREAM, 1, fields()) . frame(CONTINUATION, 0, 1, '') x 5000, 11);
attack('CONTINUATION, each in its limit', odd(3000, sub { frame(HEADERS, END_STREAM, $_[0], '') . frame(CONTINUATION, 0, $_[0], '') x 6 . frame(CONTINUATION, END_HEADERS, $_[0], fields(':path' => '/own')) }), 11, %flood);
attack('CONTINUATION of nothing', frame(CONTINUATION, END_HEADERS, 1, ''), 1);

# Frames with nothing in them (CVE-2019-9518, and 9516).
attack('empty DATA', post(1, '/silent') . frame(DATA, 0, 1, '') x 5000, 11, %flood);
attack('empty DATA, padded', post(1, '/silent') . frame(DATA, PADDED, 1, "\x03\0\0\0") x 5000, 11, %flood);
attack('empty HEADERS', odd(4000, sub { frame(HEADERS, WHOLE, $_[0], '') }), 11, %flood);
attack('names of no length', odd(4000, sub { request($_[0], '/own', '' => '') }), 11, %flood);

# Frames that ask for an answer, or for bookkeeping, and are free.
attack('PING', frame(PING, 0, 0, 'x' x 8) x 8000, 11, %flood);
attack('answers to a PING nobody sent', frame(PING, 1, 0, 'x' x 8) x 8000, 11, %flood);
attack('SETTINGS', settings() x 8000, 11, %flood);
attack('SETTINGS, windows up and down', odd(90, sub { request($_[0], '/silent') }) . (settings(4, 0) . settings(4, 1 << 30)) x 4000, 11, %flood);
attack('SETTINGS, tables up and down', '' . (settings(1, 0) . settings(1, 4096)) x 4000, 11, %flood);
attack('SETTINGS, too many in one', settings(map { (0x4000 + $_, 1) } 1 .. 2000), 11);
attack('acknowledgements of nothing', frame(SETTINGS, 1, 0, '') x 8000, '(1|11)');
attack('PRIORITY', join('', map { frame(PRIORITY, 0, $_ * 2 + 1, pack 'NC', 0, 7) } 1 .. 8000), 11, %flood);
attack('PRIORITY in a circle', request(1, '/silent') . (frame(PRIORITY, 0, 3, pack 'NC', 1, 7) . frame(PRIORITY, 0, 1, pack 'NC', 3, 7)) x 4000, 11, %flood);
attack('unknown frames', join('', map { frame(0xb0 + $_ % 16, $_ % 256, $_ % 9, 'z' x ($_ % 50)) } 1 .. 8000), 11, %flood);
attack('WINDOW_UPDATE', window(0, 1) x 8000, 11, %flood);
attack('WINDOW_UPDATE of a stream', request(1, '/silent') . window(1, 1) x 8000, 11, %flood);
attack('WINDOW_UPDATE beyond all', window(0, 0x7fffffff), 3);
attack('GOAWAY', request(1, '/silent') . frame(GOAWAY, 0, 0, pack 'NN', 0, 0) x 8000, 11, %flood);

# HPACK bomb: a byte that means four thousand.
{
    my $value = 'v' x 3900;
    my $bomb = sub { my ($id, $name) = @_; frame(HEADERS, END_STREAM, $id, fields(':path' => '/silent') . indexed($name, $value) . "\xbe" x 12000) . frame(CONTINUATION, 0, $id, "\xbe" x 16384) x 5 . frame(CONTINUATION, END_HEADERS, $id, "\xbe" x 16384) };
    for my $name ('x-bomb', 'cookie') {
        my $c = attacker(ack => 0, out => frame(SETTINGS, 1, 0, '') . odd(12, sub { $bomb->($_[0], $name) }));    # 400 MB decoded, each
        under_attack("HPACK bomb ($name)", sub {
            pump(sub { $c->{gone} || answers($c) + of_type($c, RST) >= 12 }, 15, $c);
        }, cpu => 1);
        is(scalar(grep { $_->{payload} =~ /^\x88/ } of_type($c, HEADERS)), 0, "HPACK bomb ($name): nothing is served");
        ok($c->{gone} || answers($c) + of_type($c, RST) >= 12, "HPACK bomb ($name): each is refused") or diag(answers($c), ' ', codes($c), ' ', goaway($c));
        close $c->{s};
    }
    my $crumbs = join '', map { field('cookie', "c$_=1") } 1 .. 900;    # 16 KB as they come, 45 KB as they count
    my $c = attacker(out => frame(HEADERS, END_STREAM, 1, fields()) . frame(CONTINUATION, END_HEADERS, 1, $crumbs) . request(3, '/own'));
    under_attack('cookie crumbs', sub { pump(sub { answers($c) >= 2 || $c->{gone} }, 3, $c) });
    is(join(',', map { $_->{id} . ($_->{payload} =~ /431/ ? ':431' : ':other') } grep { $_->{id} == 1 } of_type($c, HEADERS)), '1:431', 'cookie crumbs: refused with 431');
    ok(!$c->{gone} && answers($c) == 2, 'cookie crumbs: and the next request is served');
    close $c->{s};
    attack('a table beyond its size', frame(HEADERS, WHOLE, 1, number(65536, 5, 0x20) . fields()), 9);
    attack('an index of nothing', frame(HEADERS, WHOLE, 1, "\xff\xff\x7f"), 9);
}

# Ids of streams.
attack('an even id', request(2, '/x'), 1);
attack('an id below', request(5, '/silent') . request(3, '/silent'), 1);
attack('an id again', request(1, '/silent') . request(1, '/silent'), 5);
attack('an id again after a reset', request(1, '/silent') . reset_of(1) . request(1, '/silent'), 5);
attack('DATA on an idle stream', frame(DATA, 0, 1, 'x'), 1);
attack('RST_STREAM on an idle stream', reset_of(1), 1);
attack('WINDOW_UPDATE on an idle stream', window(1, 1), 1);
attack('PUSH_PROMISE from a client', request(1, '/silent') . frame(5, END_HEADERS, 1, pack('N', 2) . fields()), 1);
attack('a frame beyond its size', frame(DATA, 0, 1, 'x' x 16385), 6);
attack('HEADERS on stream 0', request(0, '/x'), 1);
attack('another frame within a header block', frame(HEADERS, END_STREAM, 1, fields()) . frame(PING, 0, 0, 'x' x 8), 1);
{
    my $c = attacker(out => request(0x7fffffff, '/own'));
    under_attack('the last id', sub { pump(sub { $c->{gone} || answers($c) }, 2, $c) });
    is(answers($c), 1, 'the last id: is served');
    close $c->{s};
}

# More streams than announced, before the announcement was acknowledged.
{
    my $c = attacker(ack => 0, out => odd(150, sub { request($_[0], '/silent') }));
    my $before = $mosn->stats->{'cluster.silent.requests'};
    under_attack('too many streams, early', sub { pump(sub { $c->{gone} || of_type($c, RST) >= 50 }, 3, $c) });
    is(codes($c), '7:50', 'too many streams, early: the surplus gets REFUSED_STREAM');
    is($mosn->stats->{'cluster.silent.requests_active'}, 100, 'too many streams, early: and the others are under way');
    close $c->{s};
    attack('too many streams, early and without end', odd(4000, sub { request($_[0], '/silent') }), 11, with => { ack => 0 }, %flood);
    my $late = attacker();
    under_attack('too many streams', sub {
        pump(sub { of_type($late, SETTINGS) >= 2 && !length $late->{out} }, 2, $late);
        $late->{out} .= odd(101, sub { request($_[0], '/silent') });
        pump(sub { $late->{gone} || of_type($late, RST) }, 3, $late);
    });
    ok(codes($late) eq '7:1' || goaway($late) eq '1', 'too many streams: REFUSED_STREAM, or PROTOCOL_ERROR');
    close $late->{s};
}

# Who waits, and makes us wait; all at the same time.
{
    my %slow = (
        'no preface' => { raw => '' },
        'half a preface' => { raw => substr $preface, 0, 10 },
        'the preface, then silence' => { raw => $preface },
        'half a frame' => { out => substr frame(SETTINGS, 0, 0, 'x' x 600), 0, 100 },
        'settings never acknowledged' => { ack => 0, out => request(1, '/silent'), goaway => 4 },
        'a head that never ends' => { ack => 0, out => frame(HEADERS, END_STREAM, 1, fields()), goaway => 11 },
        'a head whose frame never ends' => { ack => 0, out => substr(request(1, '/x'), 0, 20), goaway => 11 },
        'a head by drops' => { ack => 0, out => substr(frame(HEADERS, END_STREAM, 1, fields('x' => 'y' x 100)), 0, 40), drops => 1, goaway => 11 },
        'answers unread' => { deaf => 1, settings => settings(4, 0x7fffffff), out => window(0, 0x7fffffff - 65535) . odd(20, sub { request($_[0], '/big') }) },
        'acknowledgements unread' => { deaf => 1, out => odd(10, sub { request($_[0], '/own') }) . frame(PING, 0, 0, 'x' x 8) x 900 },
    );
    my @names = sort keys %slow;
    my %c = map { $_ => attacker(%{ $slow{$_} }) } @names;
    # Its window stays shut: each stream gets a reset, the connection lives.
    my $shut = attacker(settings => settings(4, 0), out => window(0, 1 << 30) . odd(30, sub { request($_[0], '/big') }));
    # One malformed request is no reason to end what goes on beside it.
    my $honest = attacker(out => post(1, '/x') . request(3, '/x', 'X-A' => 1), sent => 0);
    my $drip = 0;
    under_attack('all who wait', sub {
        my $until = time + 4.5;
        pump(sub {
            if (time > $drip) {
                $drip = time + 0.25;
                $_->{out} .= 'y' for grep { $_->{drops} && !$_->{gone} } values %c;
                $honest->{out} .= frame(DATA, 0, 1, 'z' x 10) if time < $until - 1;
                $honest->{sent} += 10 if time < $until - 1;
            }
            return time > $until;
        }, 6, $shut, $honest, values %c);
    }, growth => $GROWTH + 10_000, cpu => 4);    # two of them with many streams
    for my $name (grep { !$c{$_}{deaf} } @names) {
        my $c = $c{$name};
        ok($c->{gone} && $c->{gone} - $c->{began} < 3.5, "$name: ends in time") or diag(goaway($c), ' ', defined $c->{gone} ? $c->{gone} - $c->{began} : 'open');
        is(goaway($c), $c->{goaway}, "$name: with its code") if exists $c->{goaway};
    }
    for my $name (grep { $c{$_}{deaf} } @names) {
        my $c = $c{$name};
        my ($got, $how) = Mosn::raw($c->{s}, '', seconds => 1);    # what was on its way, then its end
        if ($name eq 'answers unread') {
            isnt($how, 'open', "$name: ends in time");
            cmp_ok(length $got, '<', 8 << 20, "$name: little was sent");
        } else {
            ok(length $got > 0, "$name: are not lost");
        }
    }
    is(codes($shut), '8:30', 'a window that stays shut: each stream gets CANCEL');
    $honest->{out} .= frame(DATA, END_STREAM, 1, '');
    pump(sub { $honest->{gone} || grep { $_->{id} == 1 } of_type($honest, HEADERS) }, 2, $honest);
    is(codes($honest), '1:1', 'a malformed request: is reset');
    is(scalar(grep { $_->{id} == 1 && $_->{payload} =~ /^\x88/ } of_type($honest, HEADERS)), 1, 'a malformed request: its neighbour on the connection is served') or diag('GOAWAY ' . goaway($honest));
    close $_->{s} for values %c, $shut, $honest;
}

# After all that.
ok(Mosn::wait_for(sub { my $s = $mosn->stats; $s->{'downstream.front.requests_active'} <= 1 && $s->{'cluster.silent.requests_active'} == 0 }, 5), 'no request is left over');
close $neighbour->{s};
ok(Mosn::wait_for(sub { my $s = $mosn->stats; $s->{'downstream.front.connections_active'} == 0 }, 5), 'no connection either');
is(+{ $mosn->pids }->{'worker 0'}, $worker, 'and the worker is the one that began');
$mosn->finish;
done_testing();
