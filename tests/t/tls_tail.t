# Over TLS an answer whose last bytes do not fit into the socket at once is whole
# nevertheless: they must not be dropped when the connection closes behind them.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(time sleep);
my $certs = Mosn::certificates('a.test');
my $host = Mosn::server(sub {
    my ($s, $log) = @_;
    my $n = <$s> =~ m{/(\d+)} ? $1 : 0;
    while (<$s>) { last if $_ eq "\r\n" }
    print $s "HTTP/1.1 200 OK\r\nContent-Length: $n\r\nConnection: close\r\n\r\n", "x" x $n;
    shutdown $s, 1; 1 while <$s>;
});
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; send_timeout = "60s";
  tls = { certificates = ( { certificate = "$certs/a.test.pem"; private_key = "$certs/a.test.key"; } ); };
  filters = ( { type = "proxy"; routes = "r"; match_server_name = false; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "w"; timeout = "30s"; }; } ); } ); } );
clusters = ( { name = "w"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
my $py = Mosn::new_dir() . '/client.py';
open my $f, '>', $py or die; print $f <<'P'; close $f;
import socket, ssl, sys, time
port = int(sys.argv[1])
ctx = ssl.create_default_context(); ctx.check_hostname = False; ctx.verify_mode = ssl.CERT_NONE
def ask(n):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    s.connect(('127.0.0.1', port)); t = ctx.wrap_socket(s, suppress_ragged_eofs=False)
    t.sendall(b'GET /%d HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n' % n)
    return t
def queued(t):
    me, its = '%04X' % t.getsockname()[1], '%04X' % port
    for line in open('/proc/net/tcp'):
        w = line.split()
        if w[1].endswith(':' + its) and w[2].endswith(':' + me): return w[3], int(w[4].split(':')[0], 16)
    return 'gone', 0
def settle(t):
    last, same, end = None, 0, time.time() + 5
    while same < 20 and time.time() < end:
        q = queued(t); same = same + 1 if q == last and q[1] > 100000 else 0; last = q; time.sleep(0.01)
    return last
def read(t):
    got = b''; end = 'close_notify'
    try:
        while True:
            d = t.recv(65536)
            if not d: break
            got += d
    except Exception as e: end = type(e).__name__
    return len(got) - got.index(b'\r\n\r\n') - 4, end
t = ask(12000000); full = settle(t)[1]; t.close()
print('full', full)
for n in range(full - 30000, full + 75000, 7000):
    t = ask(n); state = settle(t); got = read(t); t.close()
    print('lost' if got[0] < n else 'whole', n, 'state', state[0], 'got', got[0], 'of', n, got[1])
P
my $out = `timeout 60 python3 $py @{[$mosn->port(1)]} 2>&1 </dev/null`;
diag($out);
my @lost = $out =~ /^lost.*$/mg; my @whole = $out =~ /^whole.*$/mg;
cmp_ok(@lost + @whole, '>=', 10, 'answers of many lengths');
is(scalar @lost, 0, 'all of them are whole');
$mosn->finish;
done_testing;
