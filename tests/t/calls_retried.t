# Statuses of calls are retried also when the client speaks HTTP; a tunnel is
# not copied.
use strict; use warnings; use Test::More; use Mosn; use Calls;
my $host = Mosn::server(sub { my ($s, $log) = @_; my $c = Calls->new($s);
    while (my $r = eval { $c->bolt_request }) { Mosn::say_to($log, "asked\n"); $c->send(Calls::bolt_response(id => $r->{id}, status => 4, content => 'no')) } });
my $far = Mosn::server(sub { my ($s, $log) = @_; while (sysread $s, my $in, 65536) { Mosn::say_to($log, $in); syswrite $s, "HTTP/1.1 200 OK\r\n\r\n" if $in =~ /^CONNECT/ } });
my $copies = Mosn::origin(sub { Mosn::ok_response('x') });
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; allow_connect = true; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { methods = ["CONNECT"]; }; route = { cluster = "far"; mirror = ( { cluster = "copies"; } ); }; },
  { route = { cluster = "calls"; retry = { rpc_statuses = ["4"]; attempts = 3; backoff = "1ms"; }; }; } ); } ); } );
clusters = ( { name = "calls"; protocol = "bolt"; hosts = ( { address = "127.0.0.1:$host->{port}"; } ); },
  { name = "far"; hosts = ( { address = "127.0.0.1:$far->{port}"; } ); }, { name = "copies"; hosts = ( { address = "127.0.0.1:$copies->{port}"; } ); } );
E
my $c = Calls->connect($mosn->port(1));
$c->send(Calls::bolt(id => 1, map => [service => 'x:1.0'], content => 'hi', timeout => 5000));
is($c->bolt_answer->{status}, 4, 'a host is busy');
is(scalar(() = $host->seen =~ /asked/g), 3, 'and asked three times');
my $answer = Mosn::get($mosn->port(1), '/x/say', method => 'POST', body => 'hi');
is($answer->{status}, 503, 'by HTTP it is 503');
is(scalar(() = $host->seen =~ /asked/g), 6, 'after three times, too') or diag($answer->{body});
my $s = Mosn::connect_to($mosn->port(1));
print $s "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n";
like(scalar <$s>, qr/200/, 'a tunnel');
close $s;
ok(Mosn::wait_for(sub { $mosn->stats->{'cluster.far.requests_active'} == 0 }), 'which ends');
is($mosn->stats->{'cluster.copies.requests_active'} // 0, 0, 'there was no copy');
is($copies->seen, '', 'of it');
$c->close; $mosn->finish; done_testing();
