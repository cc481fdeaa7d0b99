#!/usr/bin/env perl
# tests/t/plugin.t - the example of a private protocol: built against the
# installed headers alone, loaded, and spoken.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use Test::More;
use Mosn;
use Calls;

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $objs = $Mosn::BIN =~ s{/mosn$}{}r;
$objs =~ s{^\Q$Mosn::TOP\E/}{};
is(system("cd '$Mosn::TOP' && auto/install '$objs' '$dir/dest' >'$dir/out' 2>&1"), 0, 'make install') or diag(Mosn::slurp("$dir/out"));
my ($pc) = split /\n/, `find '$dir/dest' -name mosn.pc`;
ok($pc, 'with a file for pkg-config');
my ($cflags) = Mosn::slurp($pc) =~ /^Cflags: (.*)/m;
my ($prefix) = Mosn::slurp($pc) =~ /^prefix=(.*)/m;
$cflags =~ s/\$\{prefix\}/$dir\/dest$prefix/;

# As its Makefile does, away from our tree.
sub build {
    my ($name, @flags) = @_;
    copy("$Mosn::TOP/contrib/example-protocol/example.c", "$dir/example.c") or die $!;
    return system("cd '$dir' && cc -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror $cflags @flags -shared -o $name.so example.c") == 0;
}
ok(build('x'), 'the example builds');
is(system("sed -i 's/define MOSN_ABI  *[0-9]*\$/define MOSN_ABI 0/' '$dir/dest$prefix/include/mosn/core/module.h'"), 0, 'another interface');
ok(build('old'), 'and against that');
system("echo 'int nothing;' >'$dir/n.c'; cc -shared -o '$dir/not.so' '$dir/n.c'");

my $conf = <<"E";
modules = ["$dir/x.so"];
control_socket = "%%DIR%%/control.sock";
listeners = (
  { name = "x"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; rpc = { goaway = true; };
      access_log = ( { path = "%%DIR%%/access.log"; format = "%protocol% %request_path% %response_code% %response_flag%"; } ); } ); },
  { name = "bolt"; address = "127.0.0.1:%%PORT3%%"; filters = ( { type = "proxy"; downstream_protocol = "bolt"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { service = "orders"; method = "get*"; }; route = { cluster = "orders"; }; } ); } ); } );
clusters = ( { name = "orders"; protocol = "x_example"; hosts = ( { address = "127.0.0.1:%%PORT2%%"; } );
    rpc = { heartbeat_interval = "300ms"; heartbeat_timeout = "200ms"; heartbeat_misses = 100; }; } );
E
my $mosn = Mosn->start($conf);
my $host = Calls->listen($mosn->port(2));

sub request { my ($id, $payload, $type) = @_; return pack('CCCN N/a', 0x78, $type // 1, 0, $id, $payload) }
sub response { my ($id, $payload, $status, $type) = @_; return pack('CCCN n N/a', 0x78, $type // 1, 1, $id, $status // 0, $payload) }

sub frame {
    my ($from) = @_;
    my (undef, $type, $back, $id) = unpack 'CCCN', my $head = $from->take(7);
    my $status = $back ? unpack 'n', $from->take(2) : '-';
    my $payload = $from->take(unpack 'N', $from->take(4));
    return { type => $type, back => $back, id => $id, status => $status, payload => $payload };
}

sub text { my ($f) = @_; return join ' ', @$f{qw(type back id status payload)} }

my $c = Calls->connect($mosn->port(1));
$c->send(request(77, 'orders.getOne: 1'));
my $up = Calls->accept($host);
my $r = frame($up);
is($r->{payload}, 'orders.getOne: 1', 'detected, routed and passed on');
$up->send(response($r->{id}, 'fine'));
is(text(frame($c)), '1 1 77 0 fine', 'answered with the id of the client');
$c->send(request(78, '', 0));
is(text(frame($c)), '0 1 78 0 ', 'a heartbeat');
$c->send(request(79, 'orders.put: 1'));
is(text(frame($c)), '1 1 79 1 no_route', 'errors in its own words');
do { $r = frame($up) } until $r->{type} == 0;
is($r->{back}, 0, 'the host is asked for a sign of life');
$up->send(response($r->{id}, '', 0, 0));
$up->send(request(1, '', 2));
$c->send(request(80, 'orders.getTwo: 2'));
my $other = Calls->accept($host);
$r = frame($other);
is($r->{payload}, 'orders.getTwo: 2', 'a host that goes away gets no more: there is another connection');
$other->send(response($r->{id}, 'two'));
is(text(frame($c)), '1 1 80 0 two', 'and an answer');
ok(Mosn::wait_for(sub { Mosn::slurp("$mosn->{dir}/access.log") =~ m{^x_example /orders/put 404 no_route$}m }), 'it is in the log');

is(($mosn->ctl('reload'))[1], 0, 'a reload loads it again');
my $d = Calls->connect($mosn->port(1));
$d->send(request(81, 'orders.getThree: 3'));
my $third = Calls->accept($host);
$r = frame($third);
$third->send(response($r->{id}, 'three'));
is(text(frame($d)), '1 1 81 0 three', 'and it works');

# What cannot be loaded is told, and changes nothing.
for my $case (['missing.so', qr/modules\[0\].*cannot be loaded: .*No such file/], ['not.so', qr/no module of mosn in it/], ['old.so', qr/built for interface 0, this is \d+: build it again/]) {
    $mosn->write_conf($conf =~ s/x\.so/$case->[0]/r);
    my ($text, $rc) = $mosn->ctl('reload');
    is($rc, 1, "$case->[0] is refused");
    like($text, $case->[1], 'with the cause');
}
$d->send(request(82, 'orders.getFour: 4'));
do { $r = frame($third) } until $r->{type} == 1;
$third->send(response($r->{id}, 'four'));
is(text(frame($d)), '1 1 82 0 four', 'what was loaded serves on');
$mosn->stop;
$r = frame($d);
is($r->{type}, 2, 'at the end the client is told');

$mosn->finish;
done_testing;
