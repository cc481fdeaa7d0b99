# What is refused before routes are looked at: explain says so.
use strict; use warnings; use Test::More; use Mosn;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "all"; }; } ); } ); } );
E
my ($st) = Mosn::raw($mosn->port(1), "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", seconds => 2) =~ /^HTTP\/1.1 (\d+)/;
like(($mosn->ctl('explain', '@l', 'CONNECT', 'h:443'))[0], qr/^action .*\b$st\b/m, "CONNECT: $st");

# What no request is: explain says what is answered.
sub served { my ($method, $target, @headers) = @_; return Mosn::raw($mosn->port(1), join("\r\n", "$method $target HTTP/1.1", 'Host: a', 'Connection: close', @headers, '', ''), seconds => 2) =~ /^HTTP\/1.1 (\d+)/ ? $1 : 'nothing' }
for my $case (['GET', "/\xc3\xa9"], ['GET', '/p%00'], ['GET', '/p%2'], ['GET', '/a b'], ['get', '/'], ['BREW', '/'], ['GET', '/', 'X y: 1'],
    ['GET', '/', 'Content-Length: x'], ['GET', '/', 'Transfer-Encoding: gzip'], ['OPTIONS', '*'], ['PUT', '/'], ['GET', '/?a=%00']) {
    my ($method, $target, @headers) = @$case;
    my $status = served(@$case);
    like(($mosn->ctl('explain', '@l', $method, $target, 'Host: a', @headers))[0], qr/^action +answer $status\b/m, substr("$method $target @headers", 0, 30) . ": $status");
}
like(($mosn->ctl('explain', '@l', 'GET', '/', 'Host: a a'))[0], qr/^action +answer 400/m, 'no name of a host');
$mosn->finish; done_testing();
