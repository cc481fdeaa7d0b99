# authorities.t - who vouches for clients and hosts changes while mosn serves.

use strict;
use warnings;
use Test::More;
use Mosn;
use File::Copy;

my $one = Mosn::certificates('a.test', 'o.test');
my $two = Mosn::certificates('a.test', 'o.test');
my $dir = Mosn::certificates();
my $put = sub { my ($from, $to) = @_; copy($from, "$dir/$to.tmp") or die $!; rename "$dir/$to.tmp", "$dir/$to" or die };
$put->("$one/ca.pem", $_) for qw(clients.pem hosts.pem);
$put->("$one/a.test.$_", "me.$_") for qw(pem key);

my $slow = Mosn::origin(sub { my $r = shift; select undef, undef, undef, 1 if $r->{path} eq '/slow'; return Mosn::ok_response($r->{path}) });
my $mosn = Mosn->start(<<"E", workers => 2);
control_socket = "%%DIR%%/control.sock";
certificate_check_interval = "100ms";
listeners = (
  { name = "s"; address = "127.0.0.1:%%PORT1%%";
    tls = { certificates = ( { certificate = "$one/o.test.pem"; private_key = "$one/o.test.key"; } ); client_ca = "$dir/clients.pem"; verify_client = "require"; };
    filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "host"; address = "127.0.0.1:%%PORT2%%";
    tls = { certificates = ( { certificate = "$one/o.test.pem"; private_key = "$one/o.test.key"; } ); };
    filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "h"; address = "127.0.0.1:%%PORT3%%"; filters = ( { type = "proxy"; routes = "up"; } ); },
  { name = "who"; address = "127.0.0.1:%%PORT4%%";
    tls = { certificates = ( { certificate = "$one/o.test.pem"; private_key = "$one/o.test.key"; } ); client_ca = "$one/ca.pem"; verify_client = "require"; };
    filters = ( { type = "proxy"; routes = "slow"; access_log = ( { path = "%%DIR%%/who.log"; format = "%client_cert_sha256%"; } ); } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "ok"; }; } ); } ); },
  { name = "slow"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "slow"; }; } ); } ); },
  { name = "up"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { match = { prefix = "/me"; }; route = { cluster = "me"; prefix_rewrite = ""; host_rewrite = "o.test"; }; }, { route = { cluster = "o"; host_rewrite = "o.test"; }; } ); } ); } );
clusters = ( { name = "slow"; hosts = ( { address = "127.0.0.1:@{[ $slow->port ]}"; } ); },
  { name = "o"; max_requests_per_connection = 1; hosts = ( { address = "127.0.0.1:%%PORT2%%"; } ); tls = { sni = "o.test"; trusted_ca = "$dir/hosts.pem"; }; },
  { name = "checked"; max_requests_per_connection = 1; hosts = ( { address = "127.0.0.1:%%PORT2%%"; } ); tls = { sni = "o.test"; trusted_ca = "$dir/hosts.pem"; }; health_check = { interval = "50ms"; path = "/"; host = "o.test"; unhealthy = 1; healthy = 1; }; },
  { name = "me"; max_requests_per_connection = 1; hosts = ( { address = "127.0.0.1:%%PORT4%%"; } ); tls = { sni = "o.test"; trusted_ca = "$one/ca.pem"; certificate = { certificate = "$dir/me.pem"; private_key = "$dir/me.key"; }; }; } );
E
my ($port, $h) = ($mosn->port(1), $mosn->port(3));
my $ask = sub { my ($of) = @_; return scalar `curl -s --max-time 5 --cacert $one/ca.pem --cert $of/a.test.pem --key $of/a.test.key --resolve o.test:$port:127.0.0.1 https://o.test:$port/` };
my $all = sub { my ($of) = @_; join ' ', map { scalar $ask->($of) } 1 .. 6 };
my $ok = join ' ', ('ok') x 6;

# --- of clients
is($all->($one), $ok, 'clients of the authority');
is($ask->($two), '', 'not those of another one');
my $resume = sub { my ($how) = @_; Mosn::s_client($port, "-tls1_2 -cert $one/a.test.pem -key $one/a.test.key $how $dir/session", in => "GET / HTTP/1.0\r\n\r\n") };
like($resume->('-sess_out'), qr/^ok/m, 'a session of one of them');
like($resume->('-sess_in'), qr/Reused.*^ok/ms, 'is gone on with');
my %pids = $mosn->pids;
$put->("$two/ca.pem", 'clients.pem');
ok(Mosn::wait_for(sub { $mosn->output =~ /the authority in \S*clients\.pem was changed: 1 certificates/ }), 'another authority');
ok(Mosn::wait_for(sub { $all->($two) eq $ok }), 'its clients come in, in every worker');
is($all->($one), ' ' x 5, 'those of the old one do not');
unlike($resume->('-sess_in'), qr/^ok/m, 'nor with a session from before');
like(Mosn::s_client($port, ''), qr/Acceptable client certificate CA names\s*\n.*test-ca/, 'clients are told of it');
is_deeply({ $mosn->pids }, \%pids, 'by the same workers');

# --- a list of those that are revoked, in the same file
my $revoke = sub { my ($of, $serial) = @_;
    open my $index, '>', "$dir/index.txt" or die;
    print $index "R\t351231000000Z\t250101000000Z\t$serial\tunknown\t/CN=x\n" if $serial;
    close $index;
    open my $conf, '>', "$dir/ca.conf" or die;
    print $conf "[ca]\ndefault_ca = d\n[d]\ndatabase = $dir/index.txt\ndefault_md = sha256\ndefault_crl_days = 9\ncertificate = $of/ca.pem\nprivate_key = $of/ca.key\n";
    close $conf;
    system("cd $dir && openssl ca -config ca.conf -gencrl -out crl.pem >/dev/null 2>&1 && cat $of/ca.pem crl.pem > with-crl.pem") == 0 or die;
    $put->("$dir/with-crl.pem", 'clients.pem');
};
my $changed = sub { scalar(() = $mosn->output =~ /the authority in \S*clients\.pem was changed/g) };
my $seen = $changed->();
$revoke->($two, '');
ok(Mosn::wait_for(sub { $changed->() > $seen }), 'a list of revoked certificates, an empty one');
ok(Mosn::wait_for(sub { $all->($two) eq $ok }), 'clients come in');
my $serial = `openssl x509 -in $two/a.test.pem -noout -serial`;
$serial =~ s/.*=|\s//g;
$revoke->($two, $serial);
ok(Mosn::wait_for(sub { $changed->() > $seen + 1 }), 'one is revoked');
ok(Mosn::wait_for(sub { $all->($two) eq ' ' x 5 }), 'it does not come in any more');
like($mosn->output, qr/the certificate of the peer: certificate revoked/, 'which is told');

# --- of hosts
my $up = sub { my ($path) = @_; join ' ', map { Mosn::get($h, $path // '/')->{status} } 1 .. 6 };
my $well = join ' ', (200) x 6;
is($up->(), $well, 'a host that is vouched for');
ok(Mosn::wait_for(sub { $mosn->hosts_of('checked') =~ /127\.0\.0\.1:\d+ (?!.*unhealthy)/ }), 'also to the checks') or diag($mosn->hosts_of('checked'));
$put->("$two/ca.pem", 'hosts.pem');
ok(Mosn::wait_for(sub { $up->() !~ /200/ }), 'another authority: it is no more');
ok(Mosn::wait_for(sub { $mosn->hosts_of('checked') =~ /unhealthy/ }), 'nor to the checks');
$put->("$one/ca.pem", 'hosts.pem');
ok(Mosn::wait_for(sub { $up->() eq $well }), 'and again');
ok(Mosn::wait_for(sub { $mosn->hosts_of('checked') =~ /127\.0\.0\.1:\d+ (?!.*unhealthy)/ }), 'to the checks too');

# --- what does not hold
for my $case ([ 'garbage', sub { open my $f, '>', "$dir/hosts.pem"; print $f "garbage\n" }, qr/there is no certificate in it/ ],
              [ 'no file', sub { unlink "$dir/hosts.pem" }, qr/cannot read .*No such file/ ]) {
    my ($what, $break, $why) = @$case;
    $break->();
    ok(Mosn::wait_for(sub { ($mosn->ctl('certs'))[0] =~ $why }), "$what: mosnctl says why");
    ok(Mosn::wait_for(sub { $mosn->output =~ /the authority in \S*hosts\.pem stays as it was: $why/ }), 'so does the log');
    is($up->(), $well, 'and the old one stays');
    $put->("$one/ca.pem", 'hosts.pem');
    ok(Mosn::wait_for(sub { ($mosn->ctl('certs'))[0] !~ /NOT CHANGED/ }), 'until it holds again');
}
like(($mosn->ctl('--json', 'certs'))[0], qr/^\{"certificates":\[\{.*\}\],"authorities":\[\{"authority":"\S+clients\.pem","certificates":1,"used_by":"clients","changes":3,/, 'as JSON');

# --- a cluster is replaced while a request holds the old one: what changes
# later finds the new one in every worker.
{
    my $sum = sub { my $p = `openssl x509 -in $dir/me.pem -noout -fingerprint -sha256`; $p =~ s/.*=//; $p =~ s/[:\s]//g; return lc $p };
    my @slow = map { my $s = Mosn::connect_to($h); print $s "GET /me/slow HTTP/1.1\r\nHost: x\r\n\r\n"; $s } 1 .. 6;
    my ($text) = Mosn::slurp($mosn->{conf}) =~ /(\{ name = "me"; max_requests.*\}; \})/;
    is($mosn->apply("clusters = ( " . ($text =~ s/max_requests_per_connection = 1/max_requests_per_connection = 1; connect_timeout = "3s"/r) . " );"), '', 'replaced');
    my $before = $sum->();
    system("cd $one && openssl x509 -req -in a.test.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile ext -out $dir/fresh.pem >/dev/null 2>&1") == 0 or die;
    $put->("$dir/fresh.pem", 'me.pem');
    my $after = $sum->();
    isnt($after, $before, 'another certificate of the same key');
    ok(Mosn::wait_for(sub { $mosn->output =~ /the certificate in \S*me\.pem was changed/ }), 'is seen');
    is(join(' ', map { Mosn::Reader->new($_)->message(0)->{status} } @slow), $well, 'the old requests are answered');
    is($up->('/me/x'), $well, 'new ones, too');
    ok(Mosn::wait_for(sub { my @l = split ' ', Mosn::slurp("$mosn->{dir}/who.log"); @l == 12 && 6 == grep { $_ eq $after } @l }), 'with the new certificate, by every worker') or diag(Mosn::slurp("$mosn->{dir}/who.log"));
}
$mosn->finish;

# --- workers that may read none of the files take a cluster that has them
SKIP: {
    skip 'only root can have workers of another user', 3 if $> != 0;
    my $host = Mosn->start(<<"E");
listeners = ( { name = "who"; address = "127.0.0.1:%%PORT1%%";
    tls = { certificates = ( { certificate = "$one/o.test.pem"; private_key = "$one/o.test.key"; } ); client_ca = "$one/ca.pem"; verify_client = "require"; };
    filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "ok"; }; } ); } ); } );
clusters = ( );
E
    my $to = $host->port(1);
    chmod 0600, "$dir/me.key", "$dir/me.pem", "$one/ca.pem";
    my $nobody = Mosn->prepare;
    $nobody->write_conf(<<"E", whole => 1);
workers = 2; user = "nobody"; error_log = { path = "%%DIR%%/error.log"; level = "info"; }; admin = { address = "127.0.0.1:%%PORT0%%"; };
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "h"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; host_rewrite = "o.test"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$to"; } ); } );
E
    $nobody->run;
    is($nobody->apply(qq|clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$to"; } ); tls = { sni = "o.test"; trusted_ca = "$one/ca.pem"; certificate = { certificate = "$dir/me.pem"; private_key = "$dir/me.key"; }; }; } );|), '', 'a cluster gets TLS');
    is(join(' ', map { Mosn::get($nobody->port(1), '/')->{status} } 1 .. 8), join(' ', (200) x 8), 'in every worker');
    $nobody->finish;
    $host->finish;
}
done_testing();
