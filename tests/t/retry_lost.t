# retry_lost keeps within the budget; streams that are refused are told, and
# asked for less and less often.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(time);
sub frame { my ($type, $flags, $id, $body) = @_; return substr(pack('N', length $body), 1) . pack('CCN', $type, $flags, $id) . $body }
my $closing = Mosn::origin(sub { return });
my $refusing = Mosn::server(sub {
    my ($s, $log) = @_;
    my $in = '';
    syswrite $s, frame(4, 0, 0, '') . frame(4, 1, 0, '');
    while (sysread $s, $in, 65536, length $in) {
        $in =~ s/^PRI \* HTTP\/2\.0\r\n\r\nSM\r\n\r\n//;
        while (length $in >= 9 && length $in >= 9 + (my $len = unpack 'N', "\0" . substr $in, 0, 3)) {
            my ($type, $flags, $id) = unpack 'CCN', substr $in, 3, 6;
            substr($in, 0, 9 + $len) = '';
            next if $type != 1;
            Mosn::say_to($log, "asked\n");
            syswrite $s, frame(3, 0, $id, pack 'N', 7);
        }
    }
});
my $at = 'hosts = ( { address = "127.0.0.1:' . $closing->port . '"; } );';
my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; access_log = ( { path = "%%DIR%%/access.log"; format = "%request_path% %response_code% %attempts%"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
  { match = { path_prefix = "/refused"; }; route = { cluster = "refused"; retry = { on = ["5xx"]; attempts = 3; backoff = "5ms"; }; }; },
  { match = { path = "/none"; }; route = { cluster = "none"; retry_lost = true; retry = { on = ["reset"]; attempts = 3; }; }; },
  { route = { cluster = "some"; retry_lost = true; }; } ); } ); } );
clusters = ( { name = "none"; retry_budget = { percent = 0.0; min_per_second = 0; }; $at }, { name = "some"; retry_budget = { percent = 0.0; min_per_second = 1; }; $at },
  { name = "refused"; protocol = "http2"; hosts = ( { address = "127.0.0.1:$refusing->{port}"; } ); } );
E
sub asked { my ($path) = @_; return scalar(() = $closing->seen =~ m{POST \Q$path\E }g) }
sub post { return Mosn::raw($mosn->port(1), "POST $_[0] HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", seconds => 10) =~ /^HTTP\/1.1 (\d+)/ ? $1 : 'none' }
is(post('/none'), 502, 'without a budget');
is(asked('/none'), 1, 'it is sent once');
is($mosn->stats->{'cluster.none.retries_refused'}, 1, 'as the metrics say');
is(post('/some'), 502, 'with one for a second');
cmp_ok(asked('/some'), '<=', 3, 'it is sent again');
cmp_ok(asked('/some'), '>=', 2, 'as often as that lets it');
my $since = time;
is(post('/refused'), 503, 'a host that refuses streams');
my $asked = () = $refusing->seen =~ /asked/g;
cmp_ok(time - $since, '>', 0.3, "is asked with pauses ($asked times)");
my $log = '';
Mosn::wait_for(sub { $log = Mosn::slurp("$mosn->{dir}/access.log"); $log =~ /refused/ });
like($log, qr{^/refused 503 $asked$}m, 'and each time is told');
$mosn->finish; done_testing();
