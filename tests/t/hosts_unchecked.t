# A host that comes to others gets requests when its first check was good; when
# all hosts are new nobody waits.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(sleep);
my $dir = File::Temp::tempdir(CLEANUP => 1);
# Its checks are answered when there is a file of its name, which says how.
sub host {
    my ($name) = @_;
    return '127.0.0.1:' . Mosn::origin(sub {
        my $r = shift;
        return Mosn::ok_response($name) if $r->{head} !~ m{^GET /check };
        Mosn::wait_for(sub { -s "$dir/$name" }, 15);
        open my $f, '<', "$dir/$name" or return;
        return "HTTP/1.1 " . <$f> . " X\r\nContent-Length: 0\r\n\r\n";
    })->port;
}
sub answer { my ($name, $status) = @_; open my $f, '>', "$dir/$name" or die; print $f $status; close $f }
my %at = map { $_ => host($_) } qw(a b c d e f);
sub cluster {
    return qq|clusters = ( { name = "c"; health_check = { path = "/check"; interval = "50ms"; timeout = "15s"; };
        hosts = ( | . join(', ', map { qq({ address = "$at{$_}"; }) } @_) . ' ); } );';
}
sub conf { return <<"E" . cluster(@_) }
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
E
my $mosn = Mosn->start(conf('a'));
sub served { my %n; $n{ Mosn::get($mosn->port(1), '/')->{body} }++ for 1 .. 20; return join ' ', sort keys %n }
sub is_now { my ($what, $why) = @_; my $seen = ''; ok(Mosn::wait_for(sub { ($seen = served()) eq $what }), $why) or diag($seen) }
sub state_of { my ($name) = @_; return $mosn->hosts_of('c') =~ /^  \Q$at{$name}\E +(\w+)/m ? $1 : 'gone' }

is(served(), 'a', 'who is there from the start serves, whatever the check says');
answer('a', 200);
is(($mosn->ctl('host', 'add', 'c', $at{b}))[1], 0, 'another one is added');
is(state_of('b'), 'unchecked', 'it is told so');
is(served(), 'a', 'it gets nothing');
answer('b', 200);
is_now('a b', 'its check was good');
is(($mosn->ctl('host', 'add', 'c', $at{c}))[1], 0, 'one more');
answer('c', 503);
ok(Mosn::wait_for(sub { state_of('c') eq 'unhealthy' }), 'which is not well');
is(served(), 'a b', 'it gets nothing');
is(($mosn->ctl('host', 'remove', 'c', $at{c}))[1], 0, 'it goes');

$mosn->write_conf(conf('a', 'b', 'd'));
is(($mosn->ctl('reload'))[1], 0, 'a reload brings one');
is(state_of('d'), 'unchecked', 'it waits');
is(served(), 'a b', 'it gets nothing');
answer('d', 200);
is_now('a b d', 'its check was good');

is($mosn->apply(cluster('e', 'f')), '', 'others, all of them');
is_now('e f', 'they serve at once');
is(state_of('e'), 'well', 'and nobody waits for checks');
answer($_, 200) for qw(e f);
$mosn->finish; done_testing();
