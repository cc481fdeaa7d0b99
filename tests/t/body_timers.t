# body_timeout is for a body of which nothing comes, too; and neither
# idle_timeout nor header_timeout is.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { my $r = shift; Mosn::ok_response("fine " . length $r->{body}) });
my $mosn = Mosn->start(<<"E");
drain_timeout = "1s";
listeners = ( { name = "short"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; body_timeout = "1s"; idle_timeout = "10s"; } ); },
 { name = "idle"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "r"; body_timeout = "10s"; idle_timeout = "500ms"; } ); },
 { name = "head"; address = "127.0.0.1:%%PORT3%%"; filters = ( { type = "proxy"; routes = "r"; body_timeout = "10s"; header_timeout = "1s"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E
my @head = ("POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Le", "ngth: 5\r\n\r\n");
like(scalar Mosn::raw($mosn->port(1), join('', @head) . "he", seconds => 4), qr/^HTTP\/1.1 408/, 'a body that stops');
like(scalar Mosn::raw($mosn->port(1), join('', @head), seconds => 4), qr/^HTTP\/1.1 408/, 'a body that does not begin');
my $s = Mosn::connect_to($mosn->port(2)); syswrite $s, join '', @head; Mosn::sleep(1); syswrite $s, "hello";
like(scalar Mosn::raw($s, '', seconds => 4), qr/fine 5$/, 'idle_timeout is not for bodies');
$s = Mosn::connect_to($mosn->port(3)); syswrite $s, $head[0]; Mosn::sleep(0.2); syswrite $s, $head[1]; Mosn::sleep(1.5); syswrite $s, "hello";
like(scalar Mosn::raw($s, '', seconds => 4), qr/fine 5$/, 'header_timeout is not for bodies');

# The client falls silent while its body is held back (here by a filter; a slow
# host does the same): when it may go on, body_timeout runs again.
$o = Mosn::origin(sub { my $r = shift; Mosn::ok_response("fine " . length $r->{body}) });
my $held = Mosn->start(<<"E");
drain_timeout = "1s";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; body_timeout = "500ms"; idle_timeout = "2s";
  stream_filters = ( { type = "delay"; delay = "1s"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; timeout = "1s"; idle_timeout = "1s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E
$s = Mosn::connect_to($held->port(1));
syswrite $s, "POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n" . 'x' x 60000;
Mosn::sleep(0.2); syswrite $s, 'y' x 10000;
my ($text, $end) = Mosn::raw($s, '', seconds => 8);
like($text, qr/^HTTP\/1.1 408/, 'it is not waited for for ever') or diag($end);
$_->finish for $mosn, $held;
done_testing();
