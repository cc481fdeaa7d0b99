# What a rewrite makes must be a path: not empty, not another form of target.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { my $r = shift; my ($l) = $r->{head} =~ /^(.*)\r\n/; Mosn::ok_response($l) });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { prefix = "/strip"; }; route = { cluster = "c"; prefix_rewrite = ""; }; },
  { match = { path_prefix = "/seg"; }; route = { cluster = "c"; prefix_rewrite = ""; }; },
  { match = { prefix = "/a/"; }; route = { cluster = "c"; prefix_rewrite = ""; }; },
  { match = { prefix = "/"; }; route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:@{[$o->port]}"; } ); } );
E
for my $p ('/strip', '/strip?q=1', '/striphttp://evil.example/x', '/strip/x', '/seg', '/seg?q', '/a/x', '/a/http://evil.example/') {
    my $text = Mosn::raw($mosn->port(1), "GET $p HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", seconds => 3);
    my ($line) = $text =~ /\r\n\r\n(.*)/s; $line //= $text;
    like($line, qr{^GET /\S* HTTP/1\.1$}, "$p becomes a path") or diag($line);
}
$mosn->finish; done_testing();
