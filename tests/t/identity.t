# identity.t - who a client is, and for whom a connection is: certificates of
# clients in headers, logs and routes; 421; limits of handshakes; sessions
# with hosts.

use strict;
use warnings;
use Test::More;
use Mosn;

my $dir = Mosn::certificates('a.test', 'other.test', 'o.test');
# Two clients: one of a mesh with a URI, and one with an awkward subject.
my $client = sub { my ($file, $subject, $san) = @_;
    open my $f, '>', "$dir/ext" or die; print $f "subjectAltName=$san\n"; close $f;
    system(qq(cd $dir && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $file.key -out $file.csr -subj '$subject' >/dev/null 2>&1)
        . qq( && openssl x509 -req -in $file.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out $file.pem >/dev/null 2>&1)) == 0 or die;
};
$client->('mesh', '/O=Shop/CN=cart', 'URI:spiffe://mesh/ns/shop/sa/cart,DNS:cart.shop');
$client->('odd', '/CN=a"b;c', 'DNS:odd.test');
my $sum = `openssl x509 -in $dir/mesh.pem -noout -fingerprint -sha256`; $sum =~ s/.*=|[:\s]//g; $sum = lc $sum;

my $origin = Mosn::origin(sub { my $r = shift; return Mosn::ok_response(join '|', @{ $r->{h}{'x-forwarded-client-cert'} // ['none'] }) });
my ($s_server) = Mosn::background('openssl', 's_server', '-accept', (my $secure = Mosn::free_port()), '-cert', "$dir/o.test.pem", '-key', "$dir/o.test.key", '-www', '-quiet');
my $tls = sub { qq(tls = { certificates = ( { certificate = "$dir/a.test.pem"; private_key = "$dir/a.test.key"; } ); alpn = ["h2", "http/1.1"]; $_[0] };) };
my $ask = qq(client_ca = "$dir/ca.pem"; verify_client = "request";);
my $mosn = Mosn->start(<<"E", workers => 1);
listeners = (
  { name = "set"; address = "127.0.0.1:%%PORT1%%"; @{[ $tls->($ask) ]} filters = ( { type = "proxy"; routes = "r"; forwarded_client_cert = "set";
    access_log = ( { path = "%%DIR%%/access.log"; format = "%tls_version% %tls_cipher% %tls_server_name% [%client_cert_subject%] %client_cert_name% %client_cert_sha256%"; } ); } ); },
  { name = "append"; address = "127.0.0.1:%%PORT2%%"; @{[ $tls->($ask) ]} filters = ( { type = "proxy"; routes = "r"; forwarded_client_cert = "append"; } ); },
  { name = "drop"; address = "127.0.0.1:%%PORT3%%"; @{[ $tls->($ask) ]} filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "any"; address = "127.0.0.1:%%PORT4%%"; @{[ $tls->('') ]} filters = ( { type = "proxy"; routes = "r"; match_server_name = false; } ); },
  { name = "few"; address = "127.0.0.1:%%PORT5%%"; @{[ $tls->('max_handshakes = 2;') ]} filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "slow"; address = "127.0.0.1:%%PORT6%%"; @{[ $tls->('max_handshake_rate = 3;') ]} filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "up"; address = "127.0.0.1:%%PORT7%%"; filters = ( { type = "proxy"; routes = "up"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { path = "/mine"; client_names = ["spiffe://mesh/ns/shop/*"]; }; respond = { body = "for the shop"; }; },
    { match = { path = "/mine"; client_names = ["odd.test"]; }; respond = { body = "for the odd"; }; },
    { match = { path = "/mine"; }; respond = { status = 403; body = "for nobody else"; }; },
    { match = { path = "/own"; }; respond = { body = "own"; }; },
    { route = { cluster = "c"; }; } ); } ); },
  { name = "up"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "s"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$origin->{port}"; } ); },
  { name = "s"; max_requests_per_connection = 1; hosts = ( { address = "127.0.0.1:$secure"; } ); tls = { sni = "o.test"; trusted_ca = "$dir/ca.pem"; }; } );
E

sub ask {
    my ($i, $as, $path, @args) = @_;
    my $port = $mosn->port($i);
    my $cert = $as ? "--cert $dir/$as.pem --key $dir/$as.key" : '';
    my $out = `curl -s --max-time 5 --cacert $dir/ca.pem --resolve a.test:$port:127.0.0.1 $cert @args https://a.test:$port$path`;
    return $out;
}
my $mesh = qq(Hash=$sum;Subject="CN=cart,O=Shop";URI=spiffe://mesh/ns/shop/sa/cart;DNS=cart.shop);
is(ask(1, 'mesh', '/'), $mesh, 'the header says who it is');
is(ask(1, 'mesh', '/', "-H 'X-Forwarded-Client-Cert: forged'"), $mesh, 'and nothing that was forged');
is(ask(1, '', '/', "-H 'X-Forwarded-Client-Cert: forged'"), 'none', 'nor when there is no certificate');
is(ask(2, 'mesh', '/', "-H 'X-Forwarded-Client-Cert: Hash=1'"), "Hash=1,$mesh", 'behind a proxy it grows');
is(ask(2, '', '/', "-H 'X-Forwarded-Client-Cert: Hash=1'"), 'none', 'but not for who shows no certificate');
is(ask(3, 'mesh', '/', "-H 'X-Forwarded-Client-Cert: forged'"), 'none', 'it is dropped if nothing else is said');
like(ask(1, 'odd', '/'), qr/^Hash=[0-9a-f]{64};Subject="CN=a(\\\\|\\)+"b(\\\\|\\)*;c";DNS=odd\.test$/, 'an odd subject breaks nothing');
is(ask(1, 'mesh', '/mine'), 'for the shop', 'a route by name');
is(ask(1, 'odd', '/mine'), 'for the odd', 'another one');
is(ask(1, '', '/mine'), 'for nobody else', 'and the rest');
ok(Mosn::wait_for(sub { Mosn::slurp("$mosn->{dir}/access.log") =~ /^TLSv1\.3 TLS_\S+ a\.test \[CN=cart,O=Shop\] spiffe:\/\/mesh\/ns\/shop\/sa\/cart $sum$/m }), 'the access log')
    or diag(Mosn::slurp("$mosn->{dir}/access.log"));

# For whom is a connection?
for my $version ('--http1.1', '--http2') {
    my $code = "-o /dev/null -w '%{http_code}'";
    is(ask(3, '', '/own', $version, $code), '200', "$version: the name that was asked for");
    is(ask(3, '', '/own', $version, $code, '-H "Host: x.a.test:99"'), '200', 'one of the certificate');
    is(ask(3, '', '/own', $version, $code, '-H "Host: A.Test."'), '200', 'in any case, with the dot');
    is(ask(3, '', '/own', $version, $code, '-H "Host: other.test"'), '421', 'another one is misdirected');
    is(ask(4, '', '/own', $version, $code, '-H "Host: other.test"'), '200', 'unless that is allowed');
}

# Limits.
my @idle = map { Mosn::connect_to($mosn->port(5)) } 1 .. 2;
ok(Mosn::wait_for(sub { ask(5, '', '/own') ne 'own' }), 'two handshakes at a time, and no third');
close $_ for @idle;
ok(Mosn::wait_for(sub { ask(5, '', '/own') eq 'own' }), 'one is free again');
my @codes = map { ask(6, '', '/own') } 1 .. 12;
cmp_ok(scalar(grep { $_ eq 'own' } @codes), '>=', 3, 'three in a second');
cmp_ok(scalar(grep { $_ ne 'own' } @codes), '>=', 1, 'and no more');
like($mosn->output, qr/\[warn\].*listener "slow": too many TLS handshakes, closing/, 'which is told');

# Sessions with hosts.
my @kinds = map { `curl -s --max-time 5 http://127.0.0.1:@{[ $mosn->port(7) ]}/` =~ /^(New|Reused), TLS/m ? $1 : '?' } 1 .. 4;
is("@kinds", 'New Reused Reused Reused', 'a host is met with the session of the last time');
$mosn->finish;
done_testing();
