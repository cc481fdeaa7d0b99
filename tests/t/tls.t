# tls.t - TLS towards clients and hosts, seen with openssl and curl.

use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time sleep);

my $dir = Mosn::certificates('a.test', 'rsa:a.test', 'b.test', 'client.test');
my $echo = Mosn::server(sub {
    my ($s) = @_;
    while (sysread $s, my $piece, 65536) { syswrite $s, $piece or last }
});
my $nginx_like = Mosn::origin(sub { Mosn::ok_response("behind " . length($_[0]{body})) });

my $pairs = qq({ certificate = "$dir/a.test.pem"; private_key = "$dir/a.test.key"; },
  { certificate = "$dir/rsa-a.test.pem"; private_key = "$dir/rsa-a.test.key"; },
  { certificate = "$dir/b.test.pem"; private_key = "$dir/b.test.key"; });
my $conf = <<"E";
control_socket = "%%DIR%%/control.sock";
listeners = (
  { name = "edge"; address = "127.0.0.1:%%PORT1%%"; tls = { certificates = ( $pairs ); handshake_timeout = "300ms"; };
    filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "strict"; address = "127.0.0.1:%%PORT2%%";
    tls = { certificates = ( $pairs ); client_ca = "$dir/ca.pem"; verify_client = "require"; min_version = "1.3"; };
    filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "request"; address = "127.0.0.1:%%PORT3%%";
    tls = { certificates = ( $pairs ); client_ca = "$dir/ca.pem"; verify_client = "request"; max_version = "1.2"; };
    filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "tcp"; address = "127.0.0.1:%%PORT4%%"; tls = { certificates = ( $pairs ); };
    filters = ( { type = "tcp_proxy"; cluster = "echo"; } ); },
  { name = "up"; address = "127.0.0.1:%%PORT5%%"; filters = ( { type = "proxy"; routes = "up"; } ); },
  { name = "uptcp"; address = "127.0.0.1:%%PORT6%%"; filters = ( { type = "tcp_proxy"; cluster = "tlstcp"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "origin"; }; } ); } ); },
  { name = "up"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { prefix = "/good"; }; route = { cluster = "good"; host_rewrite = "x.b.test"; }; },
    { match = { prefix = "/mtls"; }; route = { cluster = "mtls"; host_rewrite = "a.test"; }; },
    { match = { prefix = "/anon"; }; route = { cluster = "anon"; host_rewrite = "a.test"; }; },
    { match = { prefix = "/name"; }; route = { cluster = "name"; host_rewrite = "a.test"; }; },
    { match = { prefix = "/ca"; }; route = { cluster = "ca"; host_rewrite = "a.test"; }; },
    { match = { prefix = "/off"; }; route = { cluster = "off"; }; } ); } ); } );
clusters = ( { name = "origin"; hosts = ( { address = "127.0.0.1:$nginx_like->{port}"; } ); },
  { name = "echo"; hosts = ( { address = "127.0.0.1:$echo->{port}"; } ); },
  { name = "tlstcp"; hosts = ( { address = "127.0.0.1:%%PORT4%%"; } ); tls = { sni = "a.test"; trusted_ca = "$dir/ca.pem"; }; },
  { name = "good"; hosts = ( { address = "127.0.0.1:%%PORT1%%"; } ); tls = { sni = "x.b.test"; trusted_ca = "$dir/ca.pem"; alpn = ["http/1.1"]; }; },
  { name = "mtls"; hosts = ( { address = "127.0.0.1:%%PORT2%%"; } );
    tls = { sni = "a.test"; trusted_ca = "$dir/ca.pem"; certificate = { certificate = "$dir/client.test.pem"; private_key = "$dir/client.test.key"; }; }; },
  { name = "anon"; hosts = ( { address = "127.0.0.1:%%PORT2%%"; } ); tls = { sni = "a.test"; trusted_ca = "$dir/ca.pem"; }; },
  { name = "name"; hosts = ( { address = "127.0.0.1:%%PORT1%%"; } ); tls = { sni = "a.test"; subject_alt_names = ["c.test"]; trusted_ca = "$dir/ca.pem"; }; },
  { name = "ca"; hosts = ( { address = "127.0.0.1:%%PORT1%%"; } ); tls = { sni = "a.test"; trusted_ca = "$dir/b.test.pem"; }; },
  { name = "off"; hosts = ( { address = "127.0.0.1:%%PORT1%%"; } ); tls = { verify = false; }; } );
E
my $mosn = Mosn->start($conf, workers => 2);
my ($edge, $strict, $request, $tcp, $up) = map { $mosn->port($_) } 1 .. 5;
my $ca = "-CAfile $dir/ca.pem";

# Names.
sub subject {
    my ($text) = @_;
    return join ' ', $text =~ /subject=CN = (\S+)/, $text =~ /Verification: (\w+)/;
}
is(subject(Mosn::s_client($edge, "-servername b.test $ca")), 'b.test OK', 'a certificate by its name');
is(subject(Mosn::s_client($edge, "-servername X.B.test $ca")), 'b.test OK', 'by a wildcard, in any case');
is(subject(Mosn::s_client($edge, "-servername other.test $ca")), 'a.test OK', 'the default for other names');
is(subject(Mosn::s_client($edge, "-noservername $ca")), 'a.test OK', 'and for none');
is(subject(Mosn::s_client($edge, "-servername x.y.b.test $ca")), 'a.test OK', 'a star is one label');
like(Mosn::s_client($edge, "-servername a.test -sigalgs rsa_pss_rsae_sha256 $ca"), qr/Peer signature type: RSA-PSS/, 'an RSA key for who wants one');
like(Mosn::s_client($edge, "-servername a.test $ca"), qr/Peer signature type: ECDSA/, 'else ECDSA');

# Versions, ALPN.
like(Mosn::s_client($edge, "-tls1_2 $ca"), qr/New, TLSv1\.2, Cipher is ECDHE-ECDSA-AES/, 'TLS 1.2');
like(Mosn::s_client($edge, "-tls1_3 $ca"), qr/New, TLSv1\.3/, 'TLS 1.3');
like(Mosn::s_client($edge, "-tls1_1 -cipher ALL:\@SECLEVEL=0"), qr/alert protocol version|no protocols available|unsupported/, 'TLS 1.1 is refused');
like(Mosn::s_client($edge, "-tls1_2 -cipher AES128-SHA"), qr/handshake failure/, 'a weak cipher is refused');
like(Mosn::s_client($edge, "-alpn http/1.1"), qr/ALPN protocol: http\/1\.1/, 'ALPN');
like(Mosn::s_client($edge, "-alpn nonsense"), qr/no application protocol/, 'ALPN that does not fit is refused');
like(Mosn::s_client($edge, $ca), qr/No ALPN negotiated/, 'none is fine');
like(Mosn::s_client($strict, "-tls1_2"), qr/alert protocol version/, 'min_version');
like(Mosn::s_client($request, "-tls1_3"), qr/alert protocol version/, 'max_version');

# Requests.
sub curl {
    my ($port, $name, $path, @more) = @_;
    return `curl -s --max-time 20 --cacert $dir/ca.pem --resolve $name:$port:127.0.0.1 @more https://$name:$port$path`;
}
is(curl($edge, 'a.test', '/'), 'behind 0', 'a request over TLS');
is(curl($edge, 'a.test', '/', '--tls-max 1.2'), 'behind 0', 'and over 1.2');
my $big = Mosn::new_dir() . '/big';
system "head -c 30000000 /dev/urandom > $big";
is(curl($edge, 'a.test', '/', "-H Expect: --data-binary \@$big"), 'behind 30000000', '30 MB up');
my $kept = `curl -s --cacert $dir/ca.pem --resolve a.test:$edge:127.0.0.1 https://a.test:$edge/1 https://a.test:$edge/2 -w '%{num_connects} '`;
is($kept, 'behind 01 behind 00 ', 'two requests on a connection');
my ($got) = Mosn::raw($edge, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", seconds => 3);
unlike($got, qr/HTTP\/1/, 'plain text on a TLS port is no request');

# Client certificates.
my $cert = "--cert $dir/client.test.pem --key $dir/client.test.key";
is(curl($strict, 'a.test', '/', $cert), 'behind 0', 'require: with a certificate');
is(curl($strict, 'a.test', '/'), '', 'without one');
is(curl($request, 'a.test', '/', '--tls-max 1.2'), 'behind 0', 'request: without one');
is(curl($request, 'a.test', '/', "--tls-max 1.2 $cert"), 'behind 0', 'with one');
system "cd $dir && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout rogue.key -out rogue.pem -days 3 -subj /CN=client.test >/dev/null 2>&1";
my $rogue = "--cert $dir/rogue.pem --key $dir/rogue.key";
is(curl($strict, 'a.test', '/', $rogue), '', 'require: one of nobody we know');
is(curl($request, 'a.test', '/', "--tls-max 1.2 $rogue"), '', 'request: neither');

# Resumption: on any worker, after a reload and an upgrade; not where another
# policy rules.
my $session = "$dir/session";
sub resumes {
    my ($port, $args) = @_;
    my $n = 0;
    for (1 .. 8) {
        $n++ if Mosn::s_client($port, "-sess_in $session $args $ca", in => "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") =~ /^Reused, /m;
    }
    return $n;
}
my $ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
Mosn::s_client($edge, "-servername a.test -sess_out $session $ca", in => $ask);
is(resumes($edge, '-servername a.test'), 8, 'TLS 1.3 resumes on any worker');
is(($mosn->ctl('reload'))[1], 0, 'reload');
is(resumes($edge, '-servername a.test'), 8, 'and after a reload');
is(($mosn->ctl('upgrade'))[1], 0, 'upgrade');
is(resumes($edge, '-servername a.test'), 8, 'and an upgrade');
is(resumes($strict, '-servername a.test'), 0, 'not where client certificates are required');
Mosn::s_client($edge, "-tls1_2 -servername a.test -sess_out $session $ca", in => $ask);
is(resumes($edge, '-tls1_2 -servername a.test'), 8, 'TLS 1.2 resumes');

# Half a handshake.
my $t = time;
my $half = Mosn::connect_to($edge);
my (undef, $end) = Mosn::raw($half, "\x16\x03\x01\x02\x00\x01\x00", seconds => 5);
is($end, 'closed', 'half a handshake is cut');
cmp_ok(time - $t, '<', 2, 'in its time');
ok(Mosn::wait_for(sub { $mosn->stats->{'downstream.edge.connections_active'} == 0 }), 'nothing is left of all that');

# A kept connection over a reload: its next answer says close.
my $kept_over = <<"P";
import socket, ssl, sys, subprocess
c = ssl.create_default_context(cafile="$dir/ca.pem")
s = c.wrap_socket(socket.create_connection(("127.0.0.1", $edge)), server_hostname="a.test")
def ask():
    s.sendall(b"GET /k HTTP/1.1\\r\\nHost: a.test\\r\\n\\r\\n")
    text = b""
    while b"behind" not in text:
        more = s.recv(4096)
        if not more: sys.exit("closed")
        text += more
    return "close" if b"onnection: close" in text else "kept"
a = ask()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
import time; time.sleep(0.6)
print(a, ask())
P
open my $script, '>', "$dir/kept.py" or die $!;
print $script $kept_over;
close $script;
(my $ctl = $Mosn::BIN) =~ s/mosn$/mosnctl/;
is(run("python3 $dir/kept.py $ctl -s $mosn->{dir}/control.sock reload"), "kept close\n", 'a kept connection over a reload: its next answer says close');
sub run { my $out = `$_[0]`; return $out }

# TCP over TLS.
like(Mosn::s_client($tcp, "-quiet $ca", in => "over and back\n"), qr/^over and back$/m, 'tcp_proxy over TLS');

# Towards hosts.
is(Mosn::get($up, '/good')->{body}, 'behind 0', 'a host over TLS');
is(Mosn::get($up, '/mtls')->{body}, 'behind 0', 'that wants our certificate');
is(Mosn::get($up, '/anon')->{status}, 502, 'and gets none');
is(Mosn::get($up, '/name')->{status}, 502, 'a host of another name');
is(Mosn::get($up, '/ca')->{status}, 502, 'a host of another authority');
is(Mosn::get($up, '/off')->{status}, 200, 'not verified when the operator says so');
like($mosn->log, qr/the certificate of the peer: [Hh]ostname mismatch/, 'the log says what was wrong with it');
like($mosn->log, qr/the certificate of the peer: unable to get local issuer/, 'and with that one');
my $s = Mosn::connect_to($mosn->port(6));
syswrite $s, 'x' x 500000;
my $n = 0;
Mosn::wait_for(sub { my $r = sysread $s, my $piece, 65536; $n += $r // 0; return $n == 500000 });
is($n, 500000, 'bytes through TLS to TLS and back');
close $s;

# What is wrong with files is told, with its place.
sub mistake {
    my ($from, $to) = @_;
    (my $bad = $conf) =~ s/\Q$from\E/$to/;
    $mosn->write_conf($bad, workers => 2);
    my ($text, $rc) = $mosn->ctl('reload');
    return "$rc $text";
}
like(mistake("$dir/a.test.pem", "$dir/none.pem"), qr/^1 .*mosn\.conf:\d+: listeners\[0\]\.tls\.certificates\[0\]\.certificate: no certificate in \S+none\.pem: No such file/, 'no certificate');
like(mistake("$dir/a.test.key", "$dir/b.test.key"), qr/^1 .*private_key: no key of that certificate in \S+: key values mismatch/, 'a key of another');
like(mistake("$dir/a.test.pem", "/etc/hostname"), qr/^1 .*no certificate in/, 'a file that is none');
like(mistake('min_version = "1.3"', 'min_version = "1.3"; max_version = "1.2"'), qr/^1 .*min_version: is above max_version/, 'versions crossed');
like(mistake("client_ca = \"$dir/ca.pem\";", ''), qr/^1 .*verify_client: needs client_ca/, 'no authority');
like(mistake('handshake_timeout = "300ms"', 'ciphers = "NONSENSE"'), qr/^1 .*no usable cipher suite in "NONSENSE"/, 'no cipher');
like(mistake('handshake_timeout = "300ms"', 'groups = "P-999"'), qr/^1 .*unknown group/, 'no group');
like(mistake('tls = { verify = false; }', 'tls = { }'), qr/^1 .*set `sni` or `subject_alt_names`/, 'a host that cannot be verified');
is(curl($edge, 'a.test', '/'), 'behind 0', 'all the while it serves');

$mosn->finish;
done_testing();
