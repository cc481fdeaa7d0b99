# config.t - every mistake at once, each with its place and its remedy.

use strict;
use warnings;
use Test::More;
use Mosn;
use Time::HiRes qw(time);

my $m = Mosn->prepare;

sub check {
    my ($conf, @flags) = @_;
    $m->write_conf($conf, whole => 1);
    @flags = ('-t') unless @flags;
    my $out = `$Mosn::BIN @flags -c $m->{conf} 2>&1`;
    $out =~ s/\Q$m->{dir}\E\///g;
    return ($out, $? >> 8);
}

my $good = <<'E';
listeners = ( { name = "l"; address = "127.0.0.1:1";
  filters = ( { type = "proxy"; routes = "main"; } ); } );
routes = ( { name = "main"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { route = { cluster = "api"; }; } ); } ); } );
clusters = ( { name = "api"; hosts = ( { address = "127.0.0.1:2"; } ); } );
E

my ($out, $status) = check($good);
is($status, 0, 'a good configuration is fine');
like($out, qr/is fine: 1 listeners/, 'and says so');

($out, $status) = check(<<'E');
wrokers = 3;
listeners = ( { name = "l"; address = "127.0.0.1";
  filters = ( { type = "proxy"; routes = "mian"; idle_timeout = 75;
                max_headers = 5000; } ); } );
routes = ( { name = "main"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { route = { cluster = "apo"; }; } ); } ); } );
clusters = ( { name = "api"; hosts = ( { address = "127.0.0.1:2"; weight = "x"; } ); } );
E
is($status, 1, 'mistakes: status 1');
like($out, qr/^mosn\.conf:1: wrokers: unknown setting; did you mean "workers"\?$/m, 'unknown key');
like($out, qr/^mosn\.conf:2: listeners\[0\]\.address: expected an address like "127\.0\.0\.1:80".*, found "127\.0\.0\.1"$/m, 'address');
like($out, qr/^mosn\.conf:3: listeners\[0\]\.filters\[0\]\.idle_timeout: expected a duration like .*, found the number 75$/m, 'duration');
like($out, qr/^mosn\.conf:4: listeners\[0\]\.filters\[0\]\.max_headers: out of range: must be 1 to 1000$/m, 'range');
like($out, qr/^mosn\.conf:3: listeners\[0\]\.filters\[0\]\.routes: there is no route table "mian"; did you mean "main"\?$/m, 'route table');
like($out, qr/^mosn\.conf:6: .*\.route\.cluster: there is no cluster "apo"; did you mean "api"\?$/m, 'cluster');
like($out, qr/^mosn\.conf:7: clusters\[0\]\.hosts\[0\]\.weight: expected a whole number, found "x"$/m, 'weight');
is(() = $out =~ /^mosn\.conf:/mg, 7, 'seven mistakes, seven lines');

my @single = (
    ['missing setting', 's/name = "api"; //', qr/clusters\[0\]\.name: missing: /],
    ['unknown filter', 's/"proxy"/"proxi"/', qr/there is no network filter "proxi"; there are: proxy, tcp_proxy/],
    ['unknown balancer', 's/name = "api";/name = "api"; lb = "best";/', qr/lb: there is no load balancer "best"; there are: /],
    ['unknown protocol', 's/routes = "main"; }/routes = "main"; downstream_protocol = "spdy"; }/', qr/there is no protocol "spdy"; there are: auto, http1/],
    ['no action', 's/route = \{ cluster = "api"; \};/match = { prefix = "\/"; };/', qr/needs exactly one of `route`, `respond` and `redirect`/],
    ['two clusters of a name', 's/(clusters = \( )(.*) \);/$1$2, $2 );/', qr/there is a cluster "api" already/],
    ['two lines in a name', 's/name = "l"/name = "l\\\\nm"/', qr/listeners\[0\]\.name: a name has no blanks and no control/],
    ['a number of more than 32 bits', 's/wrokers|listeners = /workers = 4294967297; listeners = /', qr/mosn\.conf:1: 4294967297 is too large for a number of 32 bits/],
    ['a priority that is none', 's/(127.0.0.1:2"; )/$1priority = -1; /', qr/hosts\[0\]\.priority: out of range: must be 0 to 7/],
    ['a queue before nothing', 's/name = "api"; /name = "api"; queue = { timeout = "1s"; }; /', qr/queue: nobody waits without `max_requests`/],
    ['an expectation of HTTP', 's/name = "api"; /name = "api"; health_check = { type = "http"; expect = "x"; }; /', qr/expect: is for `type = "tcp"`/],
    ['a timeout that nothing has', 's/cluster = "api"; /cluster = "api"; retry = { on = ["timeout"]; }; /', qr/on: "timeout" needs a `per_try_timeout`/],
    ['a cookie that splits the head', 's/cluster = "api"; /cluster = "api"; hash = ( { cookie = "a b"; } ); /', qr/cookie: "a b" cannot be the name of a cookie/],
    ['a path that is more', 's/cluster = "api"; /cluster = "api"; hash = ( { cookie = "a"; path = "\/; HttpOnly"; } ); /', qr/path: "\/; HttpOnly" cannot be the path of a cookie/],
    ['a sticky cookie that splits it', 's/name = "api"; /name = "api"; sticky = { cookie = "a\\r\\nb"; }; /', qr/cannot be the name of a cookie/],
    ['a default that no selector has', 's/name = "api"; /name = "api"; subset_selectors = ( ["a"] ); default_subset = { b = "1"; }; /', qr/no selector has these keys/],
    ['a slow start of equals', 's/name = "api"; /name = "api"; lb = "round_robin"; slow_start = "5s"; /', qr/slow_start: weights do not count/],
    ['an origin that nobody has', 's/cluster = "api"; \};/cluster = "api"; }; cors = { allow_origins = ["a.example"]; };/', qr/allow_origins: no browser has the origin "a.example"/],
    ['a group that the expression has not', 's/cluster = "api"; /cluster = "api"; regex_rewrite = { regex = "^.a(.*)"; substitution = "\/b\$2"; }; /', qr/substitution: unknown substring/],
    ['a prefix of an expression', 's/\{ route = \{/{ match = { path_regex = "^.a"; }; route = { prefix_rewrite = "\/b";/', qr/prefix_rewrite: needs a `match` by/],
    ['a blank in a path', 's/cluster = "api"; /cluster = "api"; path_rewrite = "\/a b"; /', qr/path_rewrite: blanks and control characters cannot be sent/],
    ['a line in a type', 's/route = \{.*?\};/respond = { content_type = "a\\\\r\\\\nb"; };/', qr/content_type: cannot be sent as a header/],
    ['a URL for a host', 's/route = \{.*?\};/redirect = { host = "https:\/\/a"; };/', qr/redirect\.host: is a name, with a port or without/],
    ['a method in small letters', 's/\{ route = /{ match = { methods = ["get"]; }; route = /', qr/methods are written in capitals/],
    ['a path with a query', 's/\{ route = /{ match = { path = "\/a?b"; }; route = /', qr/match\.path: a path ends before its "\?"/],
    ['no domains', 's/\["\*"\]/[]/', qr/domains: must have at least one/],
    ['a URL for a domain', 's/\["\*"\]/["http:\/\/a"]/', qr/expected a host name/],
    ['a subset without a selector', 's/cluster = "api"; /cluster = "api"; subset = { v = "1"; }; /', qr/has no selector of these keys/],
    ['a host without a port', 's/127.0.0.1:2/127.0.0.1:0/', qr/has no port to connect to/],
    ['no hosts', 's/hosts = \(.*?\); \}/hosts = (); }/', qr/hosts: must have at least one host/],
    ['filter that is not the last', 's/filters = \( /filters = ( { type = "tcp_proxy"; cluster = "api"; }, /', qr/must be the last/],
    ['route that never matches', 's/routes = \( \{ route/routes = ( { respond = { body = "x"; }; }, { route/', qr/never matches: routes\[0\] of the virtual host, at mosn\.conf:4, takes all of it/],
    ['path without a slash', 's/\{ route =/{ match = { path = "x"; }; route =/', qr/must start with "\/"/],
    ['domain with a star inside', 's/\["\*"\]/["a*b"]/', qr/expected a host name/],
    ['list for a group', 's/route = \{ cluster = "api"; \}/route = ( )/', qr/expected a group/],
    ['unknown log variable', 's/routes = "main"; \}/routes = "main"; access_log = ( { path = "x"; format = "%respons_code%"; } ); }/', qr/did you mean %response_code%/],
    ['syntax', 's/name = "l"/name "l"/', qr/mosn\.conf:1: syntax error/],
    ['size', 's/routes = "main"; \}/routes = "main"; max_uri_bytes = "8x"; }/', qr/expected a size like/],
);
for my $case (@single) {
    my ($name, $edit, $expected) = @$case;
    my $conf = $good;
    eval "\$conf =~ $edit; 1" or die $@;
    isnt($conf, $good, "$name: changes something");
    ($out, $status) = check($conf);
    is($status, 1, "$name: status 1");
    like($out, $expected, "$name: its message");
}

# @include: the place is in the included file.
open my $f, '>', "$m->{dir}/clusters.conf" or die;
print $f "\n\nclusters = ( { name = \"api\"; hots = (); } );\n";
close $f;
(my $with = $good) =~ s/^clusters.*\n/\@include "clusters.conf"\n/m;
($out, $status) = check($with);
is($status, 1, 'a mistake in an included file');
like($out, qr/clusters\.conf:3: clusters\[0\]\.hots: unknown setting; did you mean "hosts"\?/,
    'is placed there');

# -T prints what -t accepts, and the same again.
($out, $status) = check($good, '-T');
is($status, 0, '-T');
like($out, qr/^drain_timeout = "30s";$/m, 'with defaults');
like($out, qr/max_header_bytes = "32k";/, 'of modules too');
my ($again, $status2) = check($out, '-T');
is($status2, 0, 'its output is a configuration');
is($again, $out, 'which means the same');

# Missing file, usage.
$out = `$Mosn::BIN -t -c $m->{dir}/none.conf 2>&1`;
is($? >> 8, 1, 'no file: status 1');
like($out, qr/none\.conf: cannot read: No such file/, 'and says so');
`$Mosn::BIN -x 2>&1`;
is($? >> 8, 2, 'usage: status 2');
like(`$Mosn::BIN -V`, qr/^mosn \d+\.\d+\.\d+ /, '-V');

# 10,000 routes and 1,000 clusters.
my $conf = "listeners = ( { name = \"l\"; address = \"127.0.0.1:1\"; filters = ( { type = \"proxy\"; routes = \"r\"; } ); } );\n"
    . "routes = ( { name = \"r\"; virtual_hosts = ( { name = \"v\"; domains = [\"*\"]; routes = (\n"
    . join(",\n", map { my $c = $_ % 1000; "{ match = { " . ($_ % 2 ? "prefix" : "path")
        . " = \"/service/$_/\"; }; route = { cluster = \"c$c\"; }; }" } 1 .. 10_000)
    . ");\n } ); } );\nclusters = (\n"
    . join(",\n", map { "{ name = \"c$_\"; hosts = ( { address = \"10.0.0.1:80\"; }, { address = \"10.0.0.2:80\"; } ); }" } 0 .. 999)
    . ");\n";
my $before = time;
($out, $status) = check($conf);
my $took = time - $before;
is($status, 0, '10,000 routes and 1,000 clusters load') or diag($out);
note(sprintf "in %.2f s with this build", $took);

done_testing();
