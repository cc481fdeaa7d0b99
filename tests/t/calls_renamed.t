# A call that is carried to another mosn goes by the name that its headers
# have when they were changed.
use strict; use warnings; use Test::More; use Mosn; use Calls;
my $host = Mosn::server(sub { my ($s, $log) = @_; my $c = Calls->new($s);
    while (my $r = eval { $c->bolt_request }) { Mosn::say_to($log, "$r->{map}{service}\n") if ref $r->{map} eq 'HASH'; $c->send(Calls::bolt_response(id => $r->{id}, content => 'fine')) } });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "near"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "near"; } ); },
  { name = "far"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "far"; } ); } );
routes = ( { name = "near"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { service = "old"; }; headers = { request_set = { service = "new:2.0"; }; }; route = { cluster = "far"; }; }, { route = { cluster = "far"; }; } ); } ); },
  { name = "far"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { service = "new"; version = "2.0"; }; route = { cluster = "host"; }; } ); } ); } );
clusters = ( { name = "far"; protocol = "http2"; hosts = ( { address = "127.0.0.1:%%PORT2%%"; } ); }, { name = "host"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); } );
E
my $c = Calls->connect($mosn->port(1));
$c->send(Calls::bolt(id => 1, map => [service => 'old:1.0', sofa_head_method_name => 'hi'], content => 'x' x 20000, timeout => 5000));
is($c->bolt_answer->{content}, 'fine', 'its name is changed, near and far');
$c->send(Calls::bolt(id => 2, map => [service => 'other:1.0', sofa_head_method_name => 'hi'], content => 'x', timeout => 5000));
isnt($c->bolt_answer->{status}, 0, 'another one has no route there');
$c->close; $mosn->finish; done_testing();
