# authorities_late.t - authorities that change while something is under way:
# a ticket that comes late, a connection that was open before, a worker that
# has no time.

use strict;
use warnings;
use Test::More;
use File::Copy;
use IO::Select;
use Mosn;

my $one = Mosn::certificates('a.test', 'o.test');
my $two = Mosn::certificates('a.test');
my $dir = Mosn::certificates();
sub trust { my ($from, $file) = @_; copy("$from/ca.pem", "$dir/new"); rename "$dir/new", "$dir/$file" or die $! }
trust($one, $_) for 'clients.pem', 'hosts.pem';

# A host whose words behind the handshake wait while `hold` is there.
Mosn::background('openssl', 's_server', '-accept', (my $server = Mosn::free_port()), '-cert', "$one/o.test.pem", '-key', "$one/o.test.key", '-www', '-quiet');
my $hold = "$dir/hold";
my $relay = Mosn::server(sub {
    my ($client) = @_;
    my $up;
    Mosn::wait_for(sub { $up = eval { Mosn::connect_to($server) } }) or return;
    my $select = IO::Select->new($client, $up);
    my ($asked, $kept, $ended) = (0, '', 0);
    while (!$ended || length $kept) {
        for my $from ($select->can_read(0.02)) {
            my $got = sysread $from, my $bytes, 16384;
            if ($from == $client) { return if !$got; $asked++; syswrite $up, $bytes }
            elsif (!$got) { $select->remove($up); $ended = 1 }
            elsif ($asked >= 2 && -e $hold) { $kept .= $bytes }
            else { syswrite $client, $kept . $bytes; $kept = '' }
        }
        if (length $kept && !-e $hold) { syswrite $client, $kept; $kept = '' }
    }
});
my $mosn = Mosn->start(<<"E", workers => 1);
control_socket = "%%DIR%%/control.sock"; certificate_check_interval = "100ms"; hang_timeout = "60s";
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "up"; } ); },
  { name = "s"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "r"; } );
    tls = { certificates = ( { certificate = "$one/o.test.pem"; private_key = "$one/o.test.key"; } ); client_ca = "$dir/clients.pem"; verify_client = "require"; }; } );
routes = ( { name = "up"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "o"; timeout = "30s"; }; } ); } ); },
  { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { status = 200; body = "ok"; }; } ); } ); } );
clusters = ( { name = "o"; max_requests_per_connection = 1; hosts = ( { address = "127.0.0.1:$relay->{port}"; } ); tls = { sni = "o.test"; trusted_ca = "$dir/hosts.pem"; }; } );
E
my ($plain, $tls) = map { $mosn->port($_) } 1, 2;
sub changes { my ($file) = @_; return scalar(() = $mosn->log =~ /\Q$file\E was changed/g) }
sub change {
    my ($from, $file) = @_;
    my $before = changes($file);
    trust($from, $file);
    return Mosn::wait_for(sub { changes($file) > $before });
}

# --- a ticket of a host that is not vouched for any more
ok(Mosn::wait_for(sub { eval { Mosn::get($plain, '/')->{status} == 200 } }), 'a host that is vouched for');
open my $file, '>', $hold or die; close $file;
my (undef, $out) = Mosn::background('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '20', "http://127.0.0.1:$plain/");
ok(Mosn::wait_for(sub { $mosn->stats->{'cluster.o.requests_active'} == 1 }), 'a request is under way');
ok(change($two, 'hosts.pem'), 'another authority');
unlink $hold;
ok(Mosn::wait_for(sub { Mosn::slurp($out) eq '200' }), 'that request is answered, and a ticket has come');
is(join(' ', map { Mosn::get($plain, '/')->{status} } 1 .. 3), '502 502 502', 'it is of no use');

# --- a connection of a client that was open before
my $ask = "GET / HTTP/1.0\r\n\r\n";
for my $version ('-tls1_2', '-tls1_3') {
    my $session = "$dir/session$version";
    like(Mosn::s_client($tls, "$version -cert $one/a.test.pem -key $one/a.test.key -sess_out $session", in => $ask), qr/^ok/m, "$version: a session");
    my $open = Mosn::connect_to($tls);
    ok(Mosn::wait_for(sub { $mosn->stats->{'downstream.s.connections_active'} > 0 }), 'a connection is open');
    ok(change($two, 'clients.pem'), 'another authority');
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 5) or die;
    my $pid = Mosn::spawn(sub {
        my $client = $listen->accept;
        my $select = IO::Select->new($client, $open);
        while (my @ready = $select->can_read(8)) {
            for my $from (@ready) {
                sysread($from, my $bytes, 16384) or return;
                syswrite $from == $client ? $open : $client, $bytes;
            }
        }
    });
    unlike(Mosn::s_client($listen->sockport, "$version -sess_in $session", in => $ask), qr/^ok/m, 'on it the session is of no use');
    unlike(Mosn::s_client($tls, "$version -sess_in $session", in => $ask), qr/^ok/m, 'nor on a new one');
    Mosn::end_child($pid, 'KILL');
    ok(change($one, 'clients.pem'), 'back');
}

# --- a worker that has no time to hear of it
sub over_tls { my ($of) = @_; return scalar `curl -s --max-time 5 --cacert $one/ca.pem --cert $of/a.test.pem --key $of/a.test.key --resolve o.test:$tls:127.0.0.1 https://o.test:$tls/` }
is(over_tls($one), 'ok', 'one comes in');
my %pids = $mosn->pids;
kill 'STOP', $pids{'worker 0'};
is($mosn->apply('clusters = ( ' . join(', ', map { qq|{ name = "n$_"; hosts = ( { address = "127.0.0.1:1"; } ); }| } 1 .. 700) . ' );'), '', 'more changes than its channel takes');
ok(change($two, 'clients.pem'), 'and another authority');
kill 'CONT', $pids{'worker 0'};
ok(Mosn::wait_for(sub { ($mosn->ctl('status'))[0] =~ /worker 0 .*change: 700/ }), 'it takes all changes');
ok(Mosn::wait_for(sub { over_tls($two) eq 'ok' }), 'the new authority has a say');
is(over_tls($one), '', 'the old one has none');
is_deeply({ $mosn->pids }, \%pids, 'it is the same worker');

$mosn->finish;
done_testing;
