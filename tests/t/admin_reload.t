# Changes over the admin address while reloads begin: each is done, or refused
# with the reason.
use strict; use warnings; use Test::More; use Mosn;
my $mosn = Mosn->prepare;
$mosn->write_conf(<<"E", whole => 1);
workers = 1; user = "root"; error_log = { path = "%%DIR%%/error.log"; level = "info"; };
admin = { address = "127.0.0.1:%%PORT0%%"; allow_changes = true; }; control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:1"; } ); } );
E
$mosn->run;
my ($stop, $said) = map { "$mosn->{dir}/$_" } qw(stop said);
Mosn::spawn(sub {
    open my $f, '>', $said or die;
    $f->autoflush(1);
    for (my $n = 2; !-e $stop; $n++) {
        my $r = eval { Mosn::get($mosn->port(0), "/clusters/c/hosts/127.0.0.1:1?weight=" . $n % 100, method => 'PUT') };
        print $f $r ? "$r->{status} $r->{body}" =~ s/\s+/ /gr : 'nobody', "\n";
    }
    print $f "end\n";
});
is(($mosn->ctl('reload'))[1], 0, "reload $_") for 1 .. 20;
open my $f, '>', $stop or die;
close $f;
ok(Mosn::wait_for(sub { Mosn::slurp($said) =~ /^end$/m }), 'the last change is answered');
my $all = Mosn::slurp($said);
cmp_ok(scalar(() = $all =~ /^200 change \d+/mg), '>', 20, 'changes were made');
unlike($all, qr/no answer/, 'who was heard by nobody is told so');
$mosn->finish; done_testing();
