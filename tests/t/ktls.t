# ktls.t - the kernel encrypts what is sent, where it can; where it cannot, the
# same is seen and the log says why.  /proc/net/tls_stat tells which.

use strict;
use warnings;
use Test::More;
use Mosn;

my $dir = Mosn::certificates('a.test');
my $file = Mosn::new_dir() . '/big';
system "head -c 20000000 /dev/urandom > $file";
my $big = Mosn::slurp($file);
my $origin = Mosn::origin(sub {
    my ($request) = @_;
    my ($path) = $request->{head} =~ /^\S+ (\S+)/;
    return Mosn::ok_response($request->{body}) if $path eq '/echo';
    return Mosn::ok_response($path eq '/big' ? $big : "behind $path");
});
my $pair = qq(certificates = ( { certificate = "$dir/a.test.pem"; private_key = "$dir/a.test.key"; } ); ktls = true;);
my $mosn = Mosn->start(<<"E", workers => 2);
listeners = (
  { name = "edge"; address = "127.0.0.1:%%PORT1%%"; tls = { $pair alpn = ["h2", "http/1.1"]; };
    filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "tcp"; address = "127.0.0.1:%%PORT2%%"; tls = { $pair };
    filters = ( { type = "tcp_proxy"; cluster = "origin"; } ); },
  { name = "up"; address = "127.0.0.1:%%PORT3%%"; filters = ( { type = "proxy"; routes = "up"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "origin"; }; } ); } ); },
  { name = "up"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { prefix = "/h2"; }; route = { cluster = "h2"; host_rewrite = "a.test"; }; },
    { route = { cluster = "edge"; host_rewrite = "a.test"; }; } ); } ); } );
clusters = ( { name = "origin"; hosts = ( { address = "127.0.0.1:$origin->{port}"; } ); },
  { name = "edge"; hosts = ( { address = "127.0.0.1:%%PORT1%%"; } ); tls = { sni = "a.test"; trusted_ca = "$dir/ca.pem"; ktls = true; }; },
  { name = "h2"; protocol = "http2"; hosts = ( { address = "127.0.0.1:%%PORT1%%"; } );
    tls = { sni = "a.test"; trusted_ca = "$dir/ca.pem"; ktls = true; }; } );
E
my ($edge, $tcp, $up) = map { $mosn->port($_) } 1 .. 3;

# Connections that the kernel has encrypted for, of the whole machine; undef:
# it cannot.
sub by_kernel { return Mosn::slurp('/proc/net/tls_stat') =~ /^TlsTxSw\s+(\d+)/m ? $1 : undef }

sub curl {
    my ($port, $path, @more) = @_;
    return `curl -s --max-time 60 --cacert $dir/ca.pem --resolve a.test:$port:127.0.0.1 @more https://a.test:$port$path`;
}

my $can = -e '/proc/net/tls_stat';
for my $version ('1.2', '1.3') {
    my $before = by_kernel();
    my @over = ('--http1.1', "--tls-max $version");

    is(curl($edge, '/one', @over), 'behind /one', "TLS $version: a request");
    ok(curl($edge, '/big', @over) eq $big, "TLS $version: 20 MB down");
    ok(curl($edge, '/echo', @over, "-H Expect: --data-binary \@$file") eq $big, "TLS $version: there and back");
    ok(curl($edge, '/big', '--http2', "--tls-max $version") eq $big, "TLS $version: 20 MB of HTTP/2");
    ok(curl($tcp, '/big', @over) eq $big, "TLS $version: 20 MB through a tcp_proxy");
    is(by_kernel() // 'no', $can ? $before + 5 : 'no', "TLS $version: " . ($can ? 'by the kernel' : 'not by the kernel'));
}

# Towards hosts; both ends are ours here.
is(Mosn::get($up, '/up')->{body}, 'behind /up', 'to a host');
is(Mosn::get($up, '/h2')->{body}, 'behind /h2', 'to a host of HTTP/2');
ok(`curl -s --max-time 60 -H Expect: --data-binary \@$file http://127.0.0.1:$up/echo` eq $big, '20 MB to a host and back');

# The end is told, and a ticket is good for the next connection.
my $ask = "GET /s HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
for my $version ('tls1_2', 'tls1_3') {
    my $session = "$dir/$version";
    my $said = Mosn::s_client($edge, "-$version -servername a.test -CAfile $dir/ca.pem -sess_out $session", in => $ask);

    like($said, qr/behind \/s/, "$version: an answer");
    unlike($said, qr/unexpected eof|errno/, "$version: the end is told");
    my $again = Mosn::s_client($edge, "-$version -servername a.test -CAfile $dir/ca.pem -sess_in $session", in => $ask);
    like($again, qr/^Reused, /m, "$version: resumed");
    like($again, qr/behind \/s/, "$version: and answered");
}

# A client changes the keys: its own, and wants ours changed too.
for my $command ('k', 'K') {
    my $said = `{ sleep 0.3; echo $command; sleep 0.3; printf 'GET /key HTTP/1.1\\r\\nHost: a.test\\r\\n\\r\\n'; sleep 0.5; } |
        timeout 10 openssl s_client -connect 127.0.0.1:$edge -servername a.test -CAfile $dir/ca.pem 2>&1`;

    like($said, qr/KEYUPDATE/, "$command: keys are changed");
    like($said, qr/behind \/key/, "$command: and an answer comes");
}

like($mosn->output, qr/ktls: this kernel has no module "tls"/, 'the log says why') if !$can;
$mosn->finish;
done_testing;
