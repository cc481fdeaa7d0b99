# Bodies from files are applied whatever bytes they have, and are live in new
# workers; one that cannot be read is told with its name.
use strict; use warnings; use Test::More; use Mosn;
my $dir = File::Temp::tempdir(CLEANUP => 1); chmod 0755, $dir;
sub put { open my $f, '>:raw', "$dir/body" or die $!; print $f $_[0]; close $f }
sub routes { return qq|routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { body_file = "$_[0]"; $_[1] }; } ); } ); } );| }
put(my $first = "one\0\xff\n");
my $mosn = Mosn->start(<<"E" . routes("$dir/body", ''));
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
E
sub body { return Mosn::get($mosn->port(1), '/')->{body} }
is(body(), $first, 'a body with a NUL');
put(my $second = "two\0\0\xfe" x 100);
is($mosn->apply(routes("$dir/body", '')), '', 'another one is applied');
ok(Mosn::wait_for(sub { body() eq $second }), 'it is served');
put('text'); is($mosn->apply(routes("$dir/body", '')), '', 'text, too');
ok(Mosn::wait_for(sub { body() eq 'text' }), 'is served');
like($mosn->apply(routes("$dir/none", '')), qr{body_file.*\Q$dir\E/none: No such file}, 'one that is not there is named');
like($mosn->apply(routes("$dir/body", 'body = "x";')), qr/has both `body` and `body_file`/, 'nor may there be two');
is(body(), 'text', 'nothing has changed');
$mosn->finish; done_testing();
