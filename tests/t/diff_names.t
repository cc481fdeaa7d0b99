# `mosnctl diff` with names that are there twice.
use strict; use warnings; use Test::More; use Mosn;
my $o = Mosn::origin(sub { return Mosn::ok_response('x') }); my $op = $o->port;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = (
  { name = "v"; domains = ["a.example"]; routes = ( { respond = { body = "a"; }; } ); },
  { name = "v"; domains = ["b.example"]; routes = ( { respond = { body = "b"; }; } ); },
  { name = "w"; domains = ["*"]; routes = (
     { match = { headers = ( { name = "x"; prefix = "a"; }, { name = "x"; suffix = "b"; } ); }; respond = { body = "h"; }; },
     { route = { clusters = ( { name = "c"; weight = 1; subset = { v = "1"; }; }, { name = "c"; weight = 2; subset = { v = "2"; }; } ); }; } ); } ); } );
clusters = ( { name = "c"; subset_selectors = ( ["v"] ); hosts = ( { address = "127.0.0.1:$op"; metadata = { v = "1"; }; }, { address = "127.0.0.2:$op"; metadata = { v = "2"; }; } ); } );
E
sub diff {
    my ($change) = @_;
    my $conf = Mosn::slurp($mosn->{conf}); $change->() for $conf;
    open my $f, '>', "$mosn->{dir}/other.conf" or die; print $f $conf; close $f;
    return ($mosn->ctl('diff', "$mosn->{dir}/other.conf"))[0];
}
is(diff(sub {}), "no difference\n", 'the same file');
like(diff(sub { s/suffix = "b"/suffix = "c"/ }), qr/suffix.*"b" -> "c"/, 'the second of a name');
unlike(diff(sub { s/body = "b"/body = "bb"/ }), qr/no difference/, 'a second virtual host');
$mosn->finish; done_testing();
