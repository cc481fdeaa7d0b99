# A hedge must not be sent for a request whose body was not kept: the second
# host gets an empty PUT.
use strict; use warnings; use Test::More; use Mosn;
my @o = map { my $n = $_; Mosn::origin(sub { my $r = shift;
    sleep 1 if length $r->{body};
    return Mosn::ok_response("$n " . length $r->{body}) }) } qw(a b);
my $hosts = join ', ', map { "{ address = \"127.0.0.1:" . $_->port . "\"; }" } @o;
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { prefix = "/"; }; route = { cluster = "c"; hedge = { delay = "100ms"; }; }; } ); } ); } );
clusters = ( { name = "c"; retry_budget = { min_per_second = 100; }; hosts = ( $hosts ); } );
E
my $a = Mosn::get($mosn->port(1), "/x", method => 'PUT', body => 'y' x 66000);
like($a->{body}, qr/ 66000$/, 'the answer is to the whole body');
my @l = map { length((split /\r\n\r\n/, $_, 2)[1] // '') } map { $_->requests } @o;
diag("bodies seen: @l");
is(scalar(grep { $_ != 66000 } @l), 0, 'no host has seen the PUT without its body');
$mosn->finish; done_testing();
