# What --persist keeps must be what mosn can be started with.
use strict; use warnings; use Test::More; use Mosn;

# A change that is kept must leave a configuration that mosn starts with.
{
my $o = Mosn::origin(sub { return Mosn::ok_response('x') });
my $op = $o->port;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
runtime_file = "%%DIR%%/runtime.conf";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { route = { cluster = "c"; subset = { v = "1"; }; }; } ); } ); } );
clusters = ( { name = "c"; subset_selectors = ( ["v"] ); hosts = ( { address = "127.0.0.1:$op"; metadata = { v = "1"; }; } ); } );
E
open my $f, '>', "$mosn->{dir}/a.conf"; print $f "clusters = ( { name = \"c\"; hosts = ( { address = \"127.0.0.1:$op\"; metadata = { v = \"1\"; }; } ); } );"; close $f;
my ($t, $rc) = $mosn->ctl('apply', '--persist', "$mosn->{dir}/a.conf");
note "apply: $rc $t";
my $kept = $rc == 0;
my $a = Mosn::get($mosn->port(1), '/');
note "served: $a->{status}";
($t, $rc) = $mosn->ctl('reload');
is($rc, 0, 'a reload still works') or diag $t;
is(system("$Mosn::BIN -t -q -c $mosn->{conf}"), 0, 'and so would a start');
$mosn->finish;
}

# Routes that are kept rest on a change that is not: a reload and a start must go well, or the change be refused.
{
my $o = Mosn::origin(sub { return Mosn::ok_response('x') });
my $op = $o->port;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock"; runtime_file = "%%DIR%%/runtime.conf";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$op"; } ); } );
E
is($mosn->apply("clusters = ( { name = \"c\"; subset_selectors = ( [\"v\"] ); hosts = ( { address = \"127.0.0.1:$op\"; metadata = { v = \"1\"; }; } ); } );"), '', 'selectors for now');
open my $f, '>', "$mosn->{dir}/a.conf"; print $f 'routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; subset = { v = "1"; }; }; } ); } ); } );'; close $f;
my ($t, $rc) = $mosn->ctl('apply', '--persist', "$mosn->{dir}/a.conf");
note "apply --persist: $rc $t";
($t, $rc) = $mosn->ctl('reload');
is($rc, 0, 'a reload still works') or diag $t;
is(system("$Mosn::BIN -t -q -c $mosn->{conf}"), 0, 'and so would a start');
$mosn->finish;
}

done_testing();
