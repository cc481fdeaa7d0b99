# Trailers of an HTTP/2 request that HTTP/1 must not send (RFC 9110, 6.5.1).
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { my $r = shift; Mosn::ok_response($r->{trailers} // '') });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E
my $file = Mosn::new_dir() . '/b'; system "echo hello > $file";
my $url = "http://127.0.0.1:" . $mosn->port(1) . "/x";
my $h1 = Mosn::raw($mosn->port(1), "POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-sum: 1\r\nContent-Length: 5\r\nHost: evil\r\nAuthorization: x\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n", seconds => 3);
diag("over HTTP/1: $h1");
my $out = `timeout 10 nghttp --no-content-length -d $file --trailer 'x-sum: 1' --trailer 'authorization: x' --trailer 'x-forwarded-for: 9.9.9.9' --trailer 'content-type: text/evil' --trailer 'set-cookie: a=b' $url </dev/null 2>&1`;
diag($out);
diag(join '', map { s/\0//r } $o->requests);
my ($last) = ($o->requests)[-1];
like($last, qr/x-sum: 1/, 'a trailer passes');
unlike($last, qr/\n0\r\n.*^(authorization|x-forwarded-for|content-type):/msi, 'what frames, routes or authorizes does not');
$mosn->finish; done_testing();
