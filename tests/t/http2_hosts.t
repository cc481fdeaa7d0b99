# http2_hosts.t - hosts that speak HTTP/2 badly: a server by hand for each
# fault, and what clients of HTTP/1 and HTTP/2 get to see of it.
#
# A host misbehaves on its first connection, or as its case says, and serves
# well from then on: whatever happened, the next request is answered.

use strict;
use warnings;
use Test::More;
use Mosn;
use POSIX qw(WNOHANG);
use Time::HiRes qw(time sleep);

# --- a host by hand --------------------------------------------------------------

package Host;

use constant { DATA => 0, HEADERS => 1, RST => 3, SETTINGS => 4, PUSH => 5, PING => 6, GOAWAY => 7, WINDOW => 8, CONTINUATION => 9 };
use constant { END_STREAM => 1, END_HEADERS => 4, WHOLE => 5 };

sub frame { my ($type, $flags, $id, $payload) = @_; return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $id) . $payload }
sub number { my ($n, $bits, $first) = @_; my $max = 2**$bits - 1; return chr($first | $n) if $n < $max; my $o = chr($first | $max); $n -= $max; while ($n >= 128) { $o .= chr($n % 128 + 128); $n = int($n / 128) } return $o . chr $n }
sub text { return number(length $_[0], 7, 0) . $_[0] }
sub field { return "\0" . text($_[0]) . text($_[1]) }
sub fields { my $out = ''; while (@_) { $out .= field(splice @_, 0, 2) } return $out }
sub settings { my $p = ''; while (@_) { $p .= pack 'nN', splice @_, 0, 2 } return frame(SETTINGS, 0, 0, $p) }
sub headers { my ($id, $flags, @h) = @_; return frame(HEADERS, $flags, $id, fields(@h)) }
sub rst { my ($id, $code) = @_; return frame(RST, 0, $id, pack 'N', $code) }
sub goaway { my ($last, $code) = @_; return frame(GOAWAY, 0, 0, pack 'NN', $last, $code // 0) }
sub data { my ($id, $bytes, $end) = @_; return frame(DATA, $end ? END_STREAM : 0, $id, $bytes) }

sub new { my ($class, $s, $log) = @_; return bless { s => $s, log => $log, in => '', open => {}, whole => [] }, $class }
sub say { my ($h, @bytes) = @_; print { $h->{s} } join '', @bytes if $h->{s}->opened; return $h }
sub hang_up { my ($h) = @_; close $h->{s}; return '' }
sub note { my ($h, $text) = @_; Mosn::say_to($h->{log}, "$text\n"); return $h }

# The next frame, or nothing at the end; what each must do is done.
sub next_frame {
    my ($h) = @_;
    return unless $h->{s}->opened;
    if (!$h->{greeted}) {
        while (length $h->{in} < 24) { sysread $h->{s}, $h->{in}, 65536, length $h->{in} or return }
        substr $h->{in}, 0, 24, '';
        $h->{greeted} = 1;
    }
    my ($l1, $l2, $type, $flags, $id);
    while (1) {
        if (length $h->{in} >= 9) {
            ($l1, $l2, $type, $flags, $id) = unpack 'CnCCN', $h->{in};
            last if length $h->{in} >= 9 + $l1 * 65536 + $l2;
        }
        sysread $h->{s}, $h->{in}, 65536, length $h->{in} or return;
    }
    my $f = { type => $type, flags => $flags, id => $id, payload => substr $h->{in}, 9, $l1 * 65536 + $l2 };
    substr $h->{in}, 0, 9 + length $f->{payload}, '';
    $h->say(frame(SETTINGS, 1, 0, '')) if $type == SETTINGS && !($flags & 1) && !$h->{no_ack};
    $h->say(frame(PING, 1, 0, $f->{payload})) if $type == PING && !($flags & 1);
    $h->note("goaway " . (unpack 'NN', $f->{payload})[1]) if $type == GOAWAY;
    $h->note("rst $id " . unpack 'N', $f->{payload}) if $type == RST;
    if ($type == DATA && length $f->{payload} && !$h->{shut}) {
        $h->say(map { frame(WINDOW, 0, $_, pack 'N', length $f->{payload}) } 0, $flags & END_STREAM ? () : $id);
    }
    push @{ $h->{whole} }, $id if $type <= HEADERS && $flags & END_STREAM;
    return $f;
}

# The id of the next request whose head is there, or which is there as a whole.
sub head { my ($h) = @_; while (my $f = $h->next_frame) { return $f->{id} if $f->{type} == HEADERS } return }
sub whole { my ($h) = @_; while (!@{ $h->{whole} }) { $h->next_frame or return } return shift @{ $h->{whole} } }
sub good { my ($id) = @_; return headers($id, END_HEADERS, ':status', 200) . data($id, "good", 1) }
sub serve { my ($h) = @_; while (my $id = $h->whole) { $h->say(good($id)) } }
sub serve_gets { my ($h) = @_; while (my $f = $h->next_frame) { $h->say(good($f->{id})) if $f->{type} == HEADERS && $f->{flags} & END_STREAM } }
sub wait_end { my ($h) = @_; 1 while $h->next_frame }

package main;

# --- the cases ----------------------------------------------------------------------

my $ok = qr/^good\|200\|0$/;
my $bad = qr/\|502\|0$/;
# The connection may break before the request has left; then it is repeated.
my $ok_or_bad = qr/^good\|200\|0$|\|502\|0$/;
my $cut = qr/\|(200|000)\|[1-9]/;    # never whole; a reset may overtake the head
my $bad_or_cut = qr/\|502\|0$|$cut/;
my $late = qr/\|50[234]\|0$/;
my $late_up = qr/$late|\|000\|92$/;    # not every curl reads an answer that comes before it has sent its body
my @cases;

# Its first connection; later ones are good.
sub first { my ($name, $want, $code, @o) = @_; push @cases, { name => $name, want => $want, code => sub { my ($h, $n) = @_; if ($n == 1) { $code->($h) } else { $h->say(Host::settings())->serve } }, @o } }
# ... after a good preface and the head of a request.
sub reply { my ($name, $want, $code, @o) = @_; first($name, $want, sub { my ($h) = @_; $h->say(Host::settings()); my $id = $h->head // return; $h->say($code->($id, $h)); $h->serve }, @o) }
# A response with such a head.
sub response { my ($name, $want, @h) = @_; reply($name, $want, sub { Host::headers($_[0], 4, @h) . Host::data($_[0], 'evil', 1) }) }

first('garbage', $ok_or_bad, sub { my ($h) = @_; $h->say("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")->wait_end });
first('a frame before SETTINGS', $ok_or_bad, sub { my ($h) = @_; $h->say(Host::frame(6, 0, 0, 'x' x 8), Host::settings())->wait_end });
first('silence', $late, sub { $_[0]->wait_end });
first('closes at once', qr/$ok|$late/, sub { $_[0]->hang_up });
first('half a frame', $late, sub { my ($h) = @_; $h->say(Host::settings()); $h->head; $h->say(substr Host::frame(1, 4, 1, 'x' x 100), 0, 50)->wait_end });
first('settings of a wrong size', $ok_or_bad, sub { my ($h) = @_; $h->say(Host::frame(4, 0, 0, 'x' x 5))->wait_end });
first('settings that are none', $ok_or_bad, sub { my ($h) = @_; $h->say(Host::settings(4, 0x80000000))->wait_end });
first('no acknowledgement', $ok, sub { my ($h) = @_; $h->{no_ack} = 1; $h->say(Host::settings())->serve });

response('an upper-case name', $bad, ':status', 200, 'X-Bad', 1);
response('no :status', $bad, 'x', 'y');
response('two of :status', $bad, ':status', 200, ':status', 200);
response(":status $_", $bad, ':status', $_) for qw(99 099 000 101 600 999 2000 abc), '+20', '';
response('a request\'s pseudo-header', $bad, ':status', 200, ':path', '/');
response('a pseudo-header behind', $bad, 'x', 'y', ':status', 200);
response('a line break in a value', $bad, ':status', 200, 'x', "y\r\nz: 1");
response('a NUL in a value', $bad, ':status', 200, 'x', "y\0");
response('connection', $bad, ':status', 200, 'connection', 'close');
response('transfer-encoding', $bad, ':status', 200, 'transfer-encoding', 'chunked');
response('content-length without digits', $bad, ':status', 200, 'content-length', '-4');
response('two lengths', $bad, ':status', 200, 'content-length', 4, 'content-length', 5);
response('more than content-length', $bad_or_cut, ':status', 200, 'content-length', 2);
response('less than content-length', $bad_or_cut, ':status', 200, 'content-length', 10);
response('a giant head', $bad, ':status', 200, map { ("x-$_", 'v' x 300) } 1 .. 50);
reply('a giant head in pieces', $bad, sub { Host::frame(1, 0, $_[0], Host::fields(':status', 200, 'x', 'v' x 10000)) . Host::frame(9, 0, $_[0], Host::fields('x', 'v' x 16000)) x 5 . Host::frame(9, 4, $_[0], Host::fields('x', 'v' x 16000)) });
reply('HPACK bomb', $bad, sub { Host::frame(1, 0, $_[0], Host::fields(':status', 200) . "\x40" . Host::text('x') . Host::text('v' x 3900) . "\xbe" x 12000) . Host::frame(9, 4, $_[0], "\xbe" x 16384) });
reply('a head that never ends', $late, sub { Host::frame(1, 0, $_[0], Host::fields(':status', 200)) });
reply('CONTINUATION without end', $bad, sub { Host::frame(1, 0, $_[0], Host::fields(':status', 200)) . Host::frame(9, 0, $_[0], Host::field('x', 'y')) x 2000 });
reply('broken HPACK', $bad, sub { Host::frame(1, 4, $_[0], "\xff\xff\xff\xff\xff\xff") });
reply('content-length, and no body at all', $bad_or_cut, sub { Host::headers($_[0], 5, ':status', 200, 'content-length', 5) });
reply('DATA before HEADERS', $bad, sub { Host::data($_[0], 'evil') . Host::good($_[0]) });
reply('a response nobody asked for', $bad, sub { Host::good($_[0] + 2) });
reply('a frame beyond its size', $bad, sub { Host::frame(1, 4, $_[0], 'x' x 20000) });
reply('a window that overflows', $bad, sub { Host::frame(8, 0, 0, pack 'N', 0x7fffffff) });
reply('a window of a stream that overflows', $bad, sub { Host::frame(8, 0, $_[0], pack 'N', 0x7fffffff) }, post => 10);
reply('trailers with a pseudo-header', $cut, sub { Host::headers($_[0], 4, ':status', 200) . Host::data($_[0], 'half') . Host::headers($_[0], 5, ':status', 200) });

reply('closed in the middle of a body', $bad_or_cut, sub { my ($id, $h) = @_; $h->say(Host::headers($id, 4, ':status', 200) . Host::data($id, 'half')); $h->hang_up });
reply('... of a counted one', $bad_or_cut, sub { my ($id, $h) = @_; $h->say(Host::headers($id, 4, ':status', 200, 'content-length', 10) . Host::data($id, 'half')); $h->hang_up });
reply("RST_STREAM $_ in the middle of a body", $cut, do { my $c = $_; sub { Host::headers($_[0], 4, ':status', 200) . Host::data($_[0], 'half') . Host::rst($_[0], $c) } }) for 0, 2, 7, 8;
reply('GOAWAY in the middle of a body, then closed', $bad_or_cut, sub { my ($id, $h) = @_; $h->say(Host::headers($id, 4, ':status', 200) . Host::data($id, 'half') . Host::goaway($id)); $h->hang_up });
reply('silence in the middle of a body', $cut, sub { Host::headers($_[0], 4, ':status', 200) . Host::data($_[0], 'half') });

reply("RST_STREAM $_", $bad, do { my $c = $_; sub { Host::rst($_[0], $c) } }) for 0, 1, 2, 8, 11;
for my $post (0, 10, 30_000) {
    my $with = $post ? "POST of $post" : 'GET';
    reply("REFUSED_STREAM, $with", $ok, sub { Host::rst($_[0], 7) }, post => $post);
    reply("GOAWAY below, $with", $ok, sub { my ($id, $h) = @_; $h->say(Host::goaway(0)); $h->wait_end; '' }, post => $post);
}
push @cases, { name => 'REFUSED_STREAM always', want => qr/\|503\|0$/, keeps => 1, code => sub { my ($h) = @_; $h->say(Host::settings()); while (my $id = $h->head) { $h->say(Host::rst($id, 7)) } } };
reply('GOAWAY that covers it', $ok, sub { my ($id, $h) = @_; $h->say(Host::goaway($id)); $h->whole; $h->say(Host::good($id)); $h->wait_end; '' }, post => 10);
reply('graceful GOAWAY', $ok, sub { my ($id, $h) = @_; $h->say(Host::goaway(0x7fffffff)); $h->whole; $h->say(Host::good($id), Host::goaway($id)); shutdown $h->{s}, 1; $h->wait_end; '' });
reply('GOAWAY with an error', $late, sub { my ($id, $h) = @_; $h->say(Host::goaway($id, 2)); $h->hang_up });
reply('GOAWAY that grows', $ok, sub { my ($id, $h) = @_; Host::goaway(0) . Host::goaway(99) });
# Two at a time; GOAWAY after the first: the other one is repeated.
first('GOAWAY between two', $ok, sub {
    my ($h) = @_;
    $h->say(Host::settings());
    my @ids = map { $h->whole } 1, 2;
    $h->say(Host::goaway($ids[0]), Host::good($ids[0]))->note("together @ids");
    $h->wait_end;
}, parallel => 2, seen => qr/^together 1 3$/m);
first('a malformed response beside a slow one', $ok, sub {
    my ($h) = @_;
    $h->say(Host::settings());
    my @ids = map { $h->whole } 1, 2;
    $h->say(Host::headers($ids[0], 4, 'x', 'y'))->note("together @ids");
    sleep 1.6;
    $h->say(Host::good($ids[1]))->serve;
}, parallel => 2, wants => [ $ok, $bad ], seen => qr/^together 1 3$/m);

# How many at a time.
sub strict {
    my ($h, $most) = @_;
    my %now;
    while (my $f = $h->next_frame) {
        if ($f->{type} == 1) {
            if (keys %now >= $most) { $h->say(Host::rst($f->{id}, 7)) } else { $now{ $f->{id} } = 1 }
        }
        while (@{ $h->{whole} }) {
            my $id = shift @{ $h->{whole} };
            next unless delete $now{$id};
            sleep 0.05;
            $h->say(Host::good($id));
        }
    }
}
push @cases, { name => 'one stream at a time', want => $ok, parallel => 6, code => sub { my ($h) = @_; $h->say(Host::settings(3, 1)); strict($h, 1) } };
push @cases, { name => 'fewer streams from now on', want => $ok, parallel => 6, before => 1, code => sub { my ($h) = @_; $h->say(Host::settings(3, 100)); $h->say(Host::good($h->whole // return), Host::settings(3, 1)); strict($h, 1) } };
push @cases, { name => 'no streams', want => $late, keeps => 1, code => sub { my ($h) = @_; $h->say(Host::settings(3, 0)); strict($h, 0) } };
first('no streams on this connection', $ok, sub { my ($h) = @_; $h->say(Host::settings(3, 0)); strict($h, 0) });
first('no more streams from now on', $ok, sub { my ($h) = @_; $h->say(Host::settings()); $h->say(Host::good($h->whole), Host::settings(3, 0)); strict($h, 0) });

# What nobody wants.
my $push = sub { Host::frame(5, 4, $_[0], pack('N', 2) . Host::fields(':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/evil', 'x-evil', 'evil')) };
reply('PUSH_PROMISE', $ok_or_bad, sub { $push->($_[0]) . Host::headers(2, 4, ':status', 200) . Host::data(2, 'evil', 1) . Host::good($_[0]) }, seen => qr/^goaway 1$|^rst 2 /m);
first('PUSH_PROMISE before it could know', $ok_or_bad, sub {
    my ($h) = @_;
    $h->{no_ack} = 1;
    $h->say(Host::settings());
    my $id = $h->head;
    $h->say($push->($id), Host::headers(2, 4, ':status', 200), Host::data(2, 'evil', 1), Host::good($id))->serve;
}, seen => qr/^goaway 1$|^rst 2 /m);
reply('SETTINGS flood', $late, sub { Host::settings() x 5000 }, seen => qr/^goaway 11$/m);
reply('PING flood', $late, sub { Host::frame(6, 0, 0, 'x' x 8) x 5000 }, seen => qr/^goaway 11$/m);
reply('empty DATA flood', $bad_or_cut, sub { Host::headers($_[0], 4, ':status', 200) . Host::data($_[0], '') x 5000 }, seen => qr/^goaway 11$/m);
reply('empty DATA flood, padded', $bad_or_cut, sub { Host::headers($_[0], 4, ':status', 200) . Host::frame(0, 8, $_[0], "\3\0\0\0") x 5000 }, seen => qr/^goaway 11$/m);
reply('unknown frames', $late, sub { Host::frame(0xbb, 0, 0, 'x') x 5000 }, seen => qr/^goaway 11$/m);
reply('a few unknown frames', $ok, sub { Host::frame(0xbb, 0xff, 77, 'x') x 20 . Host::good($_[0]) });
reply('five interim responses', $ok, sub { Host::headers($_[0], 4, ':status', 103, 'link', '</a>') x 5 . Host::good($_[0]) });
reply('1xx flood', $bad, sub { Host::headers($_[0], 4, ':status', 103) x 3000 . Host::good($_[0]) });
reply('1xx that ends', $bad, sub { Host::headers($_[0], 5, ':status', 103) });
reply('frames for a stream that is over', $ok, sub { my $id = $_[0]; Host::good($id) . Host::data($id, 'evil') . Host::headers($id, 5, ':status', 200) . Host::rst($id, 8) . Host::frame(8, 0, $id, pack 'N', 9) });
reply('RST_STREAM behind a whole answer', $ok, sub { Host::good($_[0]) . Host::rst($_[0], 0) });

# Bodies of requests.
sub shut { my ($h) = @_; $h->{shut} = 1; $h->say(Host::settings(4, 0))->serve_gets }
first('a window never opened, small body', $late, \&shut, post => 20_000);
first('a window never opened, large body', $late_up, \&shut, post => 1_000_000);
first('a window that closes', $late_up, sub { my ($h) = @_; $h->{shut} = 1; $h->say(Host::settings())->serve_gets }, post => 1_000_000);
for my $status (200, 413) {
    reply("an early answer of $status", qr/^good\|$status\|(0|RST_STREAM 0)$/, sub { Host::headers($_[0], 4, ':status', $status) . Host::data($_[0], 'good', 1) . Host::rst($_[0], 0) }, post => 1_000_000, by_hand => 1);
}

# --- mosn between them -----------------------------------------------------------------

my @hosts;
for my $case (@cases) {
    for my $client (1, 2) {
        my $code = $case->{code};
        my $server = Mosn::server(sub {
            my ($s, $log) = @_;
            Mosn::say_to($log, "connection\n");
            my $n = () = Mosn::slurp($log) =~ /^connection$/mg;
            $code->(Host->new($s, $log), $n);
        });
        push @hosts, { case => $case, client => $client, server => $server, path => '/' . @hosts };
    }
}
my $routes = join ",\n", map { qq({ match = { path = "$_->{path}"; }; route = { cluster = "c$_->{path}"; timeout = "3s"; }; }) } @hosts;
my $clusters = join ",\n", map { qq({ name = "c$_->{path}"; protocol = "http2"; max_header_bytes = "8k"; http2 = { settings_timeout = "2s"; }; hosts = ( { address = "127.0.0.1:$_->{server}{port}"; } ); }) } @hosts;
my $mosn = Mosn->start(<<"E", workers => 1);
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( $routes ); } ); } );
clusters = ( $clusters );
E
my $port = $mosn->port(1);
my %pids = $mosn->pids;
my $dir = Mosn::new_dir();
my %body;

sub body {
    my ($n) = @_;
    return $body{$n} //= do { open my $f, '>', "$dir/$n" or die; print $f 'b' x $n; close $f; "$dir/$n" };
}

# A client that reads what comes while it still has a body to send, which not
# every curl does.
sub by_hand {
    my ($host) = @_;
    my $s = Mosn::connect_to($port);
    my ($got, $status, $body, $code) = ('', '', '', '');
    print $s "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Host::settings(),
        Host::headers(1, 4, ':method', 'POST', ':scheme', 'http', ':authority', 'a', ':path', $host->{path}), Host::data(1, 'b' x 9000);
    Mosn::wait_for(sub {
        $got .= Mosn::raw($s, '', seconds => 0.05);
        my $rest = $got;
        while (length $rest >= 9) {
            my ($l1, $l2, $type, $flags, $id) = unpack 'CnCCN', $rest;
            last if length $rest < 9 + $l2;
            my $payload = substr $rest, 9, $l2;
            $rest = substr $rest, 9 + $l2;
            $status = $payload =~ /413/ ? 413 : ord($payload) == 0x88 ? 200 : '?' if $type == 1;
            $body = $payload if $type == 0 && length $payload;
            $code = unpack 'N', $payload if $type == 3;
        }
        return length $code;
    }, 4);
    close $s;
    return "$body|$status|RST_STREAM $code";
}

sub ask {
    my ($host, $post) = @_;
    if ($post && $host->{case}{by_hand} && $host->{client} == 2) {
        my ($pid, $out) = (Mosn::spawn(sub {}), "$dir/hand" . $host->{path} =~ tr,/,.,r);
        my $began = time;
        my $text = by_hand($host);
        open my $f, '>', $out or die;
        print $f $text, '#', time - $began;
        close $f;
        return { pid => $pid, out => $out };
    }
    my @with = $post ? ('-H', 'Expect:', '--data-binary', '@' . body($post)) : ();
    my ($pid, $out) = Mosn::background('curl', '-s', '--max-time', 8, $host->{client} == 2 ? '--http2-prior-knowledge' : '--http1.1',
        @with, '-w', '|%{http_code}|%{exitcode}#%{time_total}', "http://127.0.0.1:$port$host->{path}");
    return { pid => $pid, out => $out };
}

# Waits for all of them, and tells what they printed, and the longest time.
sub answers {
    my @asked = @_;
    my $longest = 0;
    Mosn::wait_for(sub {
        for my $a (grep { !$_->{done} } @asked) {
            $a->{done} = waitpid($a->{pid}, WNOHANG) == $a->{pid};
        }
        return !grep { !$_->{done} } @asked;
    }, 10) or $longest = 10;
    my @got = map { my $t = Mosn::slurp($_->{out}); $t =~ s/\n//g; $longest = $1 if $t =~ s/#([\d.]+)$// && $1 > $longest; $t } @asked;
    return ($longest, @got);
}

# A few hosts at a time.
while (my @some = splice @hosts, 0, 36) {
    answers(map { ask($_) } grep { $_->{case}{before} } @some);
    $_->{asked} = [ do { my $h = $_; map { ask($h, $h->{case}{post}) } 1 .. $h->{case}{parallel} // 1 } ] for @some;
    for my $h (@some) {
        my $case = $h->{case};
        my $name = "$case->{name}, HTTP/$h->{client}";
        my ($took, @got) = answers(@{ $h->{asked} });
        my @wants = @{ $case->{wants} // [] };
        if (@wants) {    # each of them once
            @got = sort @got;
            like("@got", qr/^.*\|502\|0 good\|200\|0$|^good\|200\|0 .*\|502\|0$/, $name);
        } else {
            my @wrong = grep { !/$case->{want}/ } @got;
            is("@wrong", '', "$name: " . (@got > 1 ? 'all of them' : substr $got[0], 0, 20));
        }
        unlike("@got", qr/evil/, "$name: nothing of the bad one") if "@got" =~ /evil/ && $case->{want} == $ok;
        cmp_ok($took, '<', 5, "$name: in time");
        if ($case->{seen}) {
            ok(Mosn::wait_for(sub { $h->{server}->seen =~ $case->{seen} }, 2), "$name: the host is told") or diag($h->{server}->seen);
        }
    }
    $_->{asked} = ask($_) for grep { !$_->{case}{keeps} } @some;
    for my $h (grep { !$_->{case}{keeps} } @some) {
        my ($took, $got) = answers($h->{asked});
        like($got, $ok, "$h->{case}{name}, HTTP/$h->{client}: the next request is served");
    }
    $_->{server}->stop for @some;
}
is(+{ $mosn->pids }->{'worker 0'}, $pids{'worker 0'}, 'the worker is the one that began');
ok(Mosn::wait_for(sub { my $s = $mosn->stats; $s->{'downstream.l.requests_active'} == 0 && !grep { /^cluster\..*requests_active$/ && $s->{$_} } keys %$s }, 3), 'no request is left over');
$mosn->finish;
done_testing();
