# host_life.t - what is known of a host lasts as long as the host does: one that
# comes back is a new one, by a reload as by `mosnctl host`, and one that stays
# is who it was.
use strict;
use warnings;
use Test::More;
use Mosn;

my $dir = Mosn::new_dir();
sub mark { open my $f, '>', "$dir/$_[0]" or die; close $f }
sub clear { unlink "$dir/$_[0]" }
my $no = "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n";
my @hosts = map {
    my $n = $_;
    Mosn::origin(sub {
        my $r = shift;
        return $no if $r->{path} eq '/health' && $n == 1 && -e "$dir/bad";
        return $no if $r->{path} eq '/bad' && $n == 1;
        if ($r->{path} =~ m{^/held}) { Mosn::wait_for(sub { -e "$dir/go$r->{path}" =~ s,/held,,r }, 15); return $no }
        return Mosn::ok_response("h$n");
    })
} 0 .. 1;
my @at = map { '127.0.0.1:' . $_->port } @hosts;

# With so many of them.
sub conf {
    my ($settings, $n) = @_;
    my $list = join ', ', map { qq|{ address = "$_"; }| } @at[0 .. $n - 1];
    return <<"E";
control_socket = "%%DIR%%/control.sock"; runtime_file = "%%DIR%%/kept.conf";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; $settings hosts = ( $list ); } );
E
}

my ($mosn, $before);

sub done { my ($text, $rc) = $mosn->ctl(@_); is($rc, 0, "@_") or diag($text) }
sub reload { my ($settings, $n) = @_; $mosn->write_conf(conf($settings, $n)); done('reload') }
sub is_soon { my ($state, $name) = @_; ok(Mosn::wait_for(sub { $mosn->hosts_of('c') =~ /^  \Q$at[1]\E +$state/m }, 5), $name) or diag($mosn->hosts_of('c')) }
sub ask { my ($path) = @_; my $s = Mosn::connect_to($mosn->port(1)); print $s "GET $path HTTP/1.1\r\nHost: x\r\n\r\n"; return $s }
sub share { return scalar grep { Mosn::get($mosn->port(1), '/')->{body} eq 'h1' } 1 .. 60 }
sub ejections { return $mosn->stats->{"host.c,$at[1].ejections"} }

# Its health: the first check of a new one counts at once.
my $check = 'health_check = { path = "/health"; interval = "10s"; unhealthy = 1; healthy = 3; };';
mark('bad');
$mosn = Mosn->start(conf($check, 2));
is_soon('unhealthy', 'a host is unhealthy');
clear('bad');
done('reload');
is_soon('unhealthy', 'a reload knows it');
done('host', 'remove', 'c', $at[1]);
done('host', 'add', 'c', $at[1]);
is_soon('well', 'removed and added it is well by its first check');
mark('bad');
done('host', 'remove', 'c', $at[1]);
done('host', 'add', 'c', $at[1]);
is_soon('unhealthy', 'it is unhealthy again');
clear('bad');
reload($check, 1);
is($mosn->set_of('c'), $at[0], 'a reload without it');
reload($check, 2);
is_soon('well', 'and one with it: a new one, too');
$mosn->finish;

# Its ejection.
my $eject = 'lb = "round_robin"; outlier_detection = { consecutive_errors = 1; ejection_time = "10m"; max_ejection_time = "10m"; };';
$mosn = Mosn->start(conf($eject, 2));
Mosn::get($mosn->port(1), '/bad') for 1 .. 2;
is_soon('ejected', 'a host is left out');
done('reload');
is_soon('ejected', 'a reload knows it');
done('host', 'remove', 'c', $at[1]);
done('host', 'add', 'c', $at[1]);
is_soon('well', 'removed and added it is not');
Mosn::get($mosn->port(1), '/bad') for 1 .. 2;
is_soon('ejected', 'it is left out again');
reload($eject, 1);
reload($eject, 2);
is_soon('well', 'taken out and brought back by reloads it is not');
# A reload that fails, in between.
Mosn::get($mosn->port(1), '/bad') for 1 .. 2;
is_soon('ejected', 'left out once more');
$mosn->write_conf(conf($eject, 2) =~ s/name = "r"; virtual/name = "x"; virtual/r);
isnt(($mosn->ctl('reload'))[1], 0, 'a reload fails');
done('host', 'set', 'c', $at[1], 'weight=2');
reload($eject, 2);
is_soon('ejected', 'and the next one still knows');
# A worker that drains judges nobody for a generation that judges nobody.
reload('lb = "round_robin";', 2);
is_soon('well', 'without outlier_detection nobody is left out');
reload($eject, 2);
my @s = map { ask('/held1') } 1 .. 2;
ok(Mosn::wait_for(sub { $hosts[0]->seen =~ /held1/ && $hosts[1]->seen =~ /held1/ }), 'two requests are under way');
reload('lb = "round_robin";', 2);
$before = ejections();
mark('go1');
Mosn::Reader->new($_)->message(0) for @s;
Mosn::wait_for(sub { ejections() > $before }, 1);
is(ejections(), $before, 'their errors leave nobody out any more');
$mosn->finish;

# Errors in a row: not those of the one that was removed, nor those that come
# while it is out.
my $row = 'lb = "round_robin"; outlier_detection = { consecutive_errors = 3; ejection_time = "300ms"; max_ejection_percent = 100; };';
$mosn = Mosn->start(conf($row, 2));
@s = map { ask('/held2') } 1 .. 6;
ok(Mosn::wait_for(sub { 3 == (() = $hosts[1]->seen =~ /held2/g) }), 'three requests are under way to a host');
done('host', 'remove', 'c', $at[1]);
Mosn::wait_for(sub { $mosn->set_of('c') eq $at[0] });
mark('go2');
is(join(' ', map { Mosn::Reader->new($_)->message(0)->{status} } @s), '503 503 503 503 503 503', 'they fail');
done('host', 'add', 'c', $at[1]);
done('host', 'set', 'c', $at[0], 'state=disabled');
ok(Mosn::wait_for(sub { share() == 60 }), 'it is added, and alone');
Mosn::get($mosn->port(1), '/bad');
is(ejections(), 0, 'one error of its own is not three');
@s = map { ask('/held3') } 1 .. 8;
ok(Mosn::wait_for(sub { 8 == (() = $hosts[1]->seen =~ /held3/g) }), 'eight are under way');
mark('go3');
Mosn::Reader->new($_)->message(0) for @s;
is(ejections(), 1, 'they have it left out');
is_soon('well', 'it is back');
Mosn::get($mosn->port(1), '/bad');
is(ejections(), 1, 'and begins at none');
$mosn->finish;

# slow_start: by what adds a host, and what brings it back; over reloads.
$mosn = Mosn->start(conf('slow_start = "10m";', 2));
cmp_ok(share(), '>', 20, 'those of the beginning are as old as each other');
done('host', 'set', 'c', $at[1], 'state=disabled');
ok(Mosn::wait_for(sub { share() == 0 }), 'nobody comes to one that is disabled');
done('host', 'set', 'c', $at[1], 'state=enabled');
ok(Mosn::wait_for(sub { share() > 0 }), 'it is enabled again');
cmp_ok(share(), '<', 20, 'slowly');
done('host', 'remove', 'c', $at[1]);
done('host', 'add', '--persist', 'c', $at[1]);
ok(Mosn::wait_for(sub { share() > 0 }), 'removed and added');
cmp_ok(share(), '<', 20, 'slowly');
done('reload');
cmp_ok(share(), '<', 20, 'a reload: still slowly');
unlink "$mosn->{dir}/kept.conf";
reload('slow_start = "10m";', 1);
is(share(), 0, 'one without it');
reload('slow_start = "10m";', 2);
cmp_ok(share(), '<', 20, 'and with it: slowly');
reload('slow_start = "1ms";', 2);
cmp_ok(share(), '>', 20, 'when the time is over it has its weight');
$mosn->finish;

done_testing();
