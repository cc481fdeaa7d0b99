# explain.t - what mosn says of a request is what becomes of it; tests inside
# the configuration; what a reload would change.

use strict;
use warnings;
use Test::More;
use Mosn;

my $origin = Mosn::origin(sub { my $r = shift; return Mosn::ok_response("$r->{path}") });
my $o = $origin->port;

# Tables drawn at random: routes that nothing reaches are left out by asking.
srand(my $seed = $ENV{SEED} // time);
note("SEED=$seed");
sub one { return $_[ rand @_ ] }
my $n = 0;
sub random_route {
    my $path = one('path = "/a";', 'path = "/b/a";', 'prefix = "/a";', 'prefix = "/a/b";', 'path_prefix = "/a";',
        'path_regex = "^/[ab]/";', 'path_regex = "b$";', 'template = "/{x}/a";', 'prefix = "/b";');
    my $rest = one('', 'methods = ["GET"];', 'methods = ["PUT"];', 'headers = ( { name = "x"; exact = "1"; } );',
        'headers = ( { name = "x"; invert = true; } );', 'query = ( { name = "q"; } );', 'cookies = ( { name = "c"; prefix = "1"; } );');
    return "{ name = \"r" . $n++ . "\"; match = { $path $rest }; route = { cluster = \"c\"; }; }";
}
sub table {
    my ($name, @routes) = @_;
    return "{ name = \"$name\"; domains = [\"$name.example\"]; routes = ( " . join(', ', @routes) . ' ); }';
}
my $shared = <<"E";
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r";
  access_log = ( { path = "%%DIR%%/access.log"; format = "%route_name%"; } ); } ); },
  { name = "calls"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "calls"; } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$o"; } ); },
  { name = "parts"; subset_selectors = ( ["v"] ); hosts = ( { address = "127.0.0.1:$o"; metadata = { v = "1"; }; }, { address = "127.0.0.2:$o"; state = "drain"; } ); },
  { name = "old"; subset_selectors = ( ["v"] ); subset_fallback = "default"; default_subset = { v = "1"; }; hosts = ( { address = "127.0.0.1:$o"; metadata = { v = "1"; }; }, { address = "127.0.0.2:$o"; metadata = { v = "2"; }; } ); } );
E
my $fixed = <<'E';
{ name = "shop"; domains = ["shop.example"]; routes = (
  { match = { prefix = "/api/"; methods = ["GET"]; headers = ( { name = "x-env"; exact = "gray"; } ); }; route = { cluster = "parts"; subset = { v = "1"; }; prefix_rewrite = "/"; host_rewrite = "inner"; }; },
  { match = { path = "/old"; }; redirect = { path = "/new"; status = 302; }; },
  { match = { path = "/ok"; }; respond = { status = 200; body = "ok"; }; },
  { match = { path = "/net"; source_addresses = ["10.0.0.0/8"]; }; respond = { status = 403; }; },
  { match = { prefix = "/split"; }; route = { clusters = ( { name = "c"; weight = 90; }, { name = "parts"; weight = 10; } ); }; },
  { match = { path = "/v9"; }; route = { cluster = "old"; subset = { v = "9"; }; }; },
  { match = { path = "/v1"; }; route = { cluster = "old"; subset = { v = "1"; }; }; } ); }
E
my $mosn = Mosn->prepare;
my @tables;
for my $i (1 .. 8) {
    for (1 .. 50) {    # until mosn finds no route that is never reached
        my $t = table("t$i", map { random_route() } 1 .. 2 + rand 8);
        $mosn->write_conf("$shared routes = ( { name = \"r\"; virtual_hosts = ( $t ); }, { name = \"calls\"; } );");
        if (system("$Mosn::BIN -t -q -c $mosn->{conf} >/dev/null 2>&1") == 0) { push @tables, $t; last }
    }
}
is(scalar @tables, 8, 'tables');
my $calls = <<'E';
{ name = "calls"; domains = ["*"]; routes = (
  { match = { service = "a.B"; method = "say"; headers = ( { name = ":method"; exact = "say"; } ); }; route = { cluster = "c"; }; } ); }
E
my $routes = 'routes = ( { name = "r"; virtual_hosts = ( ' . join(', ', @tables, $fixed) . qq[ ); }, { name = "calls"; virtual_hosts = ( $calls ); } );];
$mosn->write_conf("$shared $routes");
$mosn->run;
my $port = $mosn->port(1);

my ($same, $found, $asked, @said) = (0, 0, 0);
for my $i (1 .. 8) {
    for (1 .. 25) {
        my $path = '/' . join('', map { one('/', 'a', 'b', 'a/', '/a') } 0 .. rand 4);
        $path =~ s{//+}{/}g;
        $path .= '?q' if rand() < 0.3;
        my $method = one(qw(GET PUT DELETE));
        my @headers = (rand() < 0.5 ? 'x: 1' : (), rand() < 0.5 ? 'Cookie: c=12' : ());
        Mosn::get($port, $path, method => $method, host => "t$i.example", headers => \@headers);
        my ($text) = $mosn->ctl('explain', $method, "http://t$i.example$path", @headers);
        my ($route) = $text =~ /^  (\S+) \([^)]*\): matches$/m;
        push @said, $route // '-';
        $asked++;
    }
}
my @served;
Mosn::wait_for(sub { @served = split /\n/, Mosn::slurp("$mosn->{dir}/access.log"); @served == $asked });
for my $i (0 .. $#said) {
    $same++ if $said[$i] eq $served[$i];
    $found++ if $said[$i] ne '-';
    diag("request $i: served $served[$i], said $said[$i]") if $said[$i] ne $served[$i];
}
is($same, $asked, "$asked requests: served as explained ($found found a route)");
ok($found > 20 && $found < $asked, 'some do, some do not');

# --- what is told

my ($text, $rc) = $mosn->ctl('explain', 'GET', 'http://shop.example/api/x?y', 'x-env: gray');
is($rc, 0, 'explains');
like($text, qr/^listener   l, 127\.0\.0\.1:$port$/m, 'the listener');
like($text, qr/^host       shop$/m, 'the virtual host');
like($text, qr/^  shop\[0\] \(\S+mosn\.conf:\d+\): matches$/m, 'the route and where it stands');
like($text, qr/^action     forward to parts as \/x\?y, Host: inner$/m, 'the action');
like($text, qr/^subset     v=1: 1 of 2 hosts$/m, 'the subset');
like($text, qr/^  127\.0\.0\.1:$o +well +weight 1, v=1/m, 'a host');
like(($mosn->ctl('explain', 'GET', 'shop.example/v9'))[0], qr/^subset     v=9: 1 of 2 hosts \(fallback: default\)$/m, 'hosts of the fallback are not what was asked for');
like(($mosn->ctl('explain', 'GET', 'shop.example/v1'))[0], qr/^subset     v=1: 1 of 2 hosts$/m, 'unless they are');
like($text, qr/^  127\.0\.0\.2:$o +draining/m, 'and why another is not used');
($text) = $mosn->ctl('explain', 'GET', 'shop.example/api/x', 'x-env: blue sky');
like($text, qr/^  shop\[0\] .*: no, headers\[0\] "x-env" is not right$/m, 'why not');
like($text, qr/^  shop\[1\] .*: no, `path` is not right$/m, 'nor that');
like($text, qr/answer 404/, 'so nothing');
($text) = $mosn->ctl('explain', 'PUT', 'http://shop.example/api/x', 'x-env:gray');
like($text, qr/no, `methods` is not right/, 'a method');
($text) = $mosn->ctl('explain', 'GET', 'http://shop.example/old');
like($text, qr/^action     redirect 302 to \/new$/m, 'a redirect');
($text) = $mosn->ctl('explain', '@calls', 'call', 'a.B', 'say', 'host:shop.example');
like($text, qr/^  calls\[0\] .*: matches$/m, 'a call');
($text) = $mosn->ctl('explain', 'GET', 'http://shop.example/net', 'source=10.1.2.3');
like($text, qr/answer 403/, 'an address');
($text) = $mosn->ctl('explain', 'GET', 'http://shop.example/split');
like($text, qr/^split      c 90\/100, parts 10\/100$/m, 'a split');
($text) = $mosn->ctl('explain', 'GET', 'http://nobody/');
like($text, qr/^host       none$/m, 'no host');
for my $bad ([qw(GET)], ['@zzz', 'GET', '/'], ['GET', '/', 'nonsense'], ['GET', '/', 'source=x'], ['call']) {
    ($text, $rc) = $mosn->ctl('explain', @$bad);
    is($rc, 1, "@$bad: $text");
}

# --- diff

sub diff {
    my ($change, @o) = @_;
    my $conf = Mosn::slurp($mosn->{conf});
    $change->() for $conf;
    open my $f, '>', "$mosn->{dir}/other.conf" or die;
    print $f $conf;
    close $f;
    my ($t, $rc) = $mosn->ctl('diff', "$mosn->{dir}/other.conf");
    return $t;
}
is(diff(sub { }), "no difference\n", 'the same file');
is(diff(sub { s/ /  /g; s/prefix_rewrite = "\/";  host_rewrite = "inner"/host_rewrite  =  "inner"; prefix_rewrite="\/"/; }), "no difference\n", 'other blanks and another order');
is(diff(sub { s/name = "c"; hosts/name = "c"; lb = "random"; hosts/ }), "clusters[c].lb: \"weighted_round_robin\" -> \"random\"\n", 'a balancer');
is(diff(sub { s/127\.0\.0\.1:$o"; \} \)/127.0.0.1:$o"; weight = 5; }, { address = "127.0.0.9:1"; } )/ }),
    "clusters[c].hosts[127.0.0.1:$o].weight: 1 -> 5\nclusters[c].hosts[127.0.0.9:1]: added\n", 'hosts');
like(diff(sub { s/path = "\/new"/path = "\/newer"/ }), qr/^routes\[r\]\.virtual_hosts\[shop\]\.routes\[1\]\.redirect\.path: "\/new" -> "\/newer"$/, 'a route');
$mosn->ctl('host', 'set', 'c', "127.0.0.1:$o", 'weight=9');
is(diff(sub { }), "clusters[c].hosts[127.0.0.1:$o].weight: 9 -> 1\n", 'what was changed at run time would be lost');
{
    my $edits = 'routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; headers = { request_set = { x-a = "1"; x-b = "%request_header_x-a%"; }; }; routes = ( { route = { cluster = "c"; }; } ); } ); }, { name = "calls"; } );';
    is($mosn->apply($edits), '', 'edits');
    (my $swapped = $edits) =~ s/x-a = "1"; (x-b = "[^"]*");/$1; x-a = "1";/;
    my $told = diff(sub { s/routes = \(.*\);/$swapped/s });
    like($told, qr/^routes\[r\]\.virtual_hosts\[v\]\.headers\.request_set: in another order$/m, 'edits that read one another');
    unlike(diff(sub { s/routes = \(.*\);/$edits/s }), qr/order/, 'the same ones');
    is($mosn->apply($routes), '', 'as before');
}
like(diff(sub { s/clusters = /clsters = / }), qr/did you mean/, 'a file that is wrong');

# --- tests inside the configuration

my $tests = <<'E';
tests = ( { name = "api"; request = "GET http://shop.example/api/x"; headers = { x-env = "gray"; }; route = "shop[0]"; cluster = "parts"; path = "/x"; host = "inner"; },
  { name = "moved"; request = "GET http://shop.example/old"; status = 302; location = "/new"; },
  { name = "nothing"; request = "GET http://shop.example/zzz"; route = "none"; status = 404; },
  { name = "call"; listener = "calls"; call = "a.B say"; headers = { host = "shop.example"; }; route = "calls[0]"; },
  { name = "split"; request = "GET http://shop.example/split"; cluster = "parts"; },
  { name = "net"; listener = "l"; request = "GET http://shop.example/net"; source = "10.0.0.1"; status = 403; } );
E
$mosn->write_conf("$shared $routes $tests");
($text, $rc) = $mosn->ctl('reload');
is($rc, 0, 'tests that hold') or diag($text);
for my $wrong (['shop[0]"; cluster', 'shop[1]"; cluster', qr/mosn\.conf:\d+: tests\[0\]\.route: test "api": it is "shop\[0\]"/],
    ['302; location', '301; location', qr/test "moved": it is 302/], ['location = "/new"', 'location = "/x"', qr/test "moved": it is "\/new"/],
    ['path = "/x"', 'path = "/y"', qr/test "api": it is "\/x"/], ['listener = "l"', 'listener = "z"', qr/no listener of that name/],
    ['"GET http://shop.example/zzz"', '"GET"', qr/expected "METHOD URL"/], ['route = "none"; status = 404;', '', qr/expects nothing/]) {
    my ($from, $to, $why) = @$wrong;
    (my $changed = $tests) =~ s/\Q$from\E/$to/ or die;
    $mosn->write_conf("$shared $routes $changed");
    ($text, $rc) = $mosn->ctl('reload');
    is($rc, 1, "$to: refused");
    like($text, $why, 'with the reason');
}
is(Mosn::get($port, '/ok', host => 'shop.example')->{body}, 'ok', 'nothing has changed');
$mosn->finish;
done_testing();
