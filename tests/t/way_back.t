# way_back.t - a reload that comes back: what served goes on as it was, with
# all that was changed at run time, whatever has become of its files.

use strict;
use warnings;
use Test::More;
use File::Copy;
use Mosn;
use Names;

my $one = Mosn::certificates('a.test', 'o.test');
my $two = Mosn::certificates('a.test');
my $dir = Mosn::certificates();
copy("$one/ca.pem", "$dir/clients.pem");
copy("$one/o.test.$_", "$dir/o.test.$_") for 'pem', 'key';
my $names = Names->start('known.test A 1 127.0.0.1', 'silent.test silent');
my $mosn = Mosn->prepare;
sub put { my ($name, $text) = @_; open my $f, '>', "$mosn->{dir}/$name" or die $!; print $f $text; close $f }

my $text = sub {
    my ($more) = @_;
    return <<"E";
control_socket = "%%DIR%%/control.sock"; runtime_file = "%%DIR%%/runtime.conf"; start_timeout = "1s"; certificate_check_interval = "100ms";
dns = { servers = ["127.0.0.1:@{[$names->port]}"]; timeout = "5s"; min_ttl = "200ms"; max_ttl = "300ms"; };
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); },
  { name = "s"; address = "127.0.0.1:%%PORT2%%"; filters = ( { type = "proxy"; routes = "r"; } );
    tls = { certificates = ( { certificate = "$dir/o.test.pem"; private_key = "$dir/o.test.key"; } ); client_ca = "$dir/clients.pem"; verify_client = "require"; }; } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { path = "/page"; }; respond = { status = 200; body_file = "%%DIR%%/page.txt"; }; },
    { match = { path = "/icon"; }; respond = { status = 200; body_file = "%%DIR%%/icon"; }; }, { respond = { status = 200; body = "fine"; }; } ); } ); },
  { name = "other"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:81"; } ); }, { name = "spare"; hosts = ( { address = "127.0.0.1:82"; } ); },
  { name = "known"; discovery = "strict_dns"; hosts = ( { name = "known.test:80"; } ); } $more );
tests = ( { name = "t"; listener = "l"; request = "GET http://x/"; status = 200; } );
E
};
put('page.txt', "a \"page\"\\\n");
my $icon = join '', map { chr } 0 .. 255;
put('icon', $icon);
$mosn->write_conf($text->(''), workers => 2);
$mosn->run;
my ($plain, $tls) = map { $mosn->port($_) } 1, 2;
sub over_tls { my ($of) = @_; return scalar `curl -s --max-time 5 --cacert $one/ca.pem --cert $of/a.test.pem --key $of/a.test.key --resolve o.test:$tls:127.0.0.1 https://o.test:$tls/page` }

# The new processes wait for a name that nobody tells; meanwhile `what` is done.
sub come_back {
    my ($what) = @_;
    $mosn->write_conf($text->(', { name = "w"; discovery = "strict_dns"; hosts = ( { name = "silent.test:80"; } ); }'), workers => 2);
    my $pid = fork // die;
    if ($pid == 0) {
        $names->wait_asked('silent.test', 1);
        $what->();
        POSIX::_exit(0);
    }
    my ($said, $rc) = $mosn->ctl('reload');
    waitpid $pid, 0;
    return "$rc $said";
}

is(Mosn::get($plain, '/page')->{body}, "a \"page\"\\\n", 'it serves a file');
is(over_tls($one), "a \"page\"\\\n", 'over TLS, too');
like(come_back(sub { unlink "$mosn->{dir}/icon" }), qr/^1 .*not ready in time/s, 'a reload comes back');
is(Mosn::get($plain, '/icon')->{body}, $icon, 'a body that is no text needs no file either');
put('icon', $icon);
is($mosn->apply(qq|routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = (
    { match = { path = "/page"; }; respond = { status = 200; body_file = "$mosn->{dir}/page.txt"; }; }, { match = { path = "/icon"; }; respond = { status = 200; body = "no icon"; }; }, { respond = { status = 503; body = "maintenance"; }; } ); } ); } );|),
    '', 'maintenance, though a test expects otherwise');
is($mosn->apply('clusters = ( { name = "spare"; hosts = ( { address = "127.0.0.1:83"; } ); } );'), '', 'another host');
my $change = $mosn->status->{change};

# --- the certificate is gone, and the page
like(come_back(sub { unlink "$mosn->{dir}/page.txt", "$dir/o.test.pem" }), qr/^1 .*not ready in time/s, 'a reload comes back');
is(Mosn::get($plain, '/')->{body}, 'maintenance', 'what was changed at run time is in force');
is(Mosn::get($plain, '/page')->{body}, "a \"page\"\\\n", 'the page as well');
is(over_tls($one), "a \"page\"\\\n", 'and the certificate');
ok(Mosn::wait_for(sub { $mosn->log =~ /stays as it was: cannot read/ }), 'that it is gone is told');
my $before = $mosn->serving;
kill 'KILL', { $mosn->pids }->{'worker 0'};
ok(Mosn::wait_for(sub { my $now = eval { $mosn->serving } // ''; $now =~ /worker 0 / && $now ne $before }), 'a worker is born now');
is(join(' ', map { over_tls($one) =~ /page/ ? 'yes' : 'no' } 1 .. 4), 'yes yes yes yes', 'each of them');
is($mosn->status->{change}, $change, 'the number of the last change');
like(($mosn->ctl('remove', '--persist', 'spare'))[0], qr/the configuration has that cluster/, 'which clusters are those of the configuration');

# --- authorities change in between
copy("$one/o.test.pem", "$dir/o.test.pem");
like(come_back(sub { copy("$two/ca.pem", "$dir/clients.new"); rename "$dir/clients.new", "$dir/clients.pem" }), qr/^1 /, 'another one, while authorities change');
ok(Mosn::wait_for(sub { over_tls($two) =~ /page/ }), 'they are in force behind it');
is(join(' ', map { over_tls($one) } 1 .. 4), '   ', 'in all workers');

# --- names change in between
like(come_back(sub { $names->say('known.test A 1 127.0.0.2', 'silent.test silent'); sleep 1 }), qr/^1 /, 'another one, while names change');
is(Mosn::get($plain, '/')->{body}, 'maintenance', 'it goes on');
ok(Mosn::wait_for(sub { $mosn->set_of('known') eq '127.0.0.2:80' }), 'with what the name is now');

# --- and one that goes well ends what was not kept
put('page.txt', 'new');
$mosn->write_conf($text->(''), workers => 2);
is(($mosn->ctl('reload'))[1], 0, 'a reload that goes well');
is(Mosn::get($plain, '/page')->{body}, 'new', 'reads the files again');
like($mosn->log, qr/2 changes of the run time were not persisted(?!.*going back)/s, 'and says what ends with it');
is(join("\n", grep { !/was ended by signal 9/ } $mosn->log =~ /^.*\[alert\].*$/mg), '', 'no alert but for the worker that was killed');
is($mosn->stop, 0, 'mosn ends with status 0');
unlike($mosn->output, qr/Sanitizer|runtime error/, 'no sanitizer report');
done_testing;
