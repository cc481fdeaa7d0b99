# An answer that is there before its request is: the connection goes on, as
# the answer says, or the answer says that it does not.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(time sleep);
my $early = Mosn::server(sub {
    my ($s) = @_;
    my $path = '';
    while (<$s>) { $path = $1 if m{^\w+ (\S+)}; last if $_ eq "\r\n" }
    print $s $path eq '/stalls' ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly";
    sleep 30;
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; body_timeout = "2s"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { prefix = "/own"; }; respond = { body = "own"; }; }, { match = { path = "/no"; }; respond = { status = 403; body = "no"; }; },
  { route = { cluster = "c"; timeout = "0s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$early->port]}"; } ); } );
E
sub post { my ($path, $headers) = @_; return "POST $path HTTP/1.1\r\nHost: a\r\n$headers\r\n" }
my $next = "GET /own/next HTTP/1.1\r\nHost: a\r\n\r\n";

for my $case (['of mosn', '/own'], ['of a host', '/host']) {
    my ($whose, $path) = @$case;
    for my $pieces ([[post($path, "Content-Length: 10\r\n") . '0123456789' . $next], 'in one packet'], [[post($path, "Content-Length: 10\r\n"), '01234', '56789', $next], 'in four']) {
        my $s = Mosn::connect_to($mosn->port(1));
        my $reader = Mosn::Reader->new($s);
        my ($first, @rest) = @{ $pieces->[0] };
        print $s $first;
        my $r = $reader->message(0);
        is($r->{status}, 200, "an early answer $whose, the request $pieces->[1]");
        unlike($r->{head}, qr/^connection: close/mi, 'says that the connection goes on');
        for (@rest) { print $s $_; sleep 0.05 }
        is($reader->message(0)->{body}, 'own', 'which it does');
    }
}
for my $case (['much is to come', '/own', 'Content-Length: 1000000'], ['nobody knows how much', '/own', 'Transfer-Encoding: chunked'],
    ['nobody knows whether it comes', '/own', "Expect: 100-continue\r\nContent-Length: 10"], ['it is refused', '/no', 'Content-Length: 10']) {
    my ($why, $path, $headers) = @$case;
    my ($got, $how) = Mosn::raw($mosn->port(1), post($path, "$headers\r\n"), seconds => 5);
    like($got, qr/^connection: close\r$/mi, "$why: the answer says that the connection ends");
    is($how, 'closed', 'and it does');
}

# What is left does not come.
my $began = time;
my ($got, $how) = Mosn::raw($mosn->port(1), post('/own', "Content-Length: 10\r\n") . '01', seconds => 8);
is($how, 'closed', 'what is left of the request is waited for');
cmp_ok(time - $began, '>', 1, 'a while');
for my $expect ('', "Expect: 100-continue\r\n") {
    ($got, $how) = Mosn::raw($mosn->port(1), post('/stalls', "${expect}Content-Length: 5\r\n"), seconds => 8);
    like($got, qr/abc/, "an answer that has begun" . ($expect && ', to one who asked'));
    is($how, 'closed', 'no more, when the request does not come');
}
$mosn->finish; done_testing();
