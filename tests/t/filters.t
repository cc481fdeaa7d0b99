# filters.t - stream filters and listener filters.

use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time);

my $origin = Mosn::origin(sub {
    my $r = shift;
    return Mosn::ok_response($r->{body} || 'ok', "X-Secret: 1\r\nX-Kept: 1\r\n");
});
my $trailing = Mosn::origin(sub {
    my $chunk = $_[0]{path} eq '/body' ? "5\r\nhello\r\n" : '';
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n${chunk}0\r\nX-Sum: 9\r\n\r\n";
});
my $mosn = Mosn->start(<<"E");
listeners = (
  { name = "limit"; address = "127.0.0.1:%%PORT1%%";
    filters = ( { type = "proxy"; routes = "r"; stream_filters = (
      { type = "payload_limit"; max_bytes = 10; } ); } ); },
  { name = "headers"; address = "127.0.0.1:%%PORT2%%";
    filters = ( { type = "proxy"; routes = "r"; stream_filters = (
      { type = "headers"; request_set = { X-Set = "new"; }; request_add = { X-Add = "two"; };
        request_remove = ["X-Gone"]; response_remove = ["x-secret"];
        response_set = { Server = "mosn"; }; } ); } ); },
  { name = "delay"; address = "127.0.0.1:%%PORT3%%";
    filters = ( { type = "proxy"; routes = "r"; stream_filters = (
      { type = "delay"; delay = "300ms"; }, { type = "payload_limit"; max_bytes = 100000; } ); } ); },
  { name = "late"; address = "127.0.0.1:%%PORT6%%";
    filters = ( { type = "proxy"; routes = "trailers"; stream_filters = (
      { type = "delay"; what = "response"; delay = "200ms"; } ); } ); },
  { name = "pp"; address = "127.0.0.1:%%PORT4%%"; listener_filter_timeout = "300ms";
    listener_filters = ( { type = "proxy_protocol"; trusted = ["127.0.0.0/8"]; } );
    filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "untrusted"; address = "127.0.0.1:%%PORT5%%";
    listener_filters = ( { type = "proxy_protocol"; trusted = ["10.0.0.0/8"]; } );
    filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "trailers"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "trailers"; }; } ); } ); }, { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "trailers"; hosts = ( { address = "127.0.0.1:@{[$trailing->port]}"; } ); }, { name = "c"; hosts = ( { address = "127.0.0.1:$origin->{port}"; } ); } );
E

is(Mosn::get($mosn->port(1), '/', method => 'POST', body => 'x' x 10)->{status}, 200, 'payload_limit: at the limit');
is(Mosn::get($mosn->port(1), '/', method => 'POST', body => 'x' x 11)->{status}, 413, 'payload_limit: over it');
like(Mosn::raw($mosn->port(1), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    . "8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n"), qr/^HTTP\/1\.1 413 /, 'payload_limit: chunked');

my $a = Mosn::get($mosn->port(2), '/', headers => ['X-Set: old', 'x-set: older', 'X-Add: one', 'X-Gone: 1', 'X-Stays: 1']);
my $seen = ($origin->requests)[-1];
is(() = $seen =~ /^X-Set: new\r$/mg, 1, 'headers: set');
unlike($seen, qr/old/, 'headers: in place of all that came');
like($seen, qr/^X-Add: one\r\n(.*\r\n)*X-Add: two\r$/m, 'headers: added');
unlike($seen, qr/X-Gone/, 'headers: removed');
like($seen, qr/^X-Stays: 1\r$/m, 'headers: the others stay');
ok(!$a->{h}{'x-secret'}, 'headers: removed from the response');
is($a->{h}{server}[0], 'mosn', 'headers: set in the response');
is($a->{h}{'x-kept'}[0], 1, 'headers: the others stay');

my $t = time;
$a = Mosn::get($mosn->port(3), '/', method => 'POST', body => 'y' x 90_000);
is($a->{body}, 'y' x 90_000, 'delay: the request is answered');
cmp_ok(time - $t, '>', 0.28, 'delay: after its time');
my $s = Mosn::connect_to($mosn->port(3));
print $s "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
setsockopt $s, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack 'ii', 1, 0;
close $s;
ok(Mosn::wait_for(sub { $mosn->stats->{'downstream.delay.requests_active'} == 0 }),
    'delay: a client that resets meanwhile leaves nothing behind');

for my $path ('/body', '/empty') {
    $t = time;
    $a = Mosn::get($mosn->port(6), $path, headers => ['TE: trailers']);
    is("$a->{status} $a->{body}", $path eq '/body' ? '200 hello' : '200 ', "delay: the response of $path");
    cmp_ok(time - $t, '>', 0.18, 'delay: after its time');
    like($a->{trailers}, qr/^X-Sum: 9\r$/mi, 'delay: with its trailers');
}

my $get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
like(Mosn::raw($mosn->port(4), "PROXY TCP4 203.0.113.9 127.0.0.1 1234 80\r\n$get"), qr/^HTTP\/1\.1 200/, 'proxy_protocol: version 1');
like(($origin->requests)[-1], qr/^X-Forwarded-For: 203\.0\.113\.9\r$/m, 'its address is the client');
like(Mosn::raw($mosn->port(4), "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x0a\x7f\0\0\1\x03\xe8\0P$get", pieces => 1),
    qr/^HTTP\/1\.1 200/, 'proxy_protocol: version 2, byte by byte');
like(($origin->requests)[-1], qr/^X-Forwarded-For: 203\.0\.113\.10\r$/m, 'its address too');
my ($got, $end) = Mosn::raw($mosn->port(4), $get, seconds => 3);
is($got, '', 'proxy_protocol: required');
isnt($end, 'open', 'closed without it');
($got, $end) = Mosn::raw($mosn->port(4), "PROXY ", seconds => 3);
is("$got$end", 'closed', 'closed when it does not come in time');
($got, $end) = Mosn::raw($mosn->port(5), "PROXY TCP4 203.0.113.9 127.0.0.1 1234 80\r\n$get", seconds => 3);
is($got, '', 'proxy_protocol: not from just anybody');

$mosn->finish;
done_testing();
