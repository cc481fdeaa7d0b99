# Filters of a listener that are replaced hold for the next request of each
# connection, also of those that are there already.
use strict; use warnings; use Test::More; use Mosn; use Calls;
sub table { return qq|{ name = "$_[0]"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { path = "/x"; }; respond = { body = "$_[0]"; }; }, { match = { service = "x"; }; route = { cluster = "$_[0]"; }; } ); } ); }| }
my $hosts = Calls->listen(Mosn::free_port());
my $other = Calls->listen(Mosn::free_port());
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "one"; } ); } );
routes = ( @{[join ', ', map { table($_) } qw(one two)]} );
clusters = ( { name = "one"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:@{[$hosts->sockport]}"; } ); },
  { name = "two"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:@{[$other->sockport]}"; } ); } );
E
my $s = Mosn::connect_to($mosn->port(1));
my $reader = Mosn::Reader->new($s);
sub ask { print $s "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"; return $reader->message(0) }
my $calls = Calls->connect($mosn->port(1));
sub calls { my ($listen, $id) = @_; $calls->send(Calls::bolt(id => $id, map => [service => 'x:1.0', sofa_head_method_name => 'hi'], content => 'x')); my $up = Calls->accept($listen); my $r = $up->bolt_request; $up->send(Calls::bolt_response(id => $r->{id}, content => 'y')); return $calls->bolt_answer->{content} }
is(ask()->{body}, 'one', 'a connection');
is(calls($hosts, 1), 'y', 'one of calls');
for my $n (1 .. 3) {
    for my $table ('two', 'one') {
        my $more = $n == 2 ? 'idle_timeout = "50s"; ' : '';
        is($mosn->apply(qq|listeners = ( { name = "l"; filters = ( { type = "proxy"; ${more}routes = "$table"; } ); } );|), '', "filters with routes \"$table\"");
        ok(Mosn::wait_for(sub { ask()->{body} eq $table }), 'hold for the next request of a connection');
    }
}
is($mosn->apply('listeners = ( { name = "l"; filters = ( { type = "proxy"; routes = "two"; } ); } );'), '', 'other filters');
ok(Mosn::wait_for(sub { ask()->{body} eq 'two' }), 'hold');
is(calls($other, 2), 'y', 'for the next call, too');
is($mosn->apply('routes = ( ' . table('two') =~ s/body = "two"/body = "new"/r . ' );'), '', 'routes of theirs');
ok(Mosn::wait_for(sub { ask()->{body} eq 'new' }), 'are those that serve');
like(($mosn->ctl('explain', 'GET', "http://a:@{[$mosn->port(1)]}/x"))[0], qr/"new"|two/, 'and explain says so');

# A filter that is of another kind is for those who come.
is($mosn->apply('listeners = ( { name = "l"; filters = ( { type = "tcp_proxy"; cluster = "one"; } ); } );'), '', 'a filter of another kind');
is(ask()->{body}, 'new', 'leaves those who are there alone') for 1 .. 3;
close $s;
$mosn->finish; done_testing();
