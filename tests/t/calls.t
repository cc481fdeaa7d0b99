#!/usr/bin/env perl
# tests/t/calls.t - Bolt and Dubbo, byte by byte: what is passed on, what is
# answered here, and what ends a connection.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Test::More;
use Mosn;
use Calls;

my $calls = Mosn::tool('calls');
my ($bolt, $v2, $dubbo, $dead) = map { Mosn::free_port() } 1 .. 4;
for my $port ($bolt, $v2, $dubbo) {
    my (undef, $out) = Mosn::background($calls, 'host', $port, 0);
    Mosn::wait_for(sub { Mosn::slurp($out) =~ /ready/ }) or die 'no host';
}

my $mosn = Mosn->start(<<"E");
listeners = (
  { name = "calls"; address = "127.0.0.1:%%PORT1%%";
    filters = ( { type = "proxy"; routes = "main"; header_timeout = "500ms";
      rpc = { max_frame_bytes = 100000; };
      access_log = ( { path = "%%DIR%%/access.log"; format = "%protocol% %request_path% %response_code% %response_flag% %request_header_tag%"; } ); } ); },
  { name = "edited"; address = "127.0.0.1:%%PORT2%%";
    filters = ( { type = "proxy"; routes = "main";
      stream_filters = ( { type = "headers"; request_set = { env = "blue"; }; request_remove = ["tag"]; } ); } ); },
  { name = "seen"; address = "127.0.0.1:%%PORT3%%";
    filters = ( { type = "proxy"; routes = "seen"; rpc = { max_frame_bytes = 100000; };
      access_log = ( { path = "%%DIR%%/seen.log"; format = "%response_flag%"; } ); } ); } );
routes = (
  { name = "main"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { service = "com.example.Dead"; }; route = { cluster = "dead"; }; },
    { match = { service = "com.example.Again"; }; route = { cluster = "again"; retry_lost = true; }; },
    { match = { service = "com.example.Once"; }; route = { cluster = "again"; }; },
    { match = { service = "com.example.Slow"; }; route = { cluster = "silent"; timeout = "300ms"; }; },
    { match = { service = "com.example.Dubbo"; version = "1.0.0"; }; route = { cluster = "dubbo"; }; },
    { match = { service = "com.example.Dubbo"; group = "g1"; }; route = { cluster = "dubbo"; }; },
    { match = { service = "com.example.Two*"; method = "say*"; }; route = { cluster = "two"; }; },
    { match = { service_regex = "^com\\\\.ex.*Reg\$"; }; route = { cluster = "bolt"; }; },
    { match = { headers = ( { name = "tag"; prefix = "gray-"; } ); }; route = { cluster = "bolt"; }; },
    { match = { service = "com.example.Hello"; }; route = { cluster = "bolt"; }; } ); } ); },
  { name = "seen"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { }; route = { cluster = "edited"; }; } ); } ); } );
clusters = (
  { name = "bolt"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:$bolt"; } ); },
  { name = "two"; protocol = "boltv2"; hosts = ( { address = "127.0.0.1:$v2"; } ); },
  { name = "dubbo"; protocol = "dubbo"; hosts = ( { address = "127.0.0.1:$dubbo"; } ); },
  { name = "edited"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:%%PORT4%%"; } ); },
  { name = "again"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:%%PORT6%%"; }, { address = "127.0.0.1:$bolt"; } ); },
  { name = "silent"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:%%PORT5%%"; } ); },
  { name = "dead"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:$dead"; } ); } );
E
my $cutting = Calls->listen($mosn->port(6));
my $silent = Calls->listen($mosn->port(5));
my $port = $mosn->port(1);

sub connected { return Calls->connect($_[0] // $port) }

# --- Bolt ----------------------------------------------------------------------

my %hello = (service => 'com.example.Hello:1.0', sofa_head_method_name => 'hi');
my $c = connected();
$c->send(Calls::bolt(id => 7, map => [%hello], content => 'abc'));
my $r = $c->bolt_answer;
is("$r->{id} $r->{command} $r->{status} $r->{content}", '7 2 0 abc', 'a request and its response');

my @frames = map { Calls::bolt(id => 0xffffffff - $_, map => [%hello], content => "c$_") } 0 .. 499;
$c->send(join '', @frames);
my %got = map { my $a = $c->bolt_answer; ($a->{id} => $a->{content}) } @frames;
is(scalar(grep { $got{ 0xffffffff - $_ } eq "c$_" } 0 .. 499), 500, 'ids of 32 bits, 500 at a time');

my $frame = Calls::bolt(id => 3, map => [%hello], content => 'x' x 40);
for my $n (1 .. length($frame) - 1) {
    $c->send(substr $frame, 0, $n);
    select undef, undef, undef, 0.001;    # so that it is seen in two pieces
    $c->send(substr $frame, $n);
    $r = $c->bolt_answer;
    last if $r->{id} != 3 || $r->{content} ne 'x' x 40;
}
is("$r->{id} $r->{content}", '3 ' . 'x' x 40, 'a frame cut at every byte');

$c->send(Calls::bolt(id => 9, map => [%hello], content => '1', type => 2) . Calls::bolt(id => 10, map => [%hello], content => '2'));
$r = $c->bolt_answer;
is("$r->{id} $r->{content}", '10 2', 'one-way is not answered');

$c->send(Calls::bolt(id => 11, command => 0, timeout => -1));
$r = $c->bolt_answer;
is("$r->{id} $r->{command} $r->{status}", '11 0 0', 'a heartbeat is');
$c->send(Calls::bolt(id => 12, command => 0, type => 2, timeout => -1));
is($c->bolt_answer->{id}, 12, 'a one-way heartbeat too');

$c->send(Calls::bolt(id => 13, map => [%hello], content => 'y' x 90000));
is(length $c->bolt_answer->{content}, 90000, 'a long one');

for my $case (
    ['no route', [service => 'no.such'], 6],
    ['no host', [service => 'com.example.Dead:1.0'], 16],
    ['no answer in time', [service => 'com.example.Slow:1.0'], 7],
    ['no answer in the time that the caller has', [service => 'com.example.Slow:1.0'], 7, 100])
{
    $c->send(Calls::bolt(id => 20, map => $case->[1], timeout => $case->[3] // 0));
    $r = $c->bolt_answer;
    is("$r->{id} $r->{status}", "20 $case->[2]", $case->[0]);
}
$c->send(Calls::bolt(id => 21, map => [tag => 'gray-1'], content => 'h'));
is($c->bolt_answer->{content}, 'h', 'a route by header');
$c->send(Calls::bolt(id => 22, map => [service => 'com.example.XReg']));
is($c->bolt_answer->{status}, 0, 'a route by expression');
$c->send(Calls::bolt(id => 23, raw_map => "\0\0\0\5serv"));
is($c->bolt_answer->{status}, 9, 'a map that is cut short: a codec error');
$c->send(Calls::bolt(id => 24, raw_map => pack('N', 0xffffffff) . pack('N/a', 'v') . Calls::map(%hello)));
is($c->bolt_answer->{status}, 0, 'and the connection goes on; a null key is left out');

# Version 2, with and without a checksum.
$c = connected();
my @two = (service => 'com.example.Two:1.0', sofa_head_method_name => 'sayHi');
$c->send(Calls::bolt(version => 2, id => 5, map => [@two], content => 'v2'));
$r = $c->bolt_answer;
is("$r->{version} $r->{id} $r->{content}", '2 5 v2', 'version 2');
$c->send(Calls::bolt(version => 2, switch => 1, id => 6, map => [@two], content => 'v2'));
is($c->bolt_answer->{id}, 6, 'the switch without ver1 2 means no checksum');
$c->send(Calls::bolt(version => 2, id => 7, map => [service => 'com.example.Two', sofa_head_method_name => 'other']));
$r = $c->bolt_answer;
is("$r->{version} $r->{status}", '2 6', 'errors are of its version');
$c->send(Calls::bolt(version => 2, ver1 => 2, switch => 1, id => 8, map => [@two], content => 'sum', sum => 0));
$r = $c->bolt_answer;
is("$r->{id} $r->{status}", '8 9', 'a wrong checksum');
ok($c->is_closed, 'ends the connection');

for my $case (
    ['an unknown type', pack('C*', 1, 7, 0)],
    ['an unknown command', Calls::bolt(command => 77)],
    ['an unknown ver1', pack('C*', 2, 3)],
    ['the wrong first byte', Calls::bolt(map => [%hello]) . 'x' x 30],
    ['a giant', Calls::bolt(announce => 1 << 30)],
    ['all lengths at their most', pack('CCnCNCNnnN', 1, 1, 1, 1, 1, 1, 0, 65535, 65535, 0xffffffff)])
{
    $c = connected();
    $c->send($case->[1]);
    ok($c->is_closed, "$case->[0] ends the connection");
}
$c = connected();
$c->send(substr $frame, 0, 30);
ok($c->is_closed, 'so does a frame that does not come to its end');

# A host that cuts the connection under a call that it has taken.
for my $case (['Again', '0 0 0'], ['Once', qr/^(?:0 16|16 0) /]) {
    $c = connected();
    $c->send(join '', map { Calls::bolt(id => $_, map => [service => "com.example.$case->[0]"], content => 'c') } 1 .. 2);
    my $h = Calls->accept($cutting);
    $h->bolt_request;
    $h->close;
    my @status = map { $_->{status} } sort { $a->{id} <=> $b->{id} } map { $c->bolt_answer } 1 .. 2;
    $case->[0] eq 'Again' ? is("@status 0", $case->[1], 'sent again, where that is asked for') : like("@status ", $case->[1], 'else it has failed');
}

# A client that reads nothing: it is cut, nobody else waits for it.
my $edge = Calls->listen($mosn->port(4));
$c = connected($mosn->port(3));
my $deaf = connected($mosn->port(3));
$deaf->send(join '', map { Calls::bolt(id => $_, map => [%hello]) } 1 .. 300);
my $tap = Calls->accept($edge);
$tap->send(Calls::bolt_response(id => $tap->bolt_request->{id}, content => 'z' x 90000)) for 1 .. 300;
$c->send(Calls::bolt(id => 5, map => [%hello]));
$r = $tap->bolt_request;
$tap->send(Calls::bolt_response(id => $r->{id}, content => 'yours'));
is($c->bolt_answer->{content}, 'yours', 'one that does not read is no burden for others');
ok(Mosn::wait_for(sub { Mosn::slurp("$mosn->{dir}/seen.log") =~ /send_timeout/ }), 'and is cut');
$tap->close;
close $edge;

# --- Dubbo ---------------------------------------------------------------------

$c = connected();
my $call = Calls::dubbo(id => 9, service => 'com.example.Dubbo', version => '1.0.0', method => 'm', argument => 'world', attachments => [group => 'g1']);
$c->send($call);
$r = $c->dubbo_answer;
is("$r->{id} $r->{status}", '9 20', 'Dubbo');
is($r->{body}, substr($call, 16), 'the body is what was sent');
$c->send(Calls::dubbo(id => 1 << 40, service => 'com.example.Dubbo', version => '2.0.0', method => 'm', argument => 'w' x 3000, attachments => [path => 'x', group => 'g1']));
$r = $c->dubbo_answer;
is("$r->{id} $r->{status}", (1 << 40) . ' 20', 'a route by group, behind the arguments');
$c->send(Calls::dubbo(id => 2, service => 'com.example.Dubbo', version => '2.0.0', method => 'm', argument => 'w', attachments => [group => 'g2']));
$r = $c->dubbo_answer;
is("$r->{id} $r->{status}", '2 60', 'no route');
like($r->{body}, qr/no route matches/, 'in words');
$c->send(pack('nCCQ>N', 0xdabb, 0xe2, 0, 77, 1) . 'N');
$r = $c->dubbo_answer;
is("$r->{flags} $r->{id} $r->{status} $r->{body}", '34 77 20 N', 'a heartbeat');
$c->send(pack('nCCQ>N', 0xdabb, 0xa2, 0, 78, 2) . "\1R" . pack('nCCQ>N', 0xdabb, 0xe2, 0, 79, 1) . 'N');
is($c->dubbo_answer->{id}, 79, 'a read-only notice is not answered');
$c->send(pack('nCCQ>N', 0xdabb, 0xc2, 0, 80, 3) . "\x43\x02\x99");
is($c->dubbo_answer->{status}, 40, 'a body that is no call: a bad request');
$c->send(pack('nCCQ>N', 0xdabb, 0xc2, 0, 81, 0xffffffff));
is($c->dubbo_answer->{status}, 40, 'a giant is refused');
ok($c->is_closed, 'and ends the connection');

# --- headers that are changed -------------------------------------------------------

my $origin = Calls->listen($mosn->port(4));
$c = connected($mosn->port(3));
$c->send(Calls::bolt(id => 70, map => [%hello, Key => 'as it is'], content => 'z'));
my $up = Calls->accept($origin);
$r = $up->bolt_request;
is($r->{whole}, Calls::bolt(id => $r->{id}, map => [%hello, Key => 'as it is'], content => 'z'), 'what is not changed is passed on as it came, but for the id');
$up->send(Calls::bolt_response(id => $r->{id} + 1, content => 'stray') . Calls::bolt_response(id => $r->{id}, content => 'right'));
$r = $c->bolt_answer;
is("$r->{id} $r->{content}", '70 right', 'an answer to nothing is dropped');
$c->send(Calls::bolt(id => 71, map => [%hello]));
$r = $up->bolt_request;
$up->send("\1\0\0\2\1" . 'half');
$up->close;
$r = $c->bolt_answer;
is("$r->{id} $r->{status}", '71 16', 'a host that goes in the middle of its answer');

$c = connected($mosn->port(2));
$c->send(Calls::bolt(id => 72, map => [%hello, tag => 'x'], content => 'e'));
is($c->bolt_answer->{content}, 'e', 'a filter changes headers');
$c->send(Calls::bolt(id => 73, map => [service => 'com.example.Hello', long => 'l' x 32740], content => 'e'));
is($c->bolt_answer->{status}, 3, 'a map that grows too long is an error, not a broken frame');

my $seen;
Mosn::wait_for(sub { $seen = Mosn::slurp("$mosn->{dir}/access.log"); $seen =~ /gray-1/ && $seen =~ /no_route/ });
like($seen, qr{^bolt /com\.example\.Hello/hi 200 - -$}m, 'the log names service and method');
like($seen, qr{^bolt // 200 - gray-1$}m, 'and headers');
like($seen, qr{^bolt /no\.such/ 404 no_route -$}m, 'and reasons');

$mosn->finish;
done_testing;
