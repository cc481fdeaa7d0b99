# http1_malformed.t - what is ambiguous or malformed gets its status, closes
# the connection, and never reaches the origin.

use strict;
use warnings;
use Test::More;
use Mosn;

my $origin = Mosn::origin(sub { return Mosn::ok_response("reached") });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
  filters = ( { type = "proxy"; routes = "r"; max_header_bytes = "4k";
                max_headers = 20; max_uri_bytes = 1024; max_body_bytes = 1000;
                header_timeout = "400ms"; body_timeout = "400ms"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c";
  hosts = ( { address = "127.0.0.1:$origin->{port}"; } ); } );
E
my $port = $mosn->port(1);

my $get = "GET / HTTP/1.1\r\nHost: a\r\n";
my $post = "POST / HTTP/1.1\r\nHost: a\r\n";
my $chunked = "${post}Transfer-Encoding: chunked\r\n\r\n";

# name, status, bytes; none of them may be forwarded
my @heads = (
    ['two Content-Length, different', 400,
        "${post}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"],
    ['two Content-Length, the same', 400,
        "${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"],
    ['Content-Length as a list', 400,
        "${post}Content-Length: 3, 3\r\n\r\nabc"],
    ['Content-Length with a sign', 400, "${post}Content-Length: +3\r\n\r\nabc"],
    ['negative Content-Length', 400, "${post}Content-Length: -3\r\n\r\nabc"],
    ['hexadecimal Content-Length', 400,
        "${post}Content-Length: 0x3\r\n\r\nabc"],
    ['empty Content-Length', 400, "${post}Content-Length:\r\n\r\nabc"],
    ['Content-Length with a blank inside', 400,
        "${post}Content-Length: 3 3\r\n\r\nabc"],
    ['Content-Length of 2^64', 400,
        "${post}Content-Length: 18446744073709551616\r\n\r\n"],
    ['Content-Length of 2^63', 400,
        "${post}Content-Length: 9223372036854775808\r\n\r\n"],
    ['Content-Length with Transfer-Encoding', 400,
        "${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ['Transfer-Encoding before Content-Length', 400,
        "${post}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"],
    ['unknown coding', 501, "${post}Transfer-Encoding: gzip\r\n\r\n"],
    ['coding list', 400, "${post}Transfer-Encoding: gzip, chunked\r\n\r\n"],
    ['chunked twice in a line', 400,
        "${post}Transfer-Encoding: chunked, chunked\r\n\r\n"],
    ['Transfer-Encoding twice', 400,
        "${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ['identity, then chunked', 400,
        "${post}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ['empty Transfer-Encoding', 400, "${post}Transfer-Encoding:\r\n\r\n"],
    ['quoted chunked', 400, "${post}Transfer-Encoding: \"chunked\"\r\n\r\n"],
    ['chunked with VT', 400, "${post}Transfer-Encoding: \x0bchunked\r\n\r\n"],
    ['chunked with a parameter', 400,
        "${post}Transfer-Encoding: chunked;a=b\r\n\r\n"],
    ['Transfer-Encoding in HTTP/1.0', 400,
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ['LF as line end', 400, "GET / HTTP/1.1\nHost: a\n\n"],
    ['one LF alone in the head', 400, "${get}X: 1\nY: 2\r\n\r\n"],
    ['CR alone in a value', 400, "${get}X: 1\rY: 2\r\n\r\n"],
    ['CR alone at the end of the head', 400, "${get}X: 1\r\n\rX\r\n\r\n"],
    ['blank before the colon', 400, "${get}X : 1\r\n\r\n"],
    ['tab before the colon', 400, "${get}X\t: 1\r\n\r\n"],
    ['CR for a dash in a known name', 400, "${post}Content\rLength: 3\r\n\r\nabc"],
    ['blank in a name', 400, "${get}X Y: 1\r\n\r\n"],
    ['folded line', 400, "${get}X: 1\r\n 2\r\n\r\n"],
    ['first line folded', 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"],
    ['empty name', 400, "${get}: 1\r\n\r\n"],
    ['line without a colon', 400, "${get}nonsense\r\n\r\n"],
    ['NUL in a value', 400, "${get}X: a\0b\r\n\r\n"],
    ['NUL in a name', 400, "${get}X\0: a\r\n\r\n"],
    ['control character in a value', 400, "${get}X: a\x01b\r\n\r\n"],
    ['DEL in a value', 400, "${get}X: a\x7fb\r\n\r\n"],
    ['8-bit character in a name', 400, "${get}X\xe4: a\r\n\r\n"],
    ['no Host', 400, "GET / HTTP/1.1\r\n\r\n"],
    ['two Hosts', 400, "${get}Host: b\r\n\r\n"],
    ['Host with a path', 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
    ['Host with userinfo', 400, "GET / HTTP/1.1\r\nHost: u\@a\r\n\r\n"],
    ['Host with a bad port', 400, "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"],
    ['blank in the target', 400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['two blanks before the target', 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['control character in the target', 400,
        "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['8-bit character in the target', 400,
        "GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['%00 in the target', 400, "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['fragment', 400, "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['relative target', 400, "GET x HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['ftp URL', 400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['userinfo in the target', 400,
        "GET http://u:p\@a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['"*" without OPTIONS', 400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['HTTP/0.9', 400, "GET /\r\n\r\n"],
    ['HTTP/2.0', 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"],
    ['HTTP/1.2', 505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"],
    ['HTTP/1.10', 400, "GET / HTTP/1.10\r\nHost: a\r\n\r\n"],
    ['lower-case version', 400, "GET / http/1.1\r\nHost: a\r\n\r\n"],
    ['another protocol', 400, "GET / ICE/1.0\r\nHost: a\r\n\r\n"],
    ['unknown method', 501, "FROB / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['lower-case method', 501, "get / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['method with a colon', 400, "G:ET / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['CONNECT', 405, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"],
    ['another expectation', 417, "${post}Expect: tea\r\nContent-Length: 3\r\n\r\n"],
    ['binary garbage', 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n"],
    ['garbage text', 400, "hello\r\n\r\n"],
    ['long target', 414, "GET /" . ("x" x 1100) . " HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['long header', 431, "${get}X: " . ("x" x 5000) . "\r\n\r\n"],
    ['long header without an end', 431, "${get}X: " . ("x" x 5000)],
    ['many headers', 431, $get . ("X: 1\r\n" x 30) . "\r\n"],
    ['large body announced', 413, "${post}Content-Length: 1001\r\n\r\n"],
);

for my $case (@heads) {
    my ($name, $status, $bytes) = @$case;
    my ($got, $end) = Mosn::raw($port, $bytes, seconds => 8);
    my ($line) = $got =~ /^(HTTP\/1\.1 \d+)/;
    is(($line // 'nothing') . ", $end", "HTTP/1.1 $status, closed", $name);
}
is($origin->seen, '', 'the origin has seen none of them');

# Bodies: the head is fine, so the origin may have seen a beginning, but
# never the end of a request.
my @bodies = (
    ['chunk size without digits', "xyz\r\n"],
    ['chunk size with 0x', "0x3\r\nabc\r\n0\r\n\r\n"],
    ['chunk size with a sign', "+3\r\nabc\r\n0\r\n\r\n"],
    ['chunk size with a blank', "3 \r\nabc\r\n0\r\n\r\n"],
    ['blank before the chunk size', " 3\r\nabc\r\n0\r\n\r\n"],
    ['chunk size with an underscore', "1_0\r\nabc\r\n0\r\n\r\n"],
    ['chunk size of 2^64', "10000000000000000\r\nabc"],
    ['chunk size of 17 digits', "11111111111111111\r\nabc"],
    ['LF behind the chunk size', "3\nabc\r\n0\r\n\r\n"],
    ['CR alone behind the chunk size', "3\rXabc\r\n0\r\n\r\n"],
    ['extension with a control character', "3;a=\x01\r\nabc\r\n0\r\n\r\n"],
    ['extension with LF', "3;a\nabc\r\n0\r\n\r\n"],
    ['extension without a name', "3;\r\nabc\r\n0\r\n\r\n"],
    ['extension that does not end', "3;a=\"" . ("x" x 300) . "\r\nabc"],
    ['more data than the chunk size', "3\r\nabcd\r\n0\r\n\r\n"],
    ['LF behind the data', "3\r\nabc\n0\r\n\r\n"],
    ['bad trailer', "3\r\nabc\r\n0\r\nX : 1\r\n\r\n"],
    ['CR and something at the end', "3\r\nabc\r\n0\r\n\rX"],
);

for my $case (@bodies) {
    my ($name, $bytes) = @$case;
    my ($got, $end) = Mosn::raw($port, $chunked . $bytes, seconds => 8);
    my ($line) = $got =~ /^(HTTP\/1\.1 \d+)/;
    is(($line // 'nothing') . ", $end", "HTTP/1.1 400, closed", $name);
}
my ($got, $end) = Mosn::raw($port, $chunked . ("64\r\n" . ("x" x 100) . "\r\n") x 11,
    seconds => 8);
like($got, qr/^HTTP\/1\.1 413 /, 'a chunked body over the limit: 413');
is($origin->seen, '', 'the origin has seen no whole request');

# Time.
($got, $end) = Mosn::raw($port, "GET / HTTP/1.1\r\nHo", seconds => 8);
like($got, qr/^HTTP\/1\.1 408 .*\r\nConnection: close\r\n/s,
    'a head that does not end: 408');
is($end, 'closed', 'and closed');
($got, $end) = Mosn::raw($port, "${post}Content-Length: 10\r\n\r\nabc", seconds => 8);
like($got, qr/^HTTP\/1\.1 408 /, 'a body that does not end: 408');
is($end, 'closed', 'and closed');
($got, $end) = Mosn::raw($port, "GET / HTTP/1.1\r\n" . ("X: 1\r\n" x 10),
    pieces => 4, pause => 0.1, seconds => 8);
like($got, qr/^HTTP\/1\.1 408 /, 'a trickled head is timed as a whole');

# What is behind a refused request is not a request.
$got = Mosn::raw($port, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"
    . "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", seconds => 8);
is(() = $got =~ /HTTP\/1\.1 \d/g, 1, 'one answer, then nothing');
is($origin->seen, '', 'the origin has seen nothing at all');

is(Mosn::get($port, "/")->{body}, 'reached', 'an ordinary request passes');
my $stats = $mosn->stats;
cmp_ok($stats->{'ended.bad_request.requests'}, '>', 60,
    'bad requests are counted by reason');
is($stats->{'downstream.l.requests_active'}, 0, 'no request is left over');

$mosn->finish;
done_testing();
