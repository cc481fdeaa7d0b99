# peers.t - real programs on both sides: nginx behind, curl, ab and wrk in
# front; bodies of any size in bounded memory.

use strict;
use warnings;
use Test::More;
use Mosn;

sub have { return grep { -x "$_/$_[0]" } split(/:/, $ENV{PATH}), '/usr/sbin' }
plan skip_all => 'needs nginx and curl' unless have('nginx') && have('curl');

my $dir = Mosn::new_dir();
chmod 0755, $dir;
my $size = 256 << 20;
my $nginx_port = Mosn::free_port();
open my $f, '>', "$dir/nginx.conf" or die;
print $f <<"E";
user root; daemon off; pid $dir/nginx.pid; error_log $dir/nginx.log; worker_processes 1;
events { worker_connections 4096; }
http { access_log off; client_max_body_size 0; client_body_temp_path $dir/b;
  proxy_temp_path $dir/p; fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u;
  scgi_temp_path $dir/s; keepalive_requests 1000000;
  server { listen 127.0.0.1:$nginx_port; root $dir;
    location /upload { dav_methods PUT; client_body_in_file_only clean; }
    location /small { return 200 "small\\n"; } } }
E
close $f;
mkdir "$dir/upload";
open $f, '>', "$dir/big" or die;
truncate $f, $size;
seek $f, $size - 4, 0;
print $f 'END!';
close $f;
chmod 0644, "$dir/big";
my $nginx = fork;
if ($nginx == 0) {
    open STDERR, '>', "$dir/nginx.err";
    exec 'nginx', '-p', $dir, '-c', "$dir/nginx.conf" or POSIX::_exit(1);
}
END { if ($nginx) { my $s = $?; kill 'QUIT', $nginx; waitpid $nginx, 0; $? = $s } }
ok(Mosn::wait_for(sub { eval { Mosn::connect_to($nginx_port) } }), 'nginx serves')
    or BAIL_OUT(Mosn::slurp("$dir/nginx.err"));

my $mosn = Mosn->start(<<"E", workers => 1);
worker_connections = 20000;
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
    filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "t"; address = "127.0.0.1:%%PORT2%%";
    filters = ( { type = "tcp_proxy"; cluster = "nginx"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { route = { cluster = "nginx"; }; } ); } ); } );
clusters = ( { name = "nginx"; hosts = ( { address = "127.0.0.1:$nginx_port"; } ); } );
E
my $port = $mosn->port(1);
my %pids = $mosn->pids;
sub rss { my ($kb) = Mosn::slurp("/proc/$pids{'worker 0'}/status") =~ /^VmHWM:\s+(\d+)/m; return $kb }

is(`curl -s http://127.0.0.1:$port/small`, "small\n", 'curl');
is(`curl -s --http1.0 http://127.0.0.1:$port/small`, "small\n", 'curl, HTTP/1.0');
is(`curl -s -w '%{num_connects}' -o /dev/null http://127.0.0.1:$port/small -o /dev/null http://127.0.0.1:$port/small`,
    '10', 'curl keeps its connection');
my $warm = `curl -s http://127.0.0.1:$port/big -r 0-9999999 | wc -c`;
is($warm + 0, 10_000_000, 'a range');

my $before = rss();
is(`curl -s http://127.0.0.1:$port/big | tail -c 4`, 'END!', 'a large download is whole');
is(`curl -s -o /dev/null -w '%{size_download}' http://127.0.0.1:$port/big`, $size, 'every byte of it');
# A sanitizer keeps what is freed for a while: there the bound is its own.
my $bound = $Mosn::BIN =~ /debug/ ? 100_000 : 4096;
cmp_ok(rss() - $before, '<', $bound, 'in bounded memory');
is(`curl -s -T $dir/big -o /dev/null -w '%{http_code} %{size_upload}' http://127.0.0.1:$port/upload/x`,
    "201 $size", 'a large upload');
is(-s "$dir/upload/x", $size, 'every byte of it');
is(`curl -s -H 'Transfer-Encoding: chunked' -T $dir/big -o /dev/null -w '%{http_code}' http://127.0.0.1:$port/upload/y`,
    '201', 'a large chunked upload');
cmp_ok(rss() - $before, '<', $bound, 'in bounded memory');
is(`curl -s --limit-rate 100M http://127.0.0.1:$port/big | tail -c 4`, 'END!', 'a slow reader');
is(`curl -s http://127.0.0.1:@{[$mosn->port(2)]}/big | tail -c 4`, 'END!', 'through tcp_proxy, spliced');

SKIP: {
    skip 'needs ab', 2 unless have('ab');
    my $out = `ab -q -k -n 5000 -c 50 http://127.0.0.1:$port/small 2>&1`;
    like($out, qr/Complete requests:\s+5000\n.*Failed requests:\s+0\n/s, 'ab with keep-alive');
    $out = `ab -q -n 2000 -c 50 http://127.0.0.1:$port/small 2>&1`;
    like($out, qr/Complete requests:\s+2000\n.*Failed requests:\s+0\n/s, 'ab without');
}
SKIP: {
    skip 'needs wrk', 1 unless have('wrk');
    my $out = `wrk -t1 -c100 -d2s http://127.0.0.1:$port/small 2>&1`;
    ok($out =~ /requests in/ && $out !~ /Non-2xx|Socket errors/, 'wrk with 100 connections') or diag($out);
}

# Many connections at a time, all served.
my @many = map { Mosn::connect_to($port) } 1 .. 3000;
print { $_ } "GET /small HTTP/1.1\r\nHost: a\r\n\r\n" for @many;
my $good = grep { my $a = Mosn::Reader->new($_)->message(0); $a && $a->{body} eq "small\n" } @many;
is($good, 3000, '3,000 open connections are all served');
close $_ for @many;

$mosn->finish;
done_testing();
