# A client that waits for 100 (Continue) before its body, and a host that
# speaks no HTTP: nobody but mosn can say it (RFC 9110, 10.1.1).
use strict; use warnings; use Test::More; use Mosn; use Calls; use IO::Select;
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; body_timeout = "2s"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "bolt"; }; } ); } ); } );
clusters = ( { name = "bolt"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:%%PORT6%%"; } ); } );
E
my $host = Calls->listen($mosn->port(6));
my $head = "POST /com.example.Hello:1.0/hi HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n";
my $s = Mosn::connect_to($mosn->port(1)); syswrite $s, "$head\r\nhello";
my $up = Calls->accept($host); my $r = $up->bolt_request; is($r->{content}, 'hello', 'without Expect it is a call');
$up->send(Calls::bolt_response(id => $r->{id}, content => 'fine')); my $b = ''; sysread $s, $b, 1000; like($b, qr/^HTTP\/1.1 200/, 'and is answered');
$s = Mosn::connect_to($mosn->port(1)); syswrite $s, "${head}Expect: 100-continue\r\n\r\n";
$b = ''; sysread $s, $b, 1000 if IO::Select->new($s)->can_read(5);
like($b, qr/^HTTP\/1.1 100/, 'the client is asked for its body') or diag($b);
$mosn->finish; done_testing();
