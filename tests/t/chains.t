# chains.t - several filter chains on a port: by server name, protocol and
# transport.

use strict;
use warnings;
use Test::More;
use Mosn;

my $dir = Mosn::certificates('a.test', 'b.test', 'c.test');
my $echo = Mosn::server(sub { my $s = shift; my $b; while (sysread $s, $b, 4096) { print $s "echo $b" } });
sub tls { my ($name, $more) = @_; return qq(tls = { certificates = ( { certificate = "$dir/$name.pem"; private_key = "$dir/$name.key"; } ); @{[ $more // '' ]} };) }
my $conf = <<"E";
control_socket = "%%DIR%%/control.sock";
runtime_file = "%%DIR%%/runtime.conf";
listeners = ( { name = "many"; address = "127.0.0.1:%%PORT1%%"; listener_filter_timeout = "700ms";
    filter_chains = (
      { match = { server_names = ["a.test"]; }; @{[ tls('a.test', 'alpn = ["h2", "http/1.1"];') ]} filters = ( { type = "proxy"; routes = "a"; } ); },
      { match = { server_names = ["*.b.test", "b.test"]; }; @{[ tls('b.test', qq(client_ca = "$dir/ca.pem"; verify_client = "require";)) ]} filters = ( { type = "proxy"; routes = "b"; } ); },
      { match = { server_names = ["c.test"]; application_protocols = ["tcp"]; }; @{[ tls('c.test', 'alpn = ["tcp"];') ]} filters = ( { type = "tcp_proxy"; cluster = "echo"; } ); },
      { name = "plain"; match = { transport_protocol = "raw"; }; filters = ( { type = "proxy"; routes = "raw"; } ); } ); },
  { name = "behind"; address = "127.0.0.1:%%PORT2%%"; listener_filters = ( { type = "proxy_protocol"; trusted = ["127.0.0.0/8"]; } );
    @{[ tls('a.test') ]} filters = ( { type = "proxy"; downstream_protocol = "http1"; routes = "a"; access_log = ( { path = "%%DIR%%/access.log"; } ); } ); } );
routes = ( @{[ join ', ', map { qq({ name = "$_"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "chain $_"; }; } ); } ); }) } qw(a b raw) ]} );
clusters = ( { name = "echo"; hosts = ( { address = "127.0.0.1:$echo->{port}"; } ); } );
E
my $mosn = Mosn->start($conf, workers => 1);
my $port = $mosn->port(1);

sub ask {
    my ($name, @args) = @_;
    my $out = `curl -s --max-time 5 --cacert $dir/ca.pem --resolve $name:$port:127.0.0.1 @args https://$name:$port/ -w ' %{http_version}'`;
    return $out;
}
is(ask('a.test', '--http2'), 'chain a 2', 'by name');
is(ask('a.test', '--http1.1'), 'chain a 1.1', 'whatever it speaks');
is(ask('x.b.test', "--cert $dir/a.test.pem --key $dir/a.test.key --http1.1"), 'chain b 1.1', 'by wildcard, with a certificate');
isnt(ask('b.test', '--http1.1'), 'chain b 1.1', 'without one it is refused');
is(`curl -s --max-time 5 http://127.0.0.1:$port/`, 'chain raw', 'plain text on the same port');
is(`curl -s --max-time 5 --http2-prior-knowledge http://127.0.0.1:$port/`, 'chain raw', 'HTTP/2 too');
like(Mosn::s_client($port, "-quiet -no_ign_eof -verify_quiet -CAfile $dir/ca.pem -servername c.test -alpn tcp", in => 'hello'), qr/echo hello/, 'by protocol');
unlike(Mosn::s_client($port, '-servername c.test -alpn other'), qr/BEGIN CERTIFICATE/, 'no chain for that protocol');
unlike(Mosn::s_client($port, '-servername nobody.test'), qr/BEGIN CERTIFICATE/, 'nor for that name');
ok(Mosn::wait_for(sub { $mosn->output =~ /no filter chain for server name "nobody.test"/ }), 'which is told');
cmp_ok($mosn->stats->{(grep { /no_filter_chain/ } keys %{ $mosn->stats })[0]}, '>=', 2, 'and counted');

# Slowly, and never.
{
    my $s = Mosn::connect_to($port);
    for my $byte (split //, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") { syswrite $s, $byte }
    local $/;
    like(<$s>, qr/chain raw$/, 'byte by byte');
    my $silent = Mosn::connect_to($port);
    is(<$silent>, '', 'who says nothing is closed');
    my $half = Mosn::connect_to($port);
    print $half "\x16\x03\x01\x02";
    is(<$half>, '', 'and who says too little');
}

# A PROXY header and a hello in one piece.
{
    my $relay = Mosn::server(sub {
        my $s = shift;
        my $up = Mosn::connect_to($mosn->port(2));
        sysread $s, my $hello, 16384;
        syswrite $up, "PROXY TCP4 192.0.2.7 127.0.0.1 1000 443\r\n" . $hello;
        my $select = IO::Select->new($s, $up);
        while (my @ready = $select->can_read(5)) {
            for my $from (@ready) {
                sysread($from, my $b, 16384) or return;
                syswrite $from == $s ? $up : $s, $b;
            }
        }
    });
    is(`curl -s --max-time 5 --cacert $dir/ca.pem --resolve a.test:$relay->{port}:127.0.0.1 https://a.test:$relay->{port}/`, 'chain a', 'TLS behind a PROXY header that came with it');
    ok(Mosn::wait_for(sub { Mosn::slurp("$mosn->{dir}/access.log") =~ /^192\.0\.2\.7 /m }), 'the address of the client is known');
}

# Idle plain connections survive a reload; their chain is found again.
{
    my $s = Mosn::connect_to($port);
    print $s "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    sysread $s, my $first, 4096;
    my ($out, $status) = $mosn->ctl('reload');
    is($status, 0, 'reload') or diag($out);
    print $s "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    sysread $s, my $second, 4096;
    like($second // '', qr/chain raw$/, 'an idle plain connection goes on behind it');
}

# The filters of a chain change at run time, by its name or its place; the
# others keep theirs.
{
    my $proxy = sub { qq(filters = ( { type = "proxy"; routes = "$_[0]"; } );) };
    my $change = sub { $mosn->apply('listeners = ( { name = "many"; filter_chains = ( ' . join(', ', @_) . ' ); } );') };
    my $s = Mosn::connect_to($port);
    my $said = sub {
        print $s "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        return Mosn::Reader->new($s)->message(0)->{body};
    };
    is($said->(), 'chain raw', 'before');
    is($change->(qq({ name = "plain"; @{[ $proxy->('b') ]} })), '', 'by name');
    is(Mosn::get($port, '/')->{body}, 'chain b', 'a new connection has the new one');
    ok(Mosn::wait_for(sub { $said->() eq 'chain b' }), 'so has an old one');
    is(ask('a.test', '--http2'), 'chain a 2', 'the others are what they were');
    is($change->(qq({ name = "0"; @{[ $proxy->('raw') ]} }), qq({ name = "plain"; @{[ $proxy->('a') ]} })), '', 'two at once, one by its place');
    is(ask('a.test', '--http1.1'), 'chain raw 1.1', 'under TLS too');
    is(Mosn::get($port, '/')->{body}, 'chain a', 'and without');
    like(($mosn->ctl('explain', '@many', 'GET', '/'))[0], qr/filter_chains\[3\], plain\nroutes     a\n/, 'explain tells') or diag(($mosn->ctl('explain', 'GET', '/'))[0]);
    my $failed = grep { $change->(qq({ name = "plain"; @{[ $proxy->($_ % 2 ? 'a' : 'b') ]} })) ne '' || Mosn::get($port, '/')->{body} ne ($_ % 2 ? 'chain a' : 'chain b') } 1 .. 40;
    is($failed, 0, '40 changes, each seen by the next connection');
    like($change->(qq({ name = "plain"; @{[ $proxy->('a') ]} }), qq({ name = "3"; @{[ $proxy->('a') ]} })), qr/has no filter chain "3"/, 'one with a name has only that');
    is(Mosn::get($port, '/')->{body}, 'chain b', 'all of it or nothing');
    is(($mosn->ctl('apply', '--persist', "$mosn->{dir}/apply.conf"))[1], 1, 'that is not kept either');
    open my $placed, '>', "$mosn->{dir}/kept.conf" or die;
    print $placed qq(listeners = ( { name = "many"; filter_chains = ( { name = "0"; @{[ $proxy->('a') ]} } ); } ););
    close $placed;
    like(($mosn->ctl('apply', '--persist', "$mosn->{dir}/kept.conf"))[0], qr/has no name but its place/, 'one without a name cannot be kept');
    open my $kept, '>', "$mosn->{dir}/kept.conf" or die;
    print $kept qq(listeners = ( { name = "many"; filter_chains = ( { name = "plain"; @{[ $proxy->('a') ]} } ); } ););
    close $kept;
    is(($mosn->ctl('apply', '--persist', "$mosn->{dir}/kept.conf"))[1], 0, 'kept');
    is(($mosn->ctl('reload'))[1], 0, 'a reload');
    is(Mosn::get($port, '/')->{body}, 'chain a', 'over which it stays');
    is(ask('a.test', '--http1.1'), 'chain a 1.1', 'and that alone');
    is(ask('x.b.test', "--cert $dir/a.test.pem --key $dir/a.test.key --http1.1"), 'chain b 1.1', 'and those that never changed');
}

# Wrong.
for my $case (
    [ qq(filter_chains = ( { name = "1"; match = { transport_protocol = "raw"; }; filters = ( { type = "proxy"; routes = "a"; } ); }, { filters = ( { type = "proxy"; routes = "a"; } ); } );), qr/there is a filter chain "1" already/ ],
    [ qq(filters = ( { type = "proxy"; routes = "a"; } ); filter_chains = ( { filters = ( { type = "proxy"; routes = "a"; } ); } );), qr/filters: with filter_chains, each has its own/ ],
    [ qq(filter_chains = ( { match = { transport_protocol = "raw"; }; @{[ tls('a.test') ]} filters = ( { type = "proxy"; routes = "a"; } ); } );), qr/the match wants connections without TLS/ ],
    [ qq(filter_chains = ( { } );), qr/filter_chains\[0\].*has no `filters`/ ],
) {
    my $bad = Mosn->prepare;
    $bad->write_conf(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:1"; $case->[0] } );
routes = ( { name = "a"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body = "x"; }; } ); } ); } );
clusters = ();
E
    my $out = `$Mosn::BIN -t -c $bad->{conf} 2>&1`;
    like($out, $case->[1], "refused: $case->[1]");
}
$mosn->finish;
done_testing();
