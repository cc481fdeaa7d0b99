# revoked.t - lists of revoked certificates beside the authorities of clients:
# of a client, and of an authority between it and the root.

use strict;
use warnings;
use Test::More;
use Mosn;

my $dir = Mosn::certificates('o.test');
sub run { system("cd $dir && { $_[0] ; } >>log 2>&1") == 0 or die "$_[0]: " . Mosn::slurp("$dir/log") }
sub put { my ($name, $text) = @_; open my $f, '>', "$dir/$name" or die $!; print $f $text; close $f }

my $ec = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
put('extensions', "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n");
run("openssl req $ec -keyout int.key -out int.csr -subj /CN=intermediate");
run('openssl x509 -req -in int.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile extensions -out int.pem');
run("openssl req $ec -keyout client.key -out client.csr -subj /CN=client");
run('openssl x509 -req -in client.csr -CA int.pem -CAkey int.key -CAcreateserial -days 30 -out client.pem');
run('cat client.pem int.pem > chain.pem');
for my $name ('ca', 'int') {
    put("$name.cnf", "[ca]\ndefault_ca=d\n[d]\ndatabase=$dir/$name.index\ncrlnumber=$dir/$name.number\ndefault_md=sha256\ndefault_crl_days=10\n");
    put("$name.index", '');
    put("$name.number", "01\n");
}
# The authorities with their lists, in which `revoked` is on that of `by`.
sub lists {
    my ($by, $revoked) = @_;
    run("openssl ca -config $by.cnf -keyfile $by.key -cert $by.pem -revoke $revoked.pem") if $by;
    run("openssl ca -config $_.cnf -gencrl -keyfile $_.key -cert $_.pem -out $_.crl") for 'ca', 'int';
    run('cat ca.pem ca.crl int.crl > new.pem && mv new.pem clients.pem');
}
lists();
my $mosn = Mosn->start(<<"E", workers => 1);
control_socket = "%%DIR%%/control.sock"; certificate_check_interval = "100ms";
listeners = ( { name = "s"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } );
    tls = { certificates = ( { certificate = "$dir/o.test.pem"; private_key = "$dir/o.test.key"; } ); client_ca = "$dir/clients.pem"; verify_client = "require"; }; } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { status = 200; body = "ok"; }; } ); } ); } );
E
my $port = $mosn->port(1);
sub ask { return scalar `curl -s --max-time 5 --cacert $dir/ca.pem --cert $dir/chain.pem --key $dir/client.key --resolve o.test:$port:127.0.0.1 https://o.test:$port/` }
is(ask(), 'ok', 'a client that nobody has revoked');
lists('ca', 'int');
ok(Mosn::wait_for(sub { ask() eq '' }), 'the authority above it is revoked');
put('ca.index', '');
lists();
ok(Mosn::wait_for(sub { ask() eq 'ok' }), 'and is not any more');
lists('int', 'client');
ok(Mosn::wait_for(sub { ask() eq '' }), 'the client itself is');
like($mosn->log, qr/the certificate of the peer: certificate revoked/, 'the log says so');
$mosn->finish;
done_testing;
