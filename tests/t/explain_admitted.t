# What is let in, and who gets copies: explain says what is served.
use strict; use warnings; use Test::More; use Mosn;
my $dir = Mosn::certificates('a.test', 'b.test');
my $origin = Mosn::origin(sub { Mosn::ok_response('x') });
my $pairs = join ', ', map { qq({ certificate = "$dir/$_.pem"; private_key = "$dir/$_.key"; }) } 'a.test', 'b.test';
my $at = '127.0.0.1:' . $origin->port;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = (
  { name = "tls"; address = "127.0.0.1:%%PORT1%%"; tls = { alpn = ["h2", "http/1.1"]; certificates = ( $pairs ); }; filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "any"; address = "127.0.0.1:%%PORT2%%"; tls = { certificates = ( $pairs ); }; filters = ( { type = "proxy"; match_server_name = false; routes = "r"; } ); },
  { name = "plain"; address = "127.0.0.1:%%PORT3%%"; filters = ( { type = "proxy"; max_body_bytes = "10"; upgrades = []; allow_connect = true; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { headers = ( { name = "upgrade"; exact = "websocket"; } ); }; respond = { status = 501; }; },
  { match = { headers = ( { name = "x-env"; exact = "gray"; } ); }; respond = { status = 205; }; },
  { match = { path = "/sni"; variables = ( { name = "tls_server_name"; exact = "b.test"; } ); }; respond = { status = 201; }; },
  { match = { path = "/h2"; variables = ( { name = "protocol"; exact = "HTTP/2.0"; } ); }; respond = { status = 202; }; },
  { match = { path = "/denied"; }; respond = { status = 403; }; },
  { match = { path_prefix = "/copied"; }; route = { cluster = "c"; mirror = ( { cluster = "d"; }, { cluster = "d"; percent = 12.5; }, { cluster = "b"; } ); }; },
  { respond = { body = "ok"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "$at"; } ); }, { name = "d"; hosts = ( { address = "$at"; } ); },
  { name = "b"; protocol = "bolt"; hosts = ( { address = "$at"; } ); } );
E
sub explained { my ($text) = $mosn->ctl('explain', @_); return $text =~ /^action +(?:answer )?(\d+)/m ? $1 : $text }
for my $case (['a.test', 'a.test'], ['a.test', 'b.test'], ['b.test', 'x.b.test'], ['b.test', 'x.a.test:443'], ['c.test', 'c.test'],
    ['c.test', 'a.test'], ['c.test', 'b.test'], ['', 'b.test'], ['a.test', 'A.Test.'], ['a.test', '[::1]']) {
    my ($sni, $host) = @$case;
    for my $listener (['tls', 1], ['any', 2]) {
        my $served = Mosn::s_client($mosn->port($listener->[1]), $sni ? "-quiet -servername $sni" : '-quiet -noservername', in => "GET / HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n");
        my ($status) = $served =~ m{HTTP/1.1 (\d+)};
        is(explained("\@$listener->[0]", 'GET', '/', "Host: $host", $sni ? "sni=$sni" : ()), $status, "$listener->[0]: the name $sni, the host $host: $status");
    }
}
for my $case (['Content-Length: 10'], ['Content-Length: 11'], ['Connection: upgrade', 'Upgrade: websocket'],
    ['Connection: upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13']) {
    my ($status) = Mosn::raw($mosn->port(3), join("\r\n", 'GET / HTTP/1.1', 'Host: a', @$case, 'Connection: close', '', '0123456789a'), seconds => 2) =~ m{^HTTP/1.1 (\d+)};
    is(explained('@plain', 'GET', '/', 'Host: a', @$case), $status, join(', ', @$case) . ": $status");
}
# What routes see: nothing of the hop, what the connection knows.
sub plain { my ($head, @more) = @_; return Mosn::raw($mosn->port(3), join("\r\n", "$head HTTP/1.1", 'Host: a:1', @more, '', ''), seconds => 2) =~ m{^HTTP/1.1 (\d+)} ? $1 : 'none' }
for my $case (['GET /', 'Connection: close, upgrade', 'Upgrade: websocket'], ['GET /', 'Connection: close', 'x-env: gray'], ['GET /', 'Connection: close, x-env', 'x-env: gray'],
    ['CONNECT a:1', 'Connection: close'], ['POST /denied', 'Connection: close', 'Content-Length: 0', 'Content-Type: application/grpc']) {
    my ($head, @more) = @$case;
    my $status = plain($head, @more);
    is(explained('@plain', split(/ /, $head), 'Host: a:1', @more), $status, join(', ', @$case) . ": $status") if $head !~ /denied/;
    like(($mosn->ctl('explain', '@plain', split(/ /, $head), @more))[0], qr/^grpc +the client gets $status/m, 'gRPC') if $head =~ /denied/;
}
like(Mosn::s_client($mosn->port(1), '-quiet -servername b.test', in => "GET /sni HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n"), qr{HTTP/1.1 201}, 'a variable of TLS');
is(explained('@tls', 'GET', 'https://b.test/sni'), 201, 'is known');
is(explained('@tls', 'GET', 'https://a.test/sni'), 200, 'also when it is another');
like(`curl -sk --http2 --resolve a.test:@{[$mosn->port(1)]}:127.0.0.1 https://a.test:@{[$mosn->port(1)]}/h2 -o /dev/null -w '%{http_code}'`, qr/202/, 'the protocol');
is(explained('@tls', 'GET', 'https://a.test/h2', 'alpn=h2,http/1.1'), 202, 'is known');
my ($text) = $mosn->ctl('explain', '@plain', 'GET', '/copied');
is(join('', $text =~ /^(mirror .*\n)/mg), "mirror     d, 100 %\nmirror     d, 12.5 %\nmirror     b, no: of tunnels, or into another protocol\n", 'who gets copies');
$mosn->finish; done_testing();
