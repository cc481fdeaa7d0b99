# handover_kinds.t - a connection goes to the next generation only if that
# goes on with it: the protocol, and what it has fallen back to.

use strict;
use warnings;
use Test::More;
use IO::Select;
use Mosn;

my $echo = Mosn::server(sub { my ($s) = @_; while (sysread $s, my $bytes, 1000) { syswrite $s, "echo $bytes" } });
my $text = sub { return <<"E" };
control_socket = "%%DIR%%/control.sock"; drain_timeout = "30s";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; $_[0] } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { status = 200; body = "ok"; }; } ); } ); } );
clusters = ( { name = "raw"; hosts = ( { address = "127.0.0.1:@{[ $echo->port ]}"; } ); } );
E
my $fallback = 'fallback = ( { type = "tcp_proxy"; cluster = "raw"; } );';

sub says { my ($s, $what) = @_; my $got; syswrite $s, $what; return IO::Select->new($s)->can_read(8) && sysread($s, $got, 1000) ? $got : 'closed' }
sub asks {
    my ($s) = @_;
    print $s "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    my $answer = eval { Mosn::Reader->new($s)->message(0) };
    return $answer ? "$answer->{status} $answer->{body}" : 'closed';
}
# The worker that has `connections` when the reload is done: "old", "new".
sub holder {
    my ($mosn, $old) = @_;
    my $who;
    Mosn::wait_for(sub {
        my %at = map { $_->{pid} => $_->{connections} } grep { $_->{role} =~ /^worker/ } @{ $mosn->status->{children} };
        ($who) = map { $_ == $old ? 'old' : 'new' } grep { $at{$_} > 0 } keys %at;
        return $who && ($who eq 'new' || keys %at == 2);
    });
    return $who // 'nobody';
}

for my $case (
    [ $fallback, '', 'old', 'a tunnel stays when there is no fallback any more' ],
    [ $fallback, "$fallback idle_timeout = \"9s\";", 'new', 'it goes where there is one' ],
) {
    my ($before, $after, $holder, $what) = @$case;
    my $mosn = Mosn->start($text->($before), workers => 1);
    my ($old) = map { $_->{pid} } grep { $_->{role} =~ /^worker/ } @{ $mosn->status->{children} };
    my $s = Mosn::connect_to($mosn->port(1));
    is(says($s, "\xff\xfe one"), "echo \xff\xfe one", 'a tunnel');
    $mosn->write_conf($text->($after), workers => 1);
    is(($mosn->ctl('reload'))[1], 0, 'a reload');
    is(holder($mosn, $old), $holder, $what);
    is(says($s, 'two'), 'echo two', 'and goes on');
    close $s;
    $mosn->finish;
}
for my $case ([ 'downstream_protocol = "http1";', 'new' ], [ '', 'new' ], [ 'downstream_protocol = "bolt";', 'old' ]) {
    my ($after, $holder) = @$case;
    my $answer;
    my $mosn = Mosn->start($text->('downstream_protocol = "http1";'), workers => 1);
    my ($old) = map { $_->{pid} } grep { $_->{role} =~ /^worker/ } @{ $mosn->status->{children} };
    my $s = Mosn::connect_to($mosn->port(1));
    is(asks($s), '200 ok', 'HTTP/1');
    $mosn->write_conf($text->($after), workers => 1);
    is(($mosn->ctl('reload'))[1], 0, 'a reload: ' . ($after || 'any protocol'));
    if ($holder eq 'new') {
        is(asks($s), '200 ok', 'who speaks it goes on with it');
    } else {
        ok(IO::Select->new($s)->can_read(8) && !sysread($s, $answer, 1), 'who spoke it closes it, while nothing is asked');
    }
    close $s;
    $mosn->finish;
}
done_testing;
