# `percent` is of the requests that get to the route.
use strict; use warnings; use Test::More; use Mosn;
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
 { match = { percent = 50.0; }; respond = { body = "a"; }; }, { match = { percent = 50.0; }; respond = { body = "b"; }; }, { respond = { body = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:1"; } ); } );
E
my %n = (a => 0, b => 0, c => 0);
my $s = Mosn::connect_to($mosn->port(1)); my $r = Mosn::Reader->new($s);
for (1 .. 400) { print $s "GET / HTTP/1.1\r\nHost: h\r\n\r\n"; $n{ $r->message(0)->{body} }++ }
diag("a $n{a}, b $n{b}, c $n{c}");
cmp_ok($n{b}, '>', 40, 'a quarter goes to the second route');
$mosn->finish;

# A test has one result: routes that take a part are passed by.
my $tried = Mosn->prepare;
$tried->write_conf(<<'CONF');
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
 { match = { percent = 99.9; }; respond = { body = "a"; }; }, { match = { percent = 99.9; }; respond = { body = "b"; }; }, { name = "rest"; respond = { body = "c"; }; } ); } ); } );
tests = ( { name = "t"; request = "GET http://h/"; route = "rest"; } );
CONF
my $fine = grep { `$Mosn::BIN -t -c $tried->{conf} 2>&1` =~ /is fine/ } 1 .. 3;
is($fine, 3, 'tests end in the same way each time');
done_testing();
