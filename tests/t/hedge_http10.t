# A hedge for an HTTP/1.0 client without Host names its own host, not the first one's.
use strict; use warnings; use Test::More; use Mosn;
sub host { my ($name) = @_; return Mosn::origin(sub { my $r = shift; select(undef, undef, undef, 0.4) if $r->{head} =~ /x-slow: $name/; my ($h) = $r->{head} =~ /^Host: (.*)\r$/mi; return Mosn::ok_response("$name $h") }) }
my %h = map { $_ => host($_) } qw(a b);
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; hedge = { delay = "50ms"; }; }; } ); } ); } );
clusters = ( { name = "c"; lb = "random"; retry_budget = { min_per_second = 100; }; hosts = ( { address = "127.0.0.1:@{[$h{a}->port]}"; }, { address = "127.0.0.1:@{[$h{b}->port]}"; } ); } );
E
my $seen = 0;
for my $slow ((qw(a b)) x 10) {
    my $t = Mosn::raw($mosn->port(1), "GET / HTTP/1.0\r\nx-slow: $slow\r\n\r\n");
    my ($who, $host) = $t =~ /\r\n\r\n(\w) (\S+?)$/ or next;
    is($host, '127.0.0.1:' . $h{$who}->port, "$who is asked by its own name");
}
$mosn->finish; done_testing();
