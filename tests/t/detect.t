#!/usr/bin/env perl
# tests/t/detect.t - one port for everything: the first bytes tell.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Test::More;
use Mosn;
use Calls;

my $dir = Mosn::certificates('a.test');
my $filters = q(filters = ( { type = "proxy"; routes = "r"; header_timeout = "400ms"; fallback = ( { type = "tcp_proxy"; cluster = "raw"; } ); } ););
my $conf = <<"E";
control_socket = "%%DIR%%/control.sock";
listeners = (
  { name = "one"; address = "127.0.0.1:%%PORT1%%"; filter_chains = (
      { match = { transport_protocol = "tls"; }; tls = { certificates = ( { certificate = "$dir/a.test.pem"; private_key = "$dir/a.test.key"; } ); alpn = ["h2", "http/1.1"]; }; $filters },
      { match = { transport_protocol = "raw"; }; $filters } ); },
  { name = "strict"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "r"; header_timeout = "400ms"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { path = "/"; }; respond = { body = "web"; }; } ); } ); } );
clusters = ( { name = "raw"; hosts = ( { address = "127.0.0.1:%%PORT3%%"; } ); } );
E
my $mosn = Mosn->start($conf);
my $port = $mosn->port(1);
my $raw = Calls->listen($mosn->port(3));

is(Mosn::get($port, '/')->{body}, 'web', 'HTTP/1');
is(`curl -s --http2-prior-knowledge http://127.0.0.1:$port/`, 'web', 'HTTP/2');
is(`curl -s --http2 --cacert $dir/ca.pem --resolve a.test:$port:127.0.0.1 https://a.test:$port/`, 'web', 'HTTP/2 in TLS');
is(`curl -s --http1.1 --cacert $dir/ca.pem --resolve a.test:$port:127.0.0.1 https://a.test:$port/`, 'web', 'HTTP/1 in TLS');
for my $version (1, 2) {
    my $c = Calls->connect($port);
    $c->send(Calls::bolt(version => $version, id => 5, command => 0));
    is($c->bolt_answer->{version}, $version, "Bolt $version");
}
my $c = Calls->connect($port);
$c->send("\xda");
select undef, undef, undef, 0.05;
$c->send(substr pack('nCCQ>N', 0xdabb, 0xe2, 0, 77, 1) . 'N', 1);
is($c->dubbo_answer->{id}, 77, 'Dubbo, byte by byte');

# What nobody knows.
$c = Calls->connect($port);
$c->send("\xff\xfe raw");
my $up = Calls->accept($raw);
is($up->take(6), "\xff\xfe raw", 'other bytes go to the fallback');
$up->send('answer');
is($c->take(6), 'answer', 'and back');
$c->send('more');
is($up->take(4), 'more', 'and on');
my $d = Calls->connect($port);
$d->send('GE');
my $late = Calls->accept($raw, 3);
is($late->take(2), 'GE', 'and those that do not tell in time');

is(($mosn->ctl('reload'))[1], 0, 'a reload');
$up->send('still');
is($c->take(5), 'still', 'the fallback lives on');
ok(Mosn::wait_for(sub { !grep { $_->{state} ne 'serving' } @{ $mosn->status->{children} } }), 'in the new worker');
$c->send('there');
is($up->take(5), 'there', 'where it was handed to');
$c->close;

# Without one: malformed HTTP.
$c = Calls->connect($mosn->port(2));
$c->send("\xff\xfe raw\r\n\r\n");
like($c->take(12), qr{^HTTP/1.1 400}, 'without a fallback they are malformed HTTP');
$c = Calls->connect($mosn->port(2));
$c->send('GE');
ok($c->is_closed, 'or closed, when they do not tell in time');

$mosn->write_conf($conf =~ s/type = "proxy"; routes = "r"; header_timeout = "400ms"; fallback/type = "proxy"; downstream_protocol = "bolt"; routes = "r"; header_timeout = "400ms"; fallback/r);
my ($text, $rc) = $mosn->ctl('reload');
is($rc, 1, 'a fallback for a fixed protocol is refused');
like($text, qr/nothing to fall back from/, 'with the cause');

$_->close for $up, $late, $d;
$mosn->finish;
done_testing;
