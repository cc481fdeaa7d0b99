# calls_bounds.t - calls at the edges: who may be asked for what, half frames,
# hosts that read slowly, hedges, and whose fault a failure is.

use strict;
use warnings;
use Test::More;
use IO::Select;
use Time::HiRes qw(time);
use Mosn;
use Calls;

my $mosn = Mosn->start(<<'E');
listeners = (
  { name = "guarded"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "guarded"; } ); },
  { name = "hedged"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "hedged"; } ); },
  { name = "half"; address = "127.0.0.1:%%PORT3%%"; filters = ( { type = "proxy"; routes = "half"; } ); },
  { name = "slow"; address = "127.0.0.1:%%PORT4%%"; filters = ( { type = "proxy"; routes = "slow"; } ); },
  { name = "judged"; address = "127.0.0.1:%%PORT5%%"; filters = ( { type = "proxy"; routes = "judged"; } ); } );
routes = (
  { name = "guarded"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { method = "secret"; }; respond = { status = 403; }; },
    { match = { service = "com.secret"; }; respond = { status = 403; }; }, { route = { cluster = "one"; }; } ); } ); },
  { name = "hedged"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "two"; hedge = { delay = "50ms"; }; }; } ); } ); },
  { name = "half"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "half"; timeout = "200ms"; }; } ); } ); },
  { name = "slow"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "slow"; }; } ); } ); },
  { name = "judged"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "judged"; }; } ); } ); } );
clusters = (
  { name = "one"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:%%PORT11%%"; } ); },
  { name = "two"; protocol = "bolt"; lb = "round_robin"; retry_budget = { min_per_second = 100; };
    hosts = ( { address = "127.0.0.1:%%PORT12%%"; }, { address = "127.0.0.1:%%PORT13%%"; } ); },
  { name = "half"; protocol = "bolt"; rpc = { frame_timeout = "500ms"; }; hosts = ( { address = "127.0.0.1:%%PORT14%%"; } ); },
  { name = "slow"; protocol = "bolt"; rpc = { max_frame_bytes = "16m"; }; hosts = ( { address = "127.0.0.1:%%PORT15%%"; } ); },
  { name = "judged"; protocol = "bolt"; max_requests_per_connection = 1; rpc = { max_frame_bytes = "4k"; };
    outlier_detection = { consecutive_errors = 3; consecutive_local_errors = 3; max_ejection_percent = 100; };
    hosts = ( { address = "127.0.0.1:%%PORT16%%"; }, { address = "127.0.0.1:%%PORT17%%"; } ); } );
E
my %at = map { $_ => Calls->listen($mosn->port($_)) } 11 .. 17;
sub says { return Mosn::Reader->new($_[0])->message(0) }

# --- the host sees the method and the service that the route saw
is(Mosn::get($mosn->port(1), '/com.example.Hello/secret')->{status}, 403, 'that method is for nobody');
my $c = Mosn::connect_to($mosn->port(1));
print $c "GET /com.example.Hello/open HTTP/1.1\r\nHost: x\r\nSofa_Head_Method_Name: secret\r\nsofa_head_target_service: com.secret\r\nService: com.secret\r\n\r\n";
my $host = Calls->accept($at{11});
my $call = $host->bolt_request;
my @pairs = unpack '(N/a)*', $call->{map};
my @named = map { "$pairs[2 * $_] $pairs[2 * $_ + 1]" } grep { $pairs[2 * $_] =~ /^(service|sofa_head_.*)$/i } 0 .. $#pairs / 2;
is("@named", 'service com.example.Hello sofa_head_method_name open', 'fields of HTTP do not say it again');
$host->send(Calls::bolt_response(id => $call->{id}, content => 'ok'));
is(says($c)->{status}, 200, 'that one is answered');
for my $twice ([service => 'com.open', service => 'com.secret'], [service => 'com.open', sofa_head_method_name => 'open', sofa_head_method_name => 'secret']) {
    my $bolt = Calls->connect($mosn->port(1));
    $bolt->send(Calls::bolt(id => 1, map => $twice, content => 'x'));
    isnt($bolt->bolt_answer->{status}, 0, "a call that says it twice is what it says last: @$twice");
}

# --- a hedge wins
$c = Mosn::connect_to($mosn->port(2));
print $c "GET /com.example.Hello/hi HTTP/1.1\r\nHost: x\r\n\r\n";
my ($first) = IO::Select->new(@at{12, 13})->can_read(5);
my ($second) = grep { $_ != $first } @at{12, 13};
my $slow = Calls->accept($first);
ok($slow->bolt_request, 'the first host is asked');
my $quick = Calls->accept($second);
$call = $quick->bolt_request;
$quick->send(Calls::bolt_response(id => $call->{id}, map => [k => 'v'], content => 'hello'));
my $answer = says($c);
is("$answer->{status} $answer->{body}", '200 hello', 'the second one answers, with a body');

# --- half an answer: the connection ends in its time, whatever comes behind
my $client = Calls->connect($mosn->port(3));
my $ask = sub { $client->send(Calls::bolt(id => $_[0], timeout => 200, map => [service => 'a:1.0'], content => 'q')) };
$ask->(1);
$host = Calls->accept($at{14});
$call = $host->bolt_request;
$host->send(substr Calls::bolt_response(id => $call->{id}, content => 'x' x 100), 0, 60);
my ($begun, $ended) = (time);
for my $n (2 .. 25) {
    $client->bolt_answer;
    if (IO::Select->new($host->{socket})->can_read(0)) {
        my $got = sysread $host->{socket}, my $bytes, 65536;
        if (!$got) { $ended = time; last }
    }
    $ask->($n);
}
ok(defined $ended, 'a host that sends half a frame is left');
cmp_ok(($ended // time) - $begun, '<', 2.5, 'when frame_timeout is over');

# --- who takes calls slowly gets no more
$client = Calls->connect($mosn->port(4));
$client->send(Calls::bolt(id => 1, map => [service => 'a:1.0'], content => 'x' x 14_000_000));
my $stuck = Calls->accept($at{15});
$client->send(Calls::bolt(id => 2, map => [service => 'a:1.0'], content => 'small'));
my $free = Calls->accept($at{15});
$call = $free->bolt_request;
is($call && $call->{content}, 'small', 'the next call goes over another connection');
$free->send(Calls::bolt_response(id => $call->{id}, content => 'done'));
is($client->bolt_answer->{id}, 2, 'and is answered first');
$client->close;

# --- what a client does wrong is not the hosts' fault
is(join(' ', map { Mosn::get($mosn->port(5), '/nothing')->{status} } 1 .. 10), join(' ', (400) x 10), 'paths that are no calls');
is(join(' ', map { Mosn::get($mosn->port(5), '/a.B/c', method => 'POST', body => 'x' x 20000)->{status} } 1 .. 10), join(' ', (413) x 10), 'and bodies that are too large');
my $stats = $mosn->stats;
is("$stats->{'cluster.judged.ejections'} $stats->{'cluster.judged.resets'}", '0 0', 'eject no host');

$mosn->finish;
done_testing;
