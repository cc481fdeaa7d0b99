# http2.t - HTTP/2 towards clients: real ones, and frames by hand.

use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time sleep);

my $dir = Mosn::certificates('a.test');
my $origin = Mosn::origin(sub {
    my $r = shift;
    my $p = $r->{path};
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n" if $p eq '/trailers';
    return ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", Mosn::ok_response('late')) if $p eq '/early';
    return Mosn::ok_response('b' x 20_000_000) if $p eq '/big';
    if ($p eq '/cut') { $r->{close} = 1; return "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf" }
    sleep 5 if $p eq '/slow';
    return Mosn::ok_response(join '|', map { "$_=" . ($r->{h}{$_}[0] // '') } qw(host cookie te x-a content-length)) if $p =~ /^\/headers/;
    return Mosn::ok_response("$r->{method} $p " . length $r->{body}, "X-Up: Yes\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n");
});
my $conf = <<"E";
control_socket = "%%DIR%%/control.sock";
drain_timeout = "10s";
listeners = ( { name = "c"; address = "127.0.0.1:%%PORT1%%";
    filters = ( { type = "proxy"; routes = "r"; idle_timeout = "3s"; max_header_bytes = "8k"; max_headers = 40; max_uri_bytes = "1k";
      access_log = ( { path = "%%DIR%%/access.log"; } ); } ); },
  { name = "s"; address = "127.0.0.1:%%PORT2%%";
    tls = { certificates = ( { certificate = "$dir/a.test.pem"; private_key = "$dir/a.test.key"; } ); alpn = ["h2", "http/1.1"]; };
    filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { path = "/own"; }; respond = { body = "own"; }; }, { route = { cluster = "c"; timeout = "4s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$origin->{port}"; } ); } );
E
my $mosn = Mosn->start($conf, workers => 1);
my ($clear, $tls) = ($mosn->port(1), $mosn->port(2));
my $h2c = "curl -s --max-time 20 --http2-prior-knowledge";
my $h2 = "curl -s --max-time 20 --http2 --cacert $dir/ca.pem --resolve a.test:$tls:127.0.0.1";
sub run { my $out = `$_[0]`; return $out }

is(run("$h2c http://127.0.0.1:$clear/x -w ' %{http_version}'"), 'GET /x 0 2', 'h2c by prior knowledge');
is(run("$h2 https://a.test:$tls/x -w ' %{http_version}'"), 'GET /x 0 2', 'h2 by ALPN');
is(run("$h2 --http1.1 https://a.test:$tls/x -w ' %{http_version}'"), 'GET /x 0 1.1', 'HTTP/1.1 beside it');
is(run("$h2c http://127.0.0.1:$clear/own"), 'own', 'a direct response');
my $head = run("$h2c -i http://127.0.0.1:$clear/x");
like($head, qr/^x-up: Yes\r$/m, 'names in lower case');
unlike($head, qr/^(connection|keep-alive|transfer-encoding)/mi, 'nothing of the other hop');
is(run("$h2c -I http://127.0.0.1:$clear/x -o /dev/null -w '%{http_code} %{size_download}'"), '200 0', 'HEAD');
is(run("$h2c -H 'Cookie: a=1' -H 'Cookie: b=2' -H 'TE: trailers' -H 'X-A: v' http://127.0.0.1:$clear/headers"),
    "host=127.0.0.1:$clear|cookie=a=1; b=2|te=trailers|x-a=v|content-length=", 'what the origin gets');
like(run("$h2c -i http://127.0.0.1:$clear/early"), qr/^HTTP\/2 103.*HTTP\/2 200.*late$/s, 'an interim response');
like(run("nghttp -nv http://127.0.0.1:$clear/trailers"), qr/x-sum: 6/, 'trailers');

# Bodies.
my $file = Mosn::new_dir() . '/body';
system "head -c 20000000 /dev/zero > $file";
is(run("$h2c -H Expect: --data-binary \@$file http://127.0.0.1:$clear/up"), 'POST /up 20000000', '20 MB up');
is(run("$h2 -H Expect: -T $file https://a.test:$tls/up"), 'PUT /up 20000000', 'and over TLS');
is(run("$h2c http://127.0.0.1:$clear/big -o /dev/null -w '%{size_download}'"), '20000000', '20 MB down');
is(run("$h2 https://a.test:$tls/big -o /dev/null -w '%{size_download}'"), '20000000', 'and over TLS');
isnt(run("$h2c http://127.0.0.1:$clear/cut -o /dev/null; echo \$?"), "0\n", 'a cut answer is a reset');
is(scalar(grep { /:status: 200.*recv DATA frame <length=4.*recv RST_STREAM/s } map { run("nghttp -nv http://127.0.0.1:$clear/cut 2>&1") } 1 .. 20), 20,
    'behind what there is of it');
for my $url ("http://127.0.0.1:$clear/m", "https://127.0.0.1:$tls/m") {
    like(run("h2load -n 3000 -c 10 -m 20 $url 2>&1"), qr/3000 succeeded, 0 failed/, "h2load: $url");
}

# A slow reader holds its own stream, not its neighbour, and no memory.
my %pids = $mosn->pids;
my $rss = sub { (Mosn::slurp("/proc/$pids{'worker 0'}/status") =~ /VmRSS:\s+(\d+)/)[0] };
my $before = $rss->();
my ($slow) = Mosn::background('curl', '-s', '--http2-prior-knowledge', '--limit-rate', '100k', '-o', '/dev/null', "http://127.0.0.1:$clear/big");
sleep 1;
is(run("$h2c http://127.0.0.1:$clear/x"), 'GET /x 0', 'a slow reader leaves others alone');
cmp_ok($rss->() - $before, '<', 8000, 'and what it does not read is not kept');
Mosn::end_child($slow);
ok(Mosn::wait_for(sub { $mosn->stats->{'downstream.c.requests_active'} == 0 }), 'who goes away ends his request');

# By hand.
my $preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
sub frame { my ($type, $flags, $id, $payload) = @_; return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $id) . $payload }
sub field { my ($n, $v) = @_; return "\0" . chr(length $n) . $n . ($v =~ /^.{0,126}$/s ? chr(length $v) : "\x7f" . do { my ($x, $o) = (length($v) - 127, ''); while ($x >= 128) { $o .= chr($x % 128 + 128); $x = int($x / 128) } $o . chr $x }) . $v }
my $settings = frame(4, 0, 0, '');
sub head_of { my %h = (':method' => 'GET', ':scheme' => 'http', ':authority' => 'a', ':path' => '/x', @_); return join '', map { field($_, $h{$_}) } grep { defined $h{$_} } sort keys %h }
sub frames { my ($bytes) = @_; my @f; while (length $bytes >= 9) { my ($l1, $l2, $type, $flags, $id) = unpack 'CnCCN', $bytes; my $l = $l1 * 65536 + $l2; push @f, { type => $type, flags => $flags, id => $id, payload => substr $bytes, 9, $l }; $bytes = substr $bytes, 9 + $l } return @f }
sub talk { my ($bytes, %o) = @_; my ($got) = Mosn::raw($clear, $preface . $settings . $bytes, seconds => $o{seconds} // 0.4); return frames($got) }
sub statuses { return scalar grep { $_->{type} == 1 } @_ }
sub resets { return join ',', map { unpack 'N', $_->{payload} } grep { $_->{type} == 3 } @_ }
sub goaway { my ($g) = grep { $_->{type} == 7 } @_; return $g ? (unpack 'NN', $g->{payload})[1] : 'none' }

is(statuses(talk(frame(1, 5, 1, head_of()))), 1, 'a request by hand');
my $n = () = $origin->seen =~ /GET/g;
for my $bad (['an upper-case name', 'X-A' => '1'], ['a line break in a value', 'x-a' => "1\r\nx: y"], ['a NUL', 'x-a' => "1\0"],
    ['connection', connection => 'close'], ['transfer-encoding', 'transfer-encoding' => 'chunked'], ['an empty path', ':path' => ''],
    ['a relative path', ':path' => 'x'], ['a blank in the path', ':path' => '/x y'], ['a fragment', ':path' => '/x#y'],
    ['credentials in the authority', ':authority' => 'u@a'], ['no authority', ':authority' => undef], ['no method', ':method' => undef]) {
    my ($name, @h) = @$bad;
    my @f = talk(frame(1, 5, 1, head_of(@h)));
    ok(resets(@f) eq '1' || (statuses(@f) == 1 && "@{[map { $_->{payload} } grep { $_->{type} == 1 } @f]}" !~ /^\x88/), "$name is refused");
}
is(() = $origin->seen =~ /GET/g, $n, 'and the origin has seen none of them');
my @f = talk(frame(1, 4, 1, head_of(':method' => 'POST', 'content-length' => '3')) . frame(0, 1, 1, 'ab'));
is(resets(@f), 1, 'a body shorter than its content-length: PROTOCOL_ERROR');
@f = talk(frame(1, 5, 1, head_of(map { ("x-$_" => 'y' x 100) } 1 .. 39)));
is(statuses(@f), 1, 'a head within the limits');
@f = talk(frame(1, 5, 1, head_of(map { ("x-$_" => 'y' x 100) } 1 .. 60)));
is(resets(@f) . statuses(@f), '1', 'too many headers: an answer');
like(Mosn::slurp("$mosn->{dir}/access.log") . do { kill 'USR1', $mosn->{pid}; sleep 0.3; Mosn::slurp("$mosn->{dir}/access.log") }, qr/ 431 /, 'of 431');
is(goaway(talk(frame(0, 0, 0, 'x'))), 1, 'data on stream 0: GOAWAY PROTOCOL_ERROR');
is(goaway(talk(frame(1, 5, 2, head_of()))), 1, 'a stream with an even id');
is(goaway(talk(frame(4, 0, 0, 'x' x 5))), 6, 'settings of a wrong size: FRAME_SIZE_ERROR');
is(goaway(talk(frame(1, 4, 1, "\xff\xff\xff\xff\xff"))), 9, 'broken HPACK: COMPRESSION_ERROR');
isnt(goaway(talk(join('', map { frame(1, 5, $_ * 2 + 1, head_of(':path' => '/slow')) . frame(3, 0, $_ * 2 + 1, pack 'N', 8) } 1 .. 3000), seconds => 3)), 'none', 'rapid reset ends the connection');
for my $flood (['PING', frame(6, 0, 0, 'x' x 8)], ['SETTINGS', $settings], ['PRIORITY', frame(2, 0, 1, "\0\0\0\0\0")]) {
    my @got = talk($flood->[1] x 5000, seconds => 3);
    is(goaway(@got), 11, "a flood of $flood->[0]: ENHANCE_YOUR_CALM");
}
@f = talk(frame(1, 4, 1, head_of(':method' => 'POST')) . frame(0, 0, 1, '') x 5000, seconds => 3);
is(goaway(@f), 11, 'a flood of empty DATA');
@f = talk(join('', map { frame(1, 5, $_ * 2 + 1, head_of(':path' => '/slow')) . frame(8, 0, $_ * 2 + 1, "\0\0\0\0") } 1 .. 3000), seconds => 3);
like(goaway(@f), qr/^(1|11)$/, 'resets that it makes us send end the connection');
isnt(goaway(talk(frame(1, 0, 1, head_of()) . join('', map { frame(9, 0, 1, field("x-$_", 'y')) } 1 .. 100), seconds => 2)), 'none', 'a flood of CONTINUATION ends the connection');
is(run("$h2c http://127.0.0.1:$clear/x"), 'GET /x 0', 'after all that it serves');
ok(Mosn::wait_for(sub { $mosn->stats->{'downstream.c.requests_active'} == 0 }), 'no request is left over');

# Drain: two GOAWAYs, streams under way finish.
my $s = Mosn::connect_to($clear);
print $s $preface . $settings . frame(1, 5, 1, head_of(':path' => '/x'));
Mosn::wait_for(sub { sysread $s, my $x, 65536; 1 });
my ($pid, $out) = Mosn::background('curl', '-s', '--http2-prior-knowledge', "http://127.0.0.1:$clear/big", '-o', '/dev/null', '--limit-rate', '10M', '-w', '%{size_download}');
sleep 0.3;
is(($mosn->ctl('reload'))[1], 0, 'reload');
my ($rest, $end) = Mosn::raw($s, '', seconds => 5);
my @away = map { (unpack 'NN', $_->{payload})[0] } grep { $_->{type} == 7 } frames($rest);
is($away[0], 0x7fffffff, 'GOAWAY: a notice first');
is($away[1], 1, 'then with the last stream');
is($end, 'closed', 'and closed');
Mosn::wait_for(sub { waitpid($pid, 1) == $pid });
is(Mosn::slurp($out), '20000000', 'a download over a reload is whole');

# Out of service: an answer tells to go, too.
$s = Mosn::connect_to($clear);
print $s $preface . $settings . frame(1, 5, 1, head_of());
my $first = '';
ok(Mosn::wait_for(sub { sysread $s, $first, 65536, length $first; statuses(frames($first)) == 1 }), 'a connection');
is(($mosn->ctl('drain'))[1], 0, 'drain');
ok(Mosn::wait_for(sub { Mosn::get($mosn->port(0), '/ready')->{status} == 503 }), 'out of service');
($rest, $end) = Mosn::raw($s, frame(1, 5, 3, head_of()), seconds => 5);
is(statuses(frames($rest)), 1, 'a request is answered');
is(join(' ', map { (unpack 'NN', $_->{payload})[0] } grep { $_->{type} == 7 } frames($rest)), 0x7fffffff . ' 3', 'with GOAWAY');
is($end, 'closed', 'and the connection ends');
is(($mosn->ctl('drain', '--off'))[1], 0, 'drain --off');

# Idle connections end.
my ($got, $how) = Mosn::raw($clear, $preface . $settings, seconds => 6);
is($how, 'closed', 'an idle connection is closed');
is(goaway(frames($got)), 0, 'with GOAWAY NO_ERROR');
$mosn->finish;
done_testing();
