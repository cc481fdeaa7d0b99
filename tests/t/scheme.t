# scheme "keep": a redirect of a request that came over TLS stays https.
use strict; use warnings; use Test::More; use Mosn;
my $dir = Mosn::certificates('a.test');
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "s"; address = "127.0.0.1:%%PORT1%%";
    tls = { certificates = ( { certificate = "$dir/a.test.pem"; private_key = "$dir/a.test.key"; } ); alpn = ["h2", "http/1.1"]; };
    filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { path = "/scheme"; headers = ( { name = ":scheme"; exact = "https"; } ); }; respond = { body = "https"; }; },
  { match = { path = "/host"; }; redirect = { host = "b.test"; }; }, { match = { path = "/port"; }; redirect = { port = 8443; }; }, { respond = { body = "other"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:1"; } ); } );
E
my $p = $mosn->port(1);
for my $v ('--http1.1', '--http2') {
  my $c = "timeout 10 curl -s $v --cacert $dir/ca.pem --resolve a.test:$p:127.0.0.1";
  is(`$c https://a.test:$p/scheme </dev/null`, 'https', "$v: :scheme");
  like(`$c -i https://a.test:$p/host </dev/null`, qr{^location: https://b.test/host\r}mi, "$v: another host, the same scheme");
  like(`$c -i https://a.test:$p/port </dev/null`, qr{^location: https://a.test:8443/port\r}mi, "$v: another port, the same scheme");
}
$mosn->finish; done_testing();
