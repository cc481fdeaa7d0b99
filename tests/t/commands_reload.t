# Commands that come while a reload begins are answered, each of them.
use strict;
use warnings;
use Test::More;
use Mosn;

my $o = Mosn::origin(sub { Mosn::ok_response('x') });
my $at = '127.0.0.1:' . $o->port;
my $mosn = Mosn->start(<<"E");
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "$at"; } ); } );
E
my $stop = "$mosn->{dir}/stop";
my @pids = map {
    my $said = "$mosn->{dir}/said$_";
    Mosn::spawn(sub {
        open my $f, '>', $said or die;
        $f->autoflush(1);
        my $weight = 1;
        while (!-e $stop) { print $f $mosn->ctl('host', 'set', 'c', $at, 'weight=' . (++$weight % 100 + 1)), "\n" }
        print $f "end\n";
    });
} 1 .. 3;
is(($mosn->ctl('reload'))[1], 0, "reload $_") for 1 .. 15;
open my $f, '>', $stop or die;
close $f;
my $all = '';
ok(Mosn::wait_for(sub { $all = join '', map { Mosn::slurp("$mosn->{dir}/said$_") } 1 .. 3; 3 == (() = $all =~ /^end$/mg) }), 'all have ended');
cmp_ok(scalar(() = $all =~ /^change \d+/mg), '>', 10, 'changes were made');
unlike($all, qr/without an answer/, 'and each was answered');
$mosn->finish;
done_testing();
