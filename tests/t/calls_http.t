#!/usr/bin/env perl
# tests/t/calls_http.t - calls through HTTP between two meshes, and as plain
# HTTP.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Test::More;
use Mosn;
use Calls;


my $listeners = join ', ', map { qq({ name = "near-$_->[0]"; address = "127.0.0.1:%%PORT$_->[1]%%"; filters = ( { type = "proxy"; routes = "near-$_->[0]"; } ); }) } ['http1', 1], ['http2', 2], ['plain', 3];
my $near = join ', ', map { qq({ name = "near-$_"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { }; route = { cluster = "$_"; }; } ); } ); }) } qw(http1 http2 plain);
my $mosn = Mosn->start(<<"E");
listeners = ( $listeners,
  { name = "far"; address = "127.0.0.1:%%PORT4%%"; filters = ( { type = "proxy"; routes = "far"; } ); } );
routes = ( $near,
  { name = "far"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { service = "com.example.Dubbo"; version = "1.0.0"; }; route = { cluster = "dubbo"; }; },
    { match = { service = "com.example.Tr"; method = "hi"; }; route = { cluster = "tr"; }; },
    { match = { service = "com.example.Full"; }; respond = { status = 503; body = "full"; }; },
    { match = { service = "com.example.*"; }; route = { cluster = "bolt"; }; },
    { match = { path = "//"; }; route = { cluster = "bolt"; }; } ); } ); } );
clusters = (
  { name = "http1"; hosts = ( { address = "127.0.0.1:%%PORT4%%"; } ); },
  { name = "http2"; protocol = "http2"; hosts = ( { address = "127.0.0.1:%%PORT4%%"; } ); },
  { name = "plain"; carry_calls = false; hosts = ( { address = "127.0.0.1:%%PORT5%%"; } ); },
  { name = "tr"; protocol = "tr"; hosts = ( { address = "127.0.0.1:%%PORT8%%"; } ); },
  { name = "bolt"; protocol = "bolt"; circuit_breaker = { max_connections = 1; }; hosts = ( { address = "127.0.0.1:%%PORT6%%"; } ); },
  { name = "dubbo"; protocol = "dubbo"; hosts = ( { address = "127.0.0.1:%%PORT7%%"; } ); } );
E
my $bolt_host = Calls->listen($mosn->port(6));
my $dubbo_host = Calls->listen($mosn->port(7));
my $tr_host = Calls->listen($mosn->port(8));
my ($up, $dubbo_up, $tr_up);

my @map = (service => 'com.example.Hello:1.0', sofa_head_method_name => 'say hi', 'rpc_trace_context.sofaTraceId' => "odd \n value");
for my $via (['HTTP/1', 1], ['HTTP/2', 2]) {
    my ($name, $n) = @$via;
    my $c = Calls->connect($mosn->port($n));
    for my $version (1, 2) {
        my %sum = $version == 2 ? (ver1 => 2, switch => 1) : ();
        my %o = (id => 4000000000, version => $version, %sum, class => 'a.Class', map => \@map, content => "\0" . 'x' x 70000, timeout => 2345, codec => 11);
        $c->send(Calls::bolt(%o));
        $up //= Calls->accept($bolt_host);
        my $r = $up->bolt_request;
        is($r->{whole}, Calls::bolt(%o, id => $r->{id}), "$name, Bolt $version: restored byte by byte");
        my %back = (version => $version, map => [k => 'V'], content => 'y' x 3000);
        $up->send(Calls::bolt_response(%back, id => $r->{id}));
        is($c->bolt_answer->{whole}, Calls::bolt_response(%back, id => 4000000000), 'and its response');
    }
    $c->send(Calls::bolt(id => 5, map => \@map, content => ''));
    my $r = $up->bolt_request;
    $up->send(Calls::bolt_response(id => $r->{id}, status => 17, content => 'an exception'));
    $r = $c->bolt_answer;
    is("$r->{status} $r->{content}", '17 an exception', 'errors of the host come as they are');
    $c->send(Calls::bolt(id => 6, type => 2, map => \@map, content => 'one way'));
    is($up->bolt_request->{content}, 'one way', 'one-way');
    $c->send(Calls::bolt(id => 7, map => [service => 'com.example.Full']));
    is($c->bolt_answer->{whole}, Calls::bolt_response(id => 7, status => 4), 'an error of the far mesh in words of the protocol');
    $c->send(Calls::bolt(id => 8, map => [service => 'no.such']));
    is($c->bolt_answer->{whole}, Calls::bolt_response(id => 8, status => 6), 'no route there');

    # Large ones side by side, while the host takes its time.
    my @c = map { Calls->connect($mosn->port($n)) } 1 .. 3;
    my $large = 'L' x 1_500_000;
    $c[$_]->send(Calls::bolt(id => 100 + $_, map => \@map, content => $large)) for 0 .. $#c;
    for (@c) {
        my $r = $up->bolt_request;
        $up->send(Calls::bolt_response(id => $r->{id}, content => $r->{content}));
    }
    is(join(' ', map { my $r = $_->bolt_answer; "$r->{id} " . ($r->{content} eq $large) } @c), '100 1 101 1 102 1', 'large ones at a time');

    my $t = Calls->connect($mosn->port($n));
    my %tr = (method => 'hi', service => 'com.example.Tr:1.0');
    $t->send(Calls::tr_frame(%tr, id => 9));
    $tr_up //= Calls->accept($tr_host);
    my $id = $n;    # the first or the second on that connection
    is(unpack('H*', $tr_up->tr_take), unpack('H*', Calls::tr_frame(%tr, id => $id)), 'TR: restored, but for the id');
    $tr_up->send(Calls::tr_frame(response => 1, id => $id, object => 'N'));
    is(unpack('H*', $t->tr_take), unpack('H*', Calls::tr_frame(response => 1, id => 9, object => 'N')), 'and its response');

    my $d = Calls->connect($mosn->port($n));
    my $call = Calls::dubbo(id => 9, service => 'com.example.Dubbo', version => '1.0.0', method => 'm', argument => 'w' x 500, attachments => [k => 'v']);
    $d->send($call);
    $dubbo_up //= Calls->accept($dubbo_host);
    $r = $dubbo_up->dubbo_frame;
    is($r->{body}, substr($call, 16), 'Dubbo: restored');
    $dubbo_up->send(pack('nCCQ>N', 0xdabb, 2, 20, $r->{id}, 3) . "\x91\1a");
    $r = $d->dubbo_answer;
    is("$r->{id} $r->{status} $r->{body}", "9 20 \x91\1a", 'and its response');
}

# HTTP clients call simple things.
my $port = $mosn->port(4);
my $s = Mosn::connect_to($port);
print $s "POST /com.example.Hello:1.0/hi HTTP/1.1\r\nHost: a\r\nX-Env: blue\r\nContent-Length: 3\r\n\r\nabc";
my $r = $up->bolt_request;
is($r->{content}, 'abc', 'HTTP to Bolt: the body is the content');
is($r->{class}, 'com.alipay.sofa.rpc.core.request.SofaRequest', 'of the usual class');
like($r->{map}, qr/service....com\.example\.Hello:1\.0.*sofa_head_method_name....hi/s, 'service and method');
like($r->{map}, qr/X-Env....blue/si, 'and headers');
$up->send(Calls::bolt_response(id => $r->{id}, map => ['x-so' => 'fine', "bad\nname" => 'v', 'content-length' => '7'], content => 'def'));
my $a = Mosn::Reader->new($s)->message(0);
is("$a->{status} $a->{body} $a->{h}{'x-so'}[0] $a->{h}{'content-length'}[0]", '200 def fine 3', 'and back, without what could break HTTP');
for my $case ([4, 503], [7, 504], [2, 500]) {
    print $s "POST /com.example.Hello/hi HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    $r = $up->bolt_request;
    $up->send(Calls::bolt_response(id => $r->{id}, status => $case->[0]));
    is(Mosn::Reader->new($s)->message(0)->{status}, $case->[1], "status $case->[0] is $case->[1]");
}
print $s "POST /com.example.Hello HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
is(Mosn::Reader->new($s)->message(0)->{status}, 404, 'a path that is no call finds no route');
print $s "POST /com.example.Hello/hi HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-mosn-rpc\r\nContent-Length: 3\r\n\r\nabc";
is(Mosn::Reader->new($s)->message(0)->{status}, 400, 'a frame that is none is refused');

my $hidden = Calls::bolt(map => [service => 'com.example.Secret', sofa_head_method_name => 'hi']);
for my $case (['Hello/hi', '', 400], ['Secret/hi', "X-Mosn-Rpc-Version: 1.0\r\n", 400]) {
    print $s "POST /com.example.$case->[0] HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-mosn-rpc\r\n$case->[1]Content-Length: " . length($hidden) . "\r\n\r\n$hidden";
    is(Mosn::Reader->new($s)->message(0)->{status}, $case->[2], 'a frame that is for another service than HTTP says is refused');
}

# Dubbo in JSON.
my $j = Mosn::connect_to($port);
my $post = sub {
    my ($path, $headers, $body) = @_;
    print $j "POST $path HTTP/1.1\r\nHost: a\r\n${headers}Content-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
};
$post->('/com.example.Dubbo/sayHello', "X-Mosn-Rpc-Version: 1.0.0\r\nX-Mosn-Rpc-Group: g1\r\n", '["world", 3, {"a": null}]');
$r = $dubbo_up->dubbo_frame;
like($r->{body}, qr/^S\0\x{5}2\.0\.2S\0\x{11}com\.example\.DubboS\0\x{5}1\.0\.0S\0\x{7}\$invoke/, 'HTTP to Dubbo: a generic call');
like($r->{body}, qr/sayHelloNVS\0\x{7}\[objectI\0\0\0\x{3}S\0\x{5}worldI\0\0\0\x{3}HS\0\x{1}aNZH/, 'with the arguments of the array');
like($r->{body}, qr/groupS\0\x{2}g1.*genericS\0\x{4}trueZ$/s, 'and attachments');
$dubbo_up->send(pack('nCCQ>N', 0xdabb, 2, 20, $r->{id}, 9) . "\x91H\1k\x7a\x91\1xZ");
$a = Mosn::Reader->new($j)->message(0);
is("$a->{status} $a->{h}{'content-type'}[0] $a->{body}", '200 application/json {"k":[1,"x"]}', 'and the value comes back');
$post->('/com.example.Dubbo/fails', "X-Mosn-Rpc-Version: 1.0.0\r\n", '');
$r = $dubbo_up->dubbo_frame;
my $thrown = "\x90C\1E\x91\x0ddetailMessage\x60\x02no";
$dubbo_up->send(pack('nCCQ>N', 0xdabb, 2, 20, $r->{id}, length $thrown) . $thrown);
$a = Mosn::Reader->new($j)->message(0);
is("$a->{status} $a->{body}", '500 {"detailMessage":"no"}', 'an exception is a 500');
$post->('/com.example.Dubbo/none', "X-Mosn-Rpc-Version: 1.0.0\r\n", '[]');
$r = $dubbo_up->dubbo_frame;
$dubbo_up->send(pack('nCCQ>N', 0xdabb, 2, 100, $r->{id}, 5) . "\4busy");
$a = Mosn::Reader->new($j)->message(0);
is("$a->{status} $a->{body}", '503 "busy"', 'a status is one of HTTP');
for my $bad ('{"no": "array"}', '[1,', '[' x 100 . ']' x 100) {
    $post->('/com.example.Dubbo/bad', "X-Mosn-Rpc-Version: 1.0.0\r\n", $bad);
    is(Mosn::Reader->new($j)->message(0)->{status}, 400, 'what is no array of arguments is refused');
}

# A plain web server answers calls.
my $server = Calls->listen($mosn->port(5));
my $c = Calls->connect($mosn->port(3));
for my $case ([200, 0], [404, 6], [503, 4], [504, 7], [403, 2], [500, 3]) {
    $c->send(Calls::bolt(id => 77, map => [service => 'a.B:1.0', sofa_head_method_name => 'm', 'X-Tag' => 'q', te => 'x'], content => 'body'));
    my $w = Calls->accept($server);
    $w->more until $w->{in} =~ /\r\n\r\nbody/;
    if ($case->[0] == 200) {
        like($w->{in}, qr{^POST /a\.B/m HTTP/1\.1\r\n}, 'Bolt to HTTP: service and method are the path');
        like($w->{in}, qr/\r\nX-Tag: q\r\n/, 'pairs of the map are headers');
        unlike($w->{in}, qr/\r\nte:/i, 'but what frames');
    }
    $w->send("HTTP/1.1 $case->[0] X\r\nX-Back: b\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    $r = $c->bolt_answer;
    is("$r->{id} $r->{status} $r->{content}", "77 $case->[1] " . ($case->[1] ? '' : 'ok'), "$case->[0] is status $case->[1]");
    $w->close;
}

my $d = Calls->connect($mosn->port(3));
for my $case (['{"a": [1, "x"]}', "\x91HS\0\1aXI\0\0\0\2I\0\0\0\1S\0\1xZ", 200, 20], ['', "\x92", 200, 20], ['plain text', "\x91S\0\x0aplain text", 200, 20], ['why', "S\0\3why", 503, 100]) {
    $d->send(Calls::dubbo(id => 78, service => 'a.B', method => 'm', argument => 'x "y"'));
    my $w = Calls->accept($server);
    $w->more until $w->{in} =~ /\]$/;
    like($w->{in}, qr{^POST /a\.B/m HTTP/1\.1\r\n.*\r\n\r\n\["x \\"y\\""\]$}s, 'Dubbo to HTTP: the arguments are an array');
    $w->send("HTTP/1.1 $case->[2] X\r\nContent-Length: " . length($case->[0]) . "\r\nConnection: close\r\n\r\n$case->[0]");
    $r = $d->dubbo_answer;
    is("$r->{id} $r->{status} $r->{body}", "78 $case->[3] $case->[1]", "and '$case->[0]' is a value");
    $w->close;
}

$mosn->finish;
done_testing;
