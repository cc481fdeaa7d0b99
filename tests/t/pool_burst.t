# Who comes when no connection is there yet, more than the first one may take,
# gets others: nobody waits behind a slow one.
use strict; use warnings; use Test::More; use Mosn; use Calls; use Time::HiRes qw(time);
my $bolt = Mosn::server(sub { my ($s) = @_; my $c = Calls->new($s);
    while (my $r = eval { $c->bolt_request }) { $c->send(Calls::bolt_response(id => $r->{id}, content => 'ok')) if $r->{content} ne 'hang' } });
my $inner = Mosn::origin(sub { my $r = shift; Mosn::wait_for(sub { 0 }, 10) if $r->{head} =~ /hang/; Mosn::ok_response('ok') });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "host"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "host"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { service = "s"; }; route = { cluster = "calls"; }; }, { route = { cluster = "h2"; timeout = "10s"; }; } ); } ); },
  { name = "host"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "origin"; }; } ); } ); } );
clusters = ( { name = "calls"; protocol = "bolt"; rpc = { max_in_flight = 1; }; hosts = ( { address = "127.0.0.1:$bolt->{port}"; } ); },
  { name = "h2"; protocol = "http2"; http2 = { max_concurrent_streams = 1; }; hosts = ( { address = "127.0.0.1:%%PORT2%%"; } ); },
  { name = "origin"; hosts = ( { address = "127.0.0.1:$inner->{port}"; } ); } );
E
my $c = Calls->connect($mosn->port(1));
my $since = time;
$c->send(join '', map { Calls::bolt(id => $_->[0], map => [service => 's:1.0'], content => $_->[1], timeout => 9000) } [1, 'hang'], [2, 'quick'], [3, 'quick']);
is(join(' ', sort map { my $r = eval { $c->bolt_answer } // {}; $r->{content} ? "$r->{id} $r->{content}" : 'none' } 1 .. 2), '2 ok 3 ok', 'calls beside one that hangs');
cmp_ok(time - $since, '<', 5, 'at once');
my @slow = map { my $s = Mosn::connect_to($mosn->port(1)); print $s "GET /hang HTTP/1.1\r\nHost: a\r\n\r\n"; $s } 1;
my @quick = map { my $s = Mosn::connect_to($mosn->port(1)); print $s "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"; $s } 1 .. 2;
$since = time;
is(join(' ', map { my $got = do { local $/; readline $_ }; $got =~ /^HTTP\/1.1 (\d+)/ ? $1 : 'none' } @quick), '200 200', 'requests of HTTP/2 the same');
cmp_ok(time - $since, '<', 5, 'at once');
close $_ for @slow; $c->close;
$mosn->finish; done_testing();
