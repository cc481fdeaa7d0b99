# filters_live.t - the filters of a listener change at run time, for the next
# request of each connection.

use strict;
use warnings;
use Test::More;
use Mosn;

my $origin = Mosn::origin(sub {
    my $r = shift;
    my ($seen) = $r->{head} =~ /^x-filter: (.*?)\r$/mi;
    return Mosn::ok_response(($seen // 'none') . " $r->{path}");
});
my $at = $origin->port;
my $echo = Mosn::server(sub { my ($s) = @_; while (sysread $s, my $b, 100) { syswrite $s, $b } });
my $mosn = Mosn->start(<<"E", workers => 2);
control_socket = "%%DIR%%/control.sock";
runtime_file = "%%DIR%%/runtime.conf";
listeners = (
  { name = "http"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; access_log = ( { path = "%%DIR%%/access.log"; format = "before %request_path%"; } ); } ); },
  { name = "tcp"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "tcp_proxy"; cluster = "echo"; } ); },
  { name = "chains"; address = "127.0.0.1:%%PORT3%%"; filter_chains = ( { filters = ( { type = "proxy"; routes = "r"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); },
  { name = "other"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { status = 204; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$at"; } ); }, { name = "echo"; hosts = ( { address = "127.0.0.1:@{[$echo->port]}"; } ); } );
E
my ($http, $tcp) = ($mosn->port(1), $mosn->port(2));
sub filters { my ($name, $filters) = @_; return qq|listeners = ( { name = "$name"; filters = ( $filters ); } );| }
sub edits { my ($value, $more) = @_; return qq|{ type = "proxy"; routes = "r"; ${\ ($more // '')} stream_filters = ( { type = "headers"; request_set = { x-filter = "$value"; }; } ); }| }
sub ask {
    my ($s, $path) = @_;
    print $s "GET $path HTTP/1.1\r\nHost: x\r\n\r\n";
    my $a = Mosn::Reader->new($s)->message(0);
    return "$a->{status} $a->{body}";
}

# --- HTTP
my $old = Mosn::connect_to($http);
is(ask($old, '/a'), '200 none /a', 'before');
is($mosn->apply(filters('http', edits('one', 'access_log = ( { path = "%%DIR%%/access.log"; format = "after %request_path%"; } );'))), '', 'other filters');
my $new = Mosn::connect_to($http);
is(ask($new, '/b'), '200 one /b', 'a new connection has them');
ok(Mosn::wait_for(sub { ask($old, '/c') eq '200 one /c' }), 'so has the next request of an old one');
like(($mosn->ctl('config'))[0], qr/x-filter = "one"/, 'the configuration in force tells');
my @each = map { my $s = Mosn::connect_to($http); ask($s, '/d') } 1 .. 20;
is((grep { $_ eq '200 one /d' } @each), 20, 'in every worker');
ok(Mosn::wait_for(sub { my $log = Mosn::slurp("$mosn->{dir}/access.log"); $log =~ m{before /a} && $log =~ m{after /b} && $log =~ m{after /c} }), 'each logs in its own way');

# --- mistakes change nothing
my %wrong = (
    'no such listener' => [filters('nobody', edits('x')), qr/there is no listener "nobody"/],
    'filter_chains' => [filters('chains', edits('x')), qr/listener "chains" has filter_chains: each has its own/],
    'no such chain' => ['listeners = ( { name = "chains"; filter_chains = ( { name = "1"; filters = ( ' . edits('x') . ' ); } ); } );', qr/listener "chains" has no filter chain "1"/],
    'no chains' => ['listeners = ( { name = "http"; filter_chains = ( { name = "0"; filters = ( ' . edits('x') . ' ); } ); } );', qr/listener "http" has no filter chain "0"/],
    'a chain without filters' => ['listeners = ( { name = "chains"; filter_chains = ( { name = "0"; } ); } );', qr/has no `filters`/],
    'no such table' => [filters('http', '{ type = "proxy"; routes = "nowhere"; }'), qr/there is no route table "nowhere"/],
    'no such filter' => [filters('http', '{ type = "prox"; }'), qr/prox/],
    'none' => [filters('http', ''), qr/filters: /],
    'another log' => [filters('http', edits('x', 'access_log = ( { path = "%%DIR%%/new.log"; } );')), qr/at run time only those/],
    'more than filters' => ['listeners = ( { name = "http"; address = "127.0.0.1:1"; filters = (); } );', qr/address/],
);
for my $name (sort keys %wrong) { like($mosn->apply($wrong{$name}[0]), $wrong{$name}[1], "refused: $name") }
is(ask($new, '/e'), '200 one /e', 'and nothing has changed');

# --- TCP becomes another protocol, under a connection
my $tunnel = Mosn::connect_to($tcp);
syswrite $tunnel, 'hello';
sysread $tunnel, my $back, 100;
is($back, 'hello', 'a tunnel');
is($mosn->apply(filters('tcp', '{ type = "proxy"; routes = "other"; }')), '', 'the listener speaks HTTP now');
is(Mosn::get($tcp, '/')->{status}, 204, 'it does');
syswrite $tunnel, 'again';
sysread $tunnel, $back, 100;
is($back, 'again', 'the tunnel goes on');

# --- many changes: what was replaced goes with its last connection
my %pids = $mosn->pids;
sub memory { my $n = 0; for my $pid (values %pids, $mosn->{pid}) { $n += (Mosn::slurp("/proc/$pid/status") =~ /RssAnon:\s+(\d+)/)[0] } return $n }
for my $i (1 .. 30) { $mosn->apply(filters('http', edits("n$i"))); ask($old, '/f') }
my $before = memory();
my $failed = 0;
for my $i (1 .. 150) {
    $failed++ if $mosn->apply(filters('http', edits("m$i"))) ne '';
    my $s = Mosn::connect_to($http);
    $failed++ if ask($s, '/g') ne "200 m$i /g";
    $failed++ if $i % 10 == 0 && !Mosn::wait_for(sub { ask($new, '/h') eq "200 m$i /h" });
}
is($failed, 0, '150 changes, each seen by the next request');
note 'memory ', $before, ' -> ', memory(), ' KiB';

# --- kept over a reload, if asked for
open my $f, '>', "$mosn->{dir}/apply.conf" or die;
print $f filters('http', edits('kept'));
close $f;
is(($mosn->ctl('apply', '--persist', "$mosn->{dir}/apply.conf"))[1], 0, 'persisted');
my ($said, $rc) = $mosn->ctl('reload');
is($rc, 0, 'a reload') or diag $said;
like($mosn->log, qr/\d+ changes of the run time were not persisted/, 'the log says what ends with it');
is(ask(Mosn::connect_to($http), '/i'), '200 kept /i', 'that is still so');
syswrite $tunnel, 'later';
sysread $tunnel, $back, 100;
is($back, 'later', 'the tunnel goes on, by who speaks TCP');

close $tunnel;
$mosn->finish;
done_testing();
