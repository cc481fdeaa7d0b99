# One-way calls: mosn answers them itself, and what is done to answers is done
# to that one; copies of them leave the call alone.
use strict; use warnings; use Test::More; use Mosn; use Calls;
my %more = (
    sticky  => 'sticky = { cookie = "route"; };',
    edits   => 'headers = { response_set = { x-b = "b"; }; };',
    outlier => 'outlier_detection = { };',
);
my @names = sort keys %more;
my $listen = Calls->listen(Mosn::free_port());
my $host = '{ address = "127.0.0.1:' . $listen->sockport . '"; }';
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; headers = { response_set = { x-v = "%response_code%"; }; }; routes = (
  @{[join ' ', map { qq({ match = { service = "$_"; }; route = { cluster = "$_"; hash = ( { cookie = "h"; ttl = "1h"; } ); }; },) } @names]}
  { match = { service = "copied"; }; route = { cluster = "one"; timeout = "1s"; mirror = ( { cluster = "one"; } ); }; } ); } ); } );
clusters = ( @{[join ' ', map { qq({ name = "$_"; protocol = "bolt"; $more{$_} hosts = ( $host ); },) } @names]}
  { name = "one"; protocol = "bolt"; circuit_breaker = { max_connections = 1; }; rpc = { max_in_flight = 1; }; hosts = ( $host ); } );
E
my %call = (map => [service => 'x:1.0', sofa_head_method_name => 'hi'], content => 'hello');
for my $name (@names) {
    my $c = Calls->connect($mosn->port(1));
    $c->send(Calls::bolt(%call, id => $_, type => 2, map => [service => "$name:1.0"])) for 1 .. 3;
    my $up = Calls->accept($listen);
    is(join(' ', map { $up->bolt_request->{content} } 1 .. 3), 'hello hello hello', "$name: one-way calls come to the host");
    $c->send(Calls::bolt(%call, id => 9, map => [service => "$name:1.0"]));
    my $r = $up->bolt_request;
    $up->send(Calls::bolt_response(id => $r->{id}, content => 'fine'));
    is($c->bolt_answer->{content}, 'fine', 'and the next call is answered, by the same worker');
}

# The copy is over as soon as it is sent, and the call takes its place.
my $c = Calls->connect($mosn->port(1));
$c->send(Calls::bolt(%call, id => 1, map => [service => 'copied:1.0']));
my $up = Calls->accept($listen);
for (1 .. 2) {
    my $r = $up->bolt_request;
    $up->send(Calls::bolt_response(id => $r->{id}, content => 'fine'));
}
is($c->bolt_answer->{content}, 'fine', 'a connection, with a call and its copy');
my @got;
for my $k (2 .. 6) {
    $c->send(Calls::bolt(%call, id => $k, type => 2, map => [service => 'copied:1.0']));
    push @got, map { length $up->bolt_request->{content} } 1 .. 2;
}
is("@got", join(' ', (5) x 10), 'one-way calls and their copies are whole');
$mosn->finish; done_testing();
