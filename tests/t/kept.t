# kept.t - changes at run time that are kept, what they need, and what needs
# them: a reload is always possible.

use strict;
use warnings;
use Test::More;
use Mosn;
use IO::Select;

my $echo = Mosn::server(sub { my ($s) = @_; while (sysread $s, my $b, 1000) { syswrite $s, "echo $b" } });
my $origin = Mosn::origin(sub { my $r = shift; return Mosn::ok_response("origin $r->{path}") });
my ($e, $o) = ($echo->port, $origin->port);
my $mosn = Mosn->start(<<"E", workers => 2);
control_socket = "%%DIR%%/control.sock";
runtime_file = "%%DIR%%/sub/runtime.conf";
listeners = ( { name = "tcp"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "tcp_proxy"; cluster = "echo"; } ); },
 { name = "http"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "echo"; hosts = ( { address = "127.0.0.1:$e"; } ); }, { name = "c"; hosts = ( { address = "127.0.0.1:$o"; } ); } );
E
my ($tcp, $http) = ($mosn->port(1), $mosn->port(2));
sub keep {
    my ($text) = @_;
    open my $f, '>', "$mosn->{dir}/a.conf" or die;
    print $f $text;
    close $f;
    my ($said, $rc) = $mosn->ctl('apply', '--persist', "$mosn->{dir}/a.conf");
    return $rc == 0 ? '' : $said;
}
sub reload { my ($what) = @_; my ($said, $rc) = $mosn->ctl('reload'); is($rc, 0, $what) or diag $said }
sub extra { my ($name) = @_; return qq|clusters = ( { name = "$name"; hosts = ( { address = "127.0.0.1:$e"; } ); } );| }
sub to { my ($cluster) = @_; return qq|routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "$cluster"; }; } ); } ); } );| }
sub tcp_to { my ($cluster) = @_; return qq|listeners = ( { name = "tcp"; filters = ( { type = "tcp_proxy"; cluster = "$cluster"; } ); } );| }
sub takes { my ($s, $text) = @_; my $got; syswrite $s, $text; return IO::Select->new($s)->can_read(5) && sysread($s, $got, 1000) ? $got : "" }

# --- a file that cannot be written: all of it is done, and that is said
like(keep(extra('x') . to('x')), qr/done, but not kept: cannot write/, 'there is no place for it');
ok($mosn->hosts_of('x') ne '', 'the cluster is there');
like(($mosn->ctl('explain', 'GET', 'http://a/'))[0], qr/^cluster\s+x:/m, 'and the routes go to it');
is($mosn->apply(to('c')), '', 'they go back');
mkdir "$mosn->{dir}/sub" or die;

# --- filters that name a cluster of the run time
is($mosn->apply(extra('x')), '', 'a cluster that is not kept');
is(keep(tcp_to('x')), '', 'filters that name it are');
like(Mosn::slurp("$mosn->{dir}/sub/runtime.conf"), qr/name = "x";/, 'and it with them');
like(($mosn->ctl('remove', 'x'))[0], qr/a filter of listener "tcp" names cluster "x"/, 'it cannot be removed');
reload('a reload');
is(takes(Mosn::connect_to($tcp), 'one'), 'echo one', 'with them');
is(keep(tcp_to('echo')), '', 'the filters name another one');
is(($mosn->ctl('remove', '--persist', 'x'))[0] =~ s{change .*}{}sr, '', 'now it may go');

# --- a refused change leaves nothing behind
is($mosn->apply(extra('y')), '', 'another one');
isnt($mosn->apply('listeners = ( { name = "tcp"; filters = ( { type = "tcp_proxy"; cluster = "y"; }, { type = "tcp_proxy"; cluster = "nobody"; } ); } );'), '', 'filters that are wrong name it');
is(($mosn->ctl('remove', 'y'))[1], 0, 'and do not keep it');

# --- routes that are kept name a cluster that nobody uses now
is(keep(extra('z') . to('z')), '', 'routes are kept');
is($mosn->apply(to('c')), '', 'others for the moment');
like(($mosn->ctl('remove', '--persist', 'z'))[0], qr/the runtime_file has routes or filters that name that cluster/, 'a reload would need it');
reload('another reload');
is(keep(to('c')), '', 'routes of before');
is(($mosn->ctl('remove', '--persist', 'z'))[0] =~ s{change .*}{}sr, '', 'it goes');
reload('and one more');

# --- a reload hands connections to who does what was done with them
{
    my $s = Mosn::connect_to($http);
    my $ask = sub { print $s "GET $_[0] HTTP/1.1\r\nHost: x\r\n\r\n"; my $a = eval { Mosn::Reader->new($s)->message(0) }; return $a ? $a->{body} : 'closed' };
    my $tunnel = Mosn::connect_to($tcp);
    is($ask->('/1'), 'origin /1', 'a connection of HTTP');
    is(takes($tunnel, 'one'), 'echo one', 'and a tunnel');
    is(keep('listeners = ( { name = "http"; filters = ( { type = "tcp_proxy"; cluster = "echo"; } ); }, { name = "tcp"; filters = ( { type = "proxy"; routes = "r"; } ); } );'), '', 'listeners change places');
    is($ask->('/2'), 'origin /2', 'who is there keeps what he has');
    reload('a reload');
    like($ask->('/3'), qr{^(closed|origin /3)$}, 'HTTP goes to nobody who speaks it not');
    is(takes($tunnel, 'two'), 'echo two', 'the tunnel goes on');
    is(takes(Mosn::connect_to($http), 'new'), 'echo new', 'new ones get the new filters');
}

# --- what is kept hides what the configuration says
is(($mosn->ctl('host', '--persist', 'set', 'echo', "127.0.0.1:$e", 'weight=3', 'team=red and blue'))[1], 0, 'a weight is kept');
like(Mosn::slurp("$mosn->{dir}/sub/runtime.conf"), qr/team = "red and blue"/, 'and a text with blanks');
unlike($mosn->log, qr/cluster "echo" is as/, 'nobody wonders yet');
reload('a reload');
like($mosn->log, qr{cluster "echo" is as \S+/sub/runtime\.conf has it, all of it: what the configuration says is not in force}, 'the log says whose the settings are');
$mosn->finish;
done_testing();
