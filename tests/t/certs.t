# certs.t - certificates that change while mosn serves; stapling; mosnctl certs.

use strict;
use warnings;
use Test::More;
use Mosn;
use File::Copy;
use Time::HiRes qw(time);

my $dir = Mosn::certificates('a.test', 'b.test', 'rsa:a.test', 'rsa:new.test', 'o.test');
my $new = sub { my ($name, $days) = @_;
    system("cd $dir && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout new.key -out new.csr -subj /CN=$name >/dev/null 2>&1"
        . " && echo subjectAltName=DNS:$name > ext && openssl x509 -req -in new.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days $days -extfile ext -out new.pem >/dev/null 2>&1") == 0 or die;
};
my $print = sub { my $p = `openssl x509 -in $_[0] -noout -fingerprint -sha256`; $p =~ s/.*=//; $p =~ s/[:\s]//g; return lc $p };
my $shown = sub { my ($port, $more) = @_;
    my $out = `timeout 5 openssl s_client -connect 127.0.0.1:$port @{[ $more // '' ]} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256 2>/dev/null`;
    $out =~ s/.*=//; $out =~ s/[:\s]//g; return lc $out };
my $put = sub { my ($from, $to) = @_; copy("$dir/$from", "$dir/$to.tmp"); rename "$dir/$to.tmp", "$dir/$to" or die };

# A response for a.test, by the authority itself.
my $serial = `openssl x509 -in $dir/a.test.pem -noout -serial`; $serial =~ s/.*=|\s//g;
open my $index, '>', "$dir/index.txt"; print $index "V\t351231000000Z\t\t$serial\tunknown\t/CN=a.test\n"; close $index;
system("cd $dir && openssl ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -issuer ca.pem -cert a.test.pem -ndays 2 -reqout req.der >/dev/null 2>&1; openssl ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -reqin req.der -respout a.der -ndays 2 >/dev/null 2>&1");
ok(-s "$dir/a.der", 'an OCSP response');

my $origin = Mosn::background('openssl', 's_server', '-accept', (my $host = Mosn::free_port()), '-cert', "$dir/o.test.pem", '-key', "$dir/o.test.key", '-www', '-quiet', '-Verify', '1', '-CAfile', "$dir/ca.pem");
my $mosn = Mosn->start(<<"E", workers => 2);
control_socket = "%%DIR%%/control.sock";
certificate_check_interval = "100ms";
listeners = ( { name = "s"; address = "127.0.0.1:%%PORT1%%";
    tls = { certificates = ( { certificate = "$dir/a.test.pem"; private_key = "$dir/a.test.key"; ocsp_response = "$dir/a.der"; },
                             { certificate = "$dir/rsa-a.test.pem"; private_key = "$dir/rsa-a.test.key"; },
                             { certificate = "$dir/b.test.pem"; private_key = "$dir/b.test.key"; } ); };
    filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "h"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "up"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "ok"; }; } ); } ); },
  { name = "up"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "o"; }; } ); } ); } );
clusters = ( { name = "o"; max_requests_per_connection = 1; hosts = ( { address = "127.0.0.1:$host"; } );
    tls = { sni = "o.test"; trusted_ca = "$dir/ca.pem"; certificate = { certificate = "$dir/b.test.pem"; private_key = "$dir/b.test.key"; }; }; } );
E
my $port = $mosn->port(1);
is($shown->($port, '-servername b.test'), $print->("$dir/b.test.pem"), 'the certificate that stands there');
like(`timeout 5 openssl s_client -connect 127.0.0.1:$port -servername a.test -status </dev/null 2>/dev/null`, qr/OCSP Response Status: successful/, 'a response is stapled');
unlike(`timeout 5 openssl s_client -connect 127.0.0.1:$port -servername b.test -status </dev/null 2>/dev/null`, qr/OCSP Response Status/, 'to its own certificate only');
my ($out, $status) = $mosn->ctl('certs');
is($status, 0, 'mosnctl certs');
like($out, qr/^b\.test, \*\.b\.test$/m, 'tells names');
like($out, qr/^\s+until\s+\d{4}-\d\d-\d\dT[\d:]+Z \(\d+ days\)$/m, 'expiry');
my $sum = $print->("$dir/b.test.pem");
like($out, qr/^\s+sha256\s+$sum$/m, 'and fingerprint');

# A change.
my $kept = Mosn::connect_to($mosn->port(2));    # opens with the old certificate behind
my %pids = $mosn->pids;
$new->('b.test', 20);
$put->('new.key', 'b.test.key'); $put->('new.pem', 'b.test.pem');
$sum = $print->("$dir/b.test.pem");
ok(Mosn::wait_for(sub { $shown->($port, '-servername b.test') eq $sum }), 'a changed pair is shown');
is_deeply([ map { $shown->($port, '-servername b.test') } 1 .. 8 ], [ ($sum) x 8 ], 'by every worker');
is_deeply({ $mosn->pids }, \%pids, 'by the same workers');
is($shown->($port, '-servername a.test -sigalgs ECDSA+SHA256'), $print->("$dir/a.test.pem"), 'the others stay');
is($shown->($port, '-servername a.test -tls1_2 -cipher aRSA'), $print->("$dir/rsa-a.test.pem"), 'also the RSA one');
like($mosn->output, qr/\[notice\].*the certificate in \S*b\.test\.pem was changed: b\.test, until .* UTC, sha256 $sum/, 'which is told');
like(`curl -s --max-time 5 http://127.0.0.1:@{[ $mosn->port(2) ]}/`, qr/CN = b\.test|s_server/, 'towards hosts too');

# Other names: found by the new ones.
$new->('new.test', 20);
$put->('new.key', 'b.test.key'); $put->('new.pem', 'b.test.pem');
$sum = $print->("$dir/b.test.pem");
ok(Mosn::wait_for(sub { $shown->($port, '-servername new.test') eq $sum }), 'new names are known');
isnt($shown->($port, '-servername b.test'), $sum, 'old ones not any more');

# What does not hold.
copy("$dir/b.test.pem", "$dir/good.pem"); copy("$dir/b.test.key", "$dir/good.key");
for my $case (
    [ 'a key of another one', sub { $put->('a.test.key', 'b.test.key') }, qr/key values mismatch/ ],
    [ 'garbage', sub { open my $f, '>', "$dir/b.test.pem"; print $f "garbage\n" }, qr/no start line/ ],
    [ 'no file', sub { unlink "$dir/b.test.pem" }, qr/cannot read .*No such file/ ],
) {
    my ($what, $break, $why) = @$case;
    $break->();
    ok(Mosn::wait_for(sub { ($mosn->ctl('certs'))[0] =~ $why }), "$what: mosnctl says why");
    ok(Mosn::wait_for(sub { $mosn->output =~ /b\.test\.pem stays as it was: $why/ }), 'so does the log');
    is($shown->($port, '-servername new.test'), $sum, 'and the old one stays');
    $put->('good.key', 'b.test.key'); $put->('good.pem', 'b.test.pem');
    ok(Mosn::wait_for(sub { ($mosn->ctl('certs'))[0] !~ /NOT CHANGED/ }), 'until it holds again');
}

# Another kind of key, and back: clients get that one, whatever they like best.
my $kind = sub { Mosn::s_client($port, "-servername $_[0] -CAfile $dir/ca.pem") =~ /Peer signature type: (\S+)/ ? $1 : 'none' };
is($kind->('new.test'), 'ECDSA', 'an ECDSA key');
$put->('rsa-new.test.key', 'b.test.key'); $put->('rsa-new.test.pem', 'b.test.pem');
ok(Mosn::wait_for(sub { $kind->('new.test') eq 'RSA-PSS' }), 'becomes an RSA one');
is(join(' ', map { $kind->('new.test') } 1 .. 6), 'RSA-PSS ' x 5 . 'RSA-PSS', 'for every worker');
like(`curl -s --max-time 5 http://127.0.0.1:@{[ $mosn->port(2) ]}/`, qr/CN = new\.test|s_server/, 'and towards hosts');
$put->('good.key', 'b.test.key'); $put->('good.pem', 'b.test.pem');
ok(Mosn::wait_for(sub { $kind->('new.test') eq 'ECDSA' }), 'and an ECDSA one again');
is(join(' ', map { $kind->('new.test') } 1 .. 6), 'ECDSA ' x 5 . 'ECDSA', 'for every worker');

# Of two that have had the same names one gets another.
copy("$dir/rsa-a.test.$_", "$dir/rsa.$_") for 'pem', 'key';
$put->('rsa-new.test.key', 'rsa-a.test.key'); $put->('rsa-new.test.pem', 'rsa-a.test.pem');
ok(Mosn::wait_for(sub { $mosn->output =~ /rsa-a\.test\.pem was changed: new\.test/ }), 'the RSA one of two is of another name now');
is($shown->($port, '-servername a.test'), $print->("$dir/a.test.pem"), 'the other one is found by its name');
is($kind->('a.test'), 'ECDSA', 'as before');
$put->('rsa.key', 'rsa-a.test.key'); $put->('rsa.pem', 'rsa-a.test.pem');
ok(Mosn::wait_for(sub { $shown->($port, '-servername a.test -tls1_2 -cipher aRSA') eq $print->("$dir/rsa.pem") }), 'both are of one name again');

# Two of different names get the same one, of a kind each: as after a reload.
my $sites = Mosn::certificates('a.test', 'b.test', 'rsa:c.test', 'rsa:a.test', 'x.b.test');
my $other = Mosn->start(<<"E", workers => 1);
control_socket = "%%DIR%%/control.sock"; certificate_check_interval = "100ms";
listeners = ( { name = "s"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } );
    tls = { certificates = ( { certificate = "$sites/a.test.pem"; private_key = "$sites/a.test.key"; }, { certificate = "$sites/rsa-c.test.pem"; private_key = "$sites/rsa-c.test.key"; },
        { certificate = "$sites/b.test.pem"; private_key = "$sites/b.test.key"; }, { certificate = "$sites/x.b.test.pem"; private_key = "$sites/x.b.test.key"; } ); }; } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "ok"; }; } ); } ); } );
clusters = ();
E
copy("$sites/rsa-a.test.$_", "$sites/new.$_") && rename "$sites/new.$_", "$sites/rsa-c.test.$_" or die for 'key', 'pem';
ok(Mosn::wait_for(sub { $shown->($other->port(1), '-servername a.test -tls1_2 -cipher aRSA') eq $print->("$sites/rsa-a.test.pem") }), 'a client of RSA gets the RSA one of two sites');
is($shown->($other->port(1), '-servername a.test'), $print->("$sites/a.test.pem"), 'others the ECDSA one');
is($shown->($other->port(1), '-servername x.b.test'), $print->("$sites/x.b.test.pem"), 'a name comes before a star');
is($shown->($other->port(1), '-servername y.b.test'), $print->("$sites/b.test.pem"), 'that is good for the rest');
is($shown->($other->port(1), '-servername nobody'), $print->("$sites/a.test.pem"), 'and the default for nobody');
$other->finish;

# A staple of the certificate of before is none of the new one.
$new->('a.test', 25);
$put->('new.key', 'a.test.key'); $put->('new.pem', 'a.test.pem');
ok(Mosn::wait_for(sub { $shown->($port, '-servername a.test') eq $print->("$dir/a.test.pem") }), 'the one with a staple is renewed');
unlike(`timeout 5 openssl s_client -connect 127.0.0.1:$port -servername a.test -status </dev/null 2>/dev/null`, qr/OCSP Response Status/, 'nothing is stapled then');
like($mosn->output, qr/\[warn\].*the OCSP response in \S*a\.der is of another certificate than that in \S*a\.test\.pem/, 'which is told');

# Whoever is born later has what was changed.
%pids = $mosn->pids;
kill 'KILL', $pids{'worker 0'}, $pids{'worker 1'};
ok(Mosn::wait_for(sub { my %now = eval { $mosn->pids }; $now{'worker 0'} && $now{'worker 1'} && $now{'worker 0'} != $pids{'worker 0'} && $now{'worker 1'} != $pids{'worker 1'} }), 'workers are replaced');
ok(Mosn::wait_for(sub { $shown->($port, '-servername new.test') eq $sum }), 'they have it too');

# Under load, again and again.
my ($load, $file) = Mosn::background('h2load', '--h1', '-D', '5', '-c', '8', "https://127.0.0.1:$port/");
my $bad = 0;
for my $i (1 .. 5) {
    $new->('new.test', 20 + $i);
    $put->('new.key', 'b.test.key'); $put->('new.pem', 'b.test.pem');
    my $end = time + 0.9;
    while (time < $end) {
        my $got = `curl -s --max-time 5 --cacert $dir/ca.pem --resolve new.test:$port:127.0.0.1 https://new.test:$port/`;
        $bad++ if $got ne 'ok';
    }
}
is($bad, 0, 'changed every second, no handshake fails');
ok(Mosn::wait_for(sub { Mosn::slurp($file) =~ /requests:/ }), 'the load has ended');
like(Mosn::slurp($file), qr/ 0 failed, 0 errored/, 'and no request');
is((() = ($mosn->ctl('--json', 'certs'))[0] =~ /"sha256"/g), 4, 'as JSON');
$mosn->finish(allow => qr/ended with signal|worker \d+, pid/);
done_testing();
