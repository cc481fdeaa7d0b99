#!/usr/bin/env perl
# tests/t/calls_tls.t - calls over TLS, with certificates on both sides.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Test::More;
use Mosn;
use Calls;

my $dir = Mosn::certificates('far.test', 'near.test', 'stranger.test');
my $calls = Mosn::tool('calls');
my $host = Mosn::free_port();
my (undef, $out) = Mosn::background($calls, 'host', $host, 20);
Mosn::wait_for(sub { Mosn::slurp($out) =~ /ready/ }) or die 'no host';

sub tls { my ($name) = @_; return qq(tls = { sni = "far.test"; trusted_ca = "$dir/ca.pem"; certificate = { certificate = "$dir/$name.pem"; private_key = "$dir/$name.key"; }; };) }

my $mosn = Mosn->start(<<"E", workers => 2);
control_socket = "%%DIR%%/control.sock";
listeners = (
  { name = "near"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "near"; } ); },
  { name = "stranger"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "stranger"; } ); },
  { name = "far"; address = "127.0.0.1:%%PORT3%%";
    tls = { certificates = ( { certificate = "$dir/far.test.pem"; private_key = "$dir/far.test.key"; } ); client_ca = "$dir/ca.pem"; verify_client = "require"; };
    filters = ( { type = "proxy"; routes = "far"; } ); } );
routes = (
  { name = "near"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { service = "com.example.Calls:1.0"; }; route = { cluster = "far-bolt"; }; }, { match = { }; route = { cluster = "far-dubbo"; }; } ); } ); },
  { name = "stranger"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { }; route = { cluster = "stranger"; }; } ); } ); },
  { name = "far"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { service = "com.example.Calls:1.0"; client_names = ["near.test"]; }; route = { cluster = "bolt"; }; },
    { match = { service = "com.example.Calls"; client_names = ["near.test"]; }; route = { cluster = "dubbo"; }; } ); } ); } );
clusters = (
  { name = "far-bolt"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:%%PORT3%%"; } ); @{[ tls('near.test') ]} },
  { name = "far-dubbo"; protocol = "dubbo"; hosts = ( { address = "127.0.0.1:%%PORT3%%"; } ); @{[ tls('near.test') ]} },
  { name = "stranger"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:%%PORT3%%"; } ); @{[ tls('stranger.test') ]} },
  { name = "bolt"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:$host"; } ); },
  { name = "dubbo"; protocol = "dubbo"; hosts = ( { address = "127.0.0.1:$host"; } ); } );
E

sub load {
    my ($seconds, $protocol, $during) = @_;
    my ($pid, $out) = Mosn::background($calls, 'load', $seconds, $mosn->port(1), $protocol, 8, 100);
    $during->() if $during;
    Mosn::wait_for(sub { waitpid($pid, 1) == $pid }, $seconds + 20);
    my %count = Mosn::slurp($out) =~ /^(\w+) (\d+)$/mg;
    note(join ' ', map { "$_ $count{$_}" } sort keys %count);
    cmp_ok($count{answered}, '>', 500, "$protocol: calls are answered");
    return join ' ', map { "$_ $count{$_}" } qw(failed swapped strays lost closed);
}

my $well = 'failed 0 swapped 0 strays 0 lost 0 closed 0';
is(load(1, $_), $well, "$_ over TLS with certificates on both sides") for qw(bolt boltv2 dubbo);

my $c = Calls->connect($mosn->port(2));
$c->send(Calls::bolt(id => 1, map => [service => 'com.example.Calls:1.0']));
is($c->bolt_answer->{status}, 6, 'a certificate with another name finds no route');

is(load(4, 'bolt', sub { is(($mosn->ctl('reload'))[1], 0, 'reload') for 1 .. 3 }), $well, 'reloads between two meshes under TLS: nothing is lost');

$mosn->finish;
done_testing;
