# runtime_bounds.t - changes at run time at their edges: more than descriptors,
# what is no file, what is refused, removed, or said twice.

use strict;
use warnings;
use Test::More;
use File::Copy;
use JSON::PP;
use POSIX;
use Mosn;

my $dir = Mosn::certificates('a.test');
mkdir "$dir/q\"uote";
copy("$dir/a.test.pem", "$dir/q\"uote/a.pem");
copy("$dir/ca.pem", "$dir/q\"uote/ca.pem");
my $mosn = Mosn->prepare;
$mosn->write_conf(<<"E", whole => 1);
workers = 1; user = "root"; error_log = { path = "%%DIR%%/error.log"; level = "info"; };
admin = { address = "127.0.0.1:%%PORT0%%"; allow_changes = true; };
control_socket = "%%DIR%%/control.sock"; runtime_file = "%%DIR%%/sub/runtime.conf"; certificate_check_interval = "100ms"; worker_connections = 64;
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "s"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "r"; } );
    tls = { certificates = ( { certificate = "$dir/q\\"uote/a.pem"; private_key = "$dir/a.test.key"; } ); client_ca = "$dir/q\\"uote/ca.pem"; verify_client = "request"; }; } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { status = 200; body = "x"; }; } ); } ); } );
clusters = ( { name = "own"; hosts = ( { address = "127.0.0.1:1"; } ); tls = { sni = "x"; trusted_ca = "$dir/ca.pem"; certificate = { certificate = "$dir/a.test.pem"; private_key = "$dir/a.test.key"; }; }; } );
E
$mosn->run(pre => [ 'prlimit', '--nofile=400' ]);
sub cluster { return qq({ name = "$_[0]"; hosts = ( { address = "127.0.0.1:1"; } ); }) }
sub routes { return qq|routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( $_[0] ); } ); } );| }
sub rss { return Mosn::slurp("/proc/$mosn->{pid}/status") =~ /^VmRSS:\s+(\d+)/m ? $1 : 0 }

# --- more than descriptors
like($mosn->apply('clusters = ( ' . join(', ', map { cluster("n$_") } 1 .. 300) . ' );'), qr/too many changes at a time for the limit of descriptors: 300, and 0 wait/, 'more clusters than descriptors are refused');
is($mosn->status->{change}, 0, 'as a whole');
is($mosn->apply('clusters = ( ' . join(', ', map { cluster("n$_") } 1 .. 100) . ' );'), '', 'a hundred are not');
ok(Mosn::wait_for(sub { ($mosn->ctl('status'))[0] =~ /worker 0 .*change: 100/ }), 'and taken');

# --- what is no file
mkfifo("$mosn->{dir}/fifo", 0600) or die;
my ($said, $rc) = $mosn->ctl('apply', "$mosn->{dir}/fifo");
like($said, qr/fifo is no regular file/, 'a FIFO does not stop the master');
is($rc, 1, 'but is refused');

# --- what is refused leaves nothing
for my $i (1 .. 5) {
    isnt($mosn->apply('clusters = ( ' . join(', ', map { cluster("r$i-$_") } 1 .. 100) . ' ); ' . routes('{ route = { cluster = "nobody"; }; }')), '', "refused: $i") if $i == 1 || $i == 5;
}
like($mosn->apply(routes('{ route = { cluster = "r1-1"; }; }')), qr/there is no cluster "r1-1"(?!; did you mean "r)/, 'none of them is there, nor meant');
is($mosn->apply('clusters = ( ' . cluster('gone') . ' );'), '', 'one is added');
is(($mosn->ctl('remove', 'gone'))[1], 0, 'and removed');
unlike($mosn->apply(routes('{ route = { cluster = "gone"; }; }')), qr/did you mean "gone"/, 'nobody means it');
like($mosn->apply('clusters = ( ' . cluster('two') . ', ' . cluster('two') . ' );'), qr/"two" is there twice/, 'two of one name');
is($mosn->apply('clusters = ( ' . cluster('persist') . ' );'), '', 'a cluster may be called persist');
is(($mosn->ctl('remove', 'persist'))[1], 0, 'and is removed');

# --- what is removed is not looked at any more
for my $i (1 .. 2) {
    is($mosn->apply(qq|clusters = ( { name = "t"; hosts = ( { address = "127.0.0.1:1"; } ); tls = { sni = "x"; trusted_ca = "$dir/ca.pem"; certificate = { certificate = "$dir/a.test.pem"; private_key = "$dir/a.test.key"; }; }; } );|), '', 'a cluster with files');
    is(($mosn->ctl('remove', 't'))[1], 0, 'is removed');
}
is(($mosn->ctl('remove', 'own'))[1], 0, 'one of the configuration, too');
unlike(($mosn->ctl('certs'))[0], qr/a\.test\.pem/, 'its files are not looked at any more');

# --- what is said
my ($certs) = $mosn->ctl('--json', 'certs');
my $told = eval { decode_json($certs) };
is($told->{certificates}[0]{certificate}, "$dir/q\"uote/a.pem", 'a path with a quote in JSON') or diag $certs;
is($told->{authorities}[0]{authority}, "$dir/q\"uote/ca.pem", 'also of an authority');
my $post = sub { return Mosn::get($mosn->port(0), '/apply', method => 'POST', body => $_[0]) };
is($post->(routes('{ match = { prefix = "/certificates"; }; respond = { status = 200; body = "@include body_file"; }; }'))->{status}, 200, 'words that look like names of files are none');
for my $foreign (routes(qq({ respond = { status = 200; body_file = "$dir/a.test.key"; }; })), qq(\@include "$dir/a.test.key"\n), qq(# x\n  \@include "$dir/a.test.key"\n), qq(# \0\n\@include "$dir/a.test.key"\n),
    qq|clusters = ( { name = "f"; hosts = ( { address = "127.0.0.1:1"; } ); tls = { sni = "x"; trusted_ca = "$dir/ca.pem"; }; } );|)
{
    my $answer = $post->($foreign);
    is($answer->{status}, 409, 'files are not for who reaches the admin address');
    like($answer->{body}, qr/are for mosnctl/, 'he is told so');
}

# --- what is done but not kept
open my $file, '>', "$mosn->{dir}/a.conf" or die;
print $file routes('{ respond = { status = 200; body = "changed"; }; }');
close $file;
like(($mosn->ctl('apply', '--persist', "$mosn->{dir}/a.conf"))[0], qr/done, but not kept/, 'done, but not kept');
is(Mosn::get($mosn->port(1), '/')->{body}, 'changed', 'it is done');
my ($reload) = $mosn->ctl('reload');
is(Mosn::get($mosn->port(1), '/')->{body}, 'x', 'a reload undoes it');
like($reload . $mosn->log, qr/changes of the run time were not persisted/, 'and says so');

$mosn->finish;

# --- what the tests of the configuration would refuse is not begun
$mosn = Mosn->start(<<'E', workers => 1);
control_socket = "%%DIR%%/control.sock"; runtime_file = "%%DIR%%/runtime.conf";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { status = 200; body = "x"; }; } ); } ); } );
clusters = ();
tests = ( { name = "t"; listener = "l"; request = "GET http://x/"; status = 200; } );
E
for my $case ([ 503, qr/not done.*\n.*test "t": it is 503/, 'x' ], [ 200, qr/^$/, 'now 200' ]) {
    open my $f, '>', "$mosn->{dir}/a.conf" or die;
    print $f routes(qq({ respond = { status = $case->[0]; body = "now $case->[0]"; }; }));
    close $f;
    my ($text, $status) = $mosn->ctl('apply', '--persist', "$mosn->{dir}/a.conf");
    like($status == 0 ? '' : $text, $case->[1], "kept or not: $case->[0]");
    is(Mosn::get($mosn->port(1), '/')->{body}, $case->[2], 'and done or not');
}
is(($mosn->ctl('reload'))[1], 0, 'a reload takes what was kept');
is(Mosn::get($mosn->port(1), '/')->{body}, 'now 200', 'and serves it');
$mosn->finish;
done_testing;
