package Mosn;

# Mosn.pm - run mosn for a test, with origins and clients around it.
#
#   my $origin = Mosn::origin(sub { my $r = shift; "HTTP/1.1 200 OK..." });
#   my $mosn = Mosn->start(<<"E");           # %%PORT1%% .. are free ports
#   listeners = (...)
#   E
#   my $answer = Mosn::get($mosn->port(1), "/path");
#   $mosn->finish;                            # ends it, asserts a clean log
#   done_testing();
#
# Everything that is started here is ended by finish() or at exit.

use strict;
use warnings;

use Carp ();
use Cwd qw(abs_path);
use Fcntl qw(F_SETFD);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h);
use Socket qw(:all);
use Test::More;
use Time::HiRes qw(sleep time);

# A process that has just gone is looked up as 0: to kill that would end the
# test, the suite, and whoever has started it.
BEGIN {
    *CORE::GLOBAL::kill = sub {
        my ($signal, @pids) = @_;
        Carp::croak("kill $signal, $_") for grep { !$_ || abs($_) == 1 } @pids;
        return CORE::kill($signal, @pids);
    };
}

our $TOP = abs_path(dirname(__FILE__) . "/../..");
our $BIN = $ENV{MOSN_BIN} || "$TOP/objs-debug/mosn";
our $CTL = "${BIN}ctl";
our $TIMEOUT = 20;

$SIG{PIPE} = 'IGNORE';

my %children;    # what we started; -1: with all of its process group
my $owner = $$;

my @instances;

END {
    my $status = $?;
    if ($$ == $owner) {
        if ($status != 0) {    # the test died, or failed: what mosn has said
            diag(join "\n", tail($_->output))
                for grep { length $_->output } @instances;
        }
        kill 'KILL', $children{$_} * $_ for keys %children;
        waitpid $_, 0 for keys %children;
    }
    $? = $status;
}

sub tail {
    my @lines = split /\n/, $_[0];
    return @lines > 60 ? @lines[-60 .. -1] : @lines;
}

# --- waiting -----------------------------------------------------------------

# True as soon as the code is, false when the time is over.
sub wait_for {
    my ($code, $seconds) = @_;
    my $until = time + ($seconds // $TIMEOUT);
    while (1) {
        my $value = $code->();
        return $value if $value;
        return 0 if time > $until;
        sleep 0.01;
    }
}

# A port that nobody else is given while this process lives: below those that
# the kernel hands out by itself, and held by a name that ends with us.
my %held;

sub free_port {
    for (1 .. 1000) {
        my $port = 10_000 + int rand 22_000;
        next if $held{$port};
        my $name = IO::Socket::UNIX->new(
            Type => SOCK_STREAM, Local => "\0mosn-test-port-$port", Listen => 1)
            or next;
        IO::Socket::INET->new(
            LocalAddr => '0.0.0.0', LocalPort => $port, Listen => 1)
            or next;
        $held{$port} = $name;
        return $port;
    }
    die "no free port";
}

# --- mosn ----------------------------------------------------------------------

sub new_dir { return tempdir(CLEANUP => 1) }

# Substitutes %%PORTn%% and %%DIR%%.
sub fill {
    my ($self, $conf) = @_;
    $conf =~ s/%%PORT(\d+)%%/$self->port($1)/ge;
    $conf =~ s/%%DIR%%/$self->{dir}/g;
    return $conf;
}

sub port {
    my ($self, $n) = @_;
    return $self->{ports}{$n} //= free_port();
}

sub prepare {
    my ($class) = @_;
    my $self = bless { dir => new_dir(), ports => {} }, $class;
    chmod 0755, $self->{dir};
    return $self;
}

sub write_conf {
    my ($self, $conf, %o) = @_;
    my $workers = $o{workers} // 1;
    my $head = $o{whole} ? '' : <<"E";
workers = $workers;
user = "root";
error_log = { path = "$self->{dir}/error.log"; level = "info"; };
admin = { address = "127.0.0.1:%%PORT0%%"; };
E
    $self->{conf} = "$self->{dir}/mosn.conf";
    open my $f, '>', $self->{conf} or die $!;
    print $f $self->fill($head . $conf);
    close $f;
}

sub start {
    my ($class, $conf, %o) = @_;
    my $self = $class->prepare;
    $self->write_conf($conf, %o);
    return $self->run(%o);
}

sub run {
    my ($self, %o) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDOUT, '>>', "$self->{dir}/out";
        open STDERR, '>>', "$self->{dir}/out";
        $ENV{ASAN_OPTIONS} = "detect_leaks=1:quarantine_size_mb=4";
        my @pre = $o{pre} ? @{ $o{pre} } : ();
        fcntl $o{keep}, F_SETFD, 0 if $o{keep};    # open in mosn too
        exec @pre, $BIN, '-c', $self->{conf} or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    push @instances, $self;
    $children{$pid} = 1;
    my $ready = wait_for(sub {
        return 1 if waitpid($pid, WNOHANG) == $pid;
        my $a = eval { get($self->port(0), "/ready") };
        return $a && $a->{status} == 200;
    });
    if (!$ready || !kill 0, $pid) {
        delete $children{$pid};
        diag($self->output);
        die "mosn did not start";
    }
    return $self;
}

sub output {
    my ($self) = @_;
    return join '', map { slurp("$self->{dir}/$_") } qw(out error.log);
}

sub log { return slurp("$_[0]{dir}/error.log") }

sub slurp {
    my ($path) = @_;
    open my $f, '<:raw', $path or return '';
    local $/;
    return <$f> // '';
}

# Process ids of the children, "worker 0" => pid.
sub pids {
    my ($self) = @_;
    my %pids;
    for my $dir (glob "/proc/[0-9]*") {
        my $stat = slurp("$dir/stat") or next;
        my ($pid, $parent) = $stat =~ /^(\d+) \(.*\) \S (\d+)/ or next;
        next unless $parent == $self->{pid};
        my $title = slurp("$dir/cmdline");
        $title =~ s/\0.*//s;
        $pids{$1} = $pid if $title =~ /^mosn: (.*)/;
    }
    return %pids;
}

sub stats {
    my ($self) = @_;
    my $a = get($self->port(0), "/stats");
    return { map { /^(\S+): (\d+)$/ ? ($1 => $2) : () }
            split /\n/, $a->{body} };
}

# Ends mosn and returns its wait status.
sub stop {
    my ($self, $signal) = @_;
    return $self->{status} if defined $self->{status};
    kill $signal // 'TERM', $self->{pid};
    my $status = -1;
    my $gone = wait_for(sub {
        my $pid = waitpid $self->{pid}, WNOHANG;
        $status = $? if $pid == $self->{pid};
        return $pid == $self->{pid};
    });
    if (!$gone) {
        kill 'KILL', $self->{pid};
        waitpid $self->{pid}, 0;
    }
    delete $children{ $self->{pid} };
    return $self->{status} = $status;
}

# The end of every test: mosn ends well, and has nothing to complain of.
# `allow`: a pattern of alerts that the test has provoked.
sub finish {
    my ($self, %o) = @_;
    is($self->stop, 0, 'mosn ends with status 0');
    my $log = $self->output;
    my @bad = grep { /\[alert\]/ && !($o{allow} && /$o{allow}/) }
        split /\n/, $log;
    is("@bad", '', 'no alert in the log');
    my ($report) = $log =~ /((?:ERROR: \w+Sanitizer|runtime error).*)/s;
    ok(!$report, 'no sanitizer report') or diag($report);
}

# mosnctl: what it printed on both channels, and its exit status.
sub ctl {
    my ($self, @args) = @_;
    my $ctl = $self->{bin} ? "$self->{bin}ctl" : $CTL;
    my $pid = open my $out, '-|';
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        alarm 60;
        exec $ctl, '-s', "$self->{dir}/control.sock", @args
            or POSIX::_exit(127);
    }
    local $/;
    my $text = <$out>;
    close $out;
    return ($text, $? >> 8);
}

# The status as a hash; children by "role" are lists.
sub status {
    my ($self) = @_;
    my ($text, $rc) = $self->ctl('--json', 'status');
    my $s = { rc => $rc, children => [] };
    @$s{qw(pid state generation reloads change descriptors)} = $text =~
        /"pid":(\d+),"state":"(\w+)","generation":(\d+),"reloads":(\d+).*?"change":(\d+).*?"descriptors":(\d+)/;
    while ($text =~ /\{"role":"([^"]+)","pid":(\d+),"state":"(\w+)","generation":(\d+),"seconds":\d+,"connections":(\d+)[^}]*\}/g) {
        push @{ $s->{children} },
            { role => $1, pid => $2, state => $3, generation => $4, connections => $5 };
    }
    return $s;
}

# The lines of a cluster's hosts on the admin page.
sub hosts_of {
    my ($self, $cluster) = @_;
    my $page = get($self->port(0), '/clusters')->{body};
    my ($hosts) = $page =~ /^\Q$cluster\E: [^\n]*\n((?:  [^\n]*\n)*)/m;
    return $hosts // '';
}

# Their addresses, in order.
sub set_of { return join ' ', sort $_[0]->hosts_of($_[1]) =~ /^  (\S+) /mg }

# Has clusters or route tables replaced: "" or what was wrong.
sub apply {
    my ($self, $text) = @_;
    open my $f, '>', "$self->{dir}/apply.conf" or die $!;
    print $f $self->fill($text);
    close $f;
    my ($said, $rc) = $self->ctl('apply', "$self->{dir}/apply.conf");
    return $rc == 0 ? '' : $said;
}

# Kills the control process and waits for the next one.
sub replace_control {
    my ($self) = @_;
    my %before = $self->pids;
    kill 'KILL', $before{control};
    return wait_for(sub {
        my %now = $self->pids;
        return ($now{control} // 0) && $now{control} != $before{control}
            && eval { get($self->port(0), '/ready')->{status} == 200 };
    });
}

# "worker 0 8123 worker 1 8124 ...": who serves.
sub serving {
    my ($self) = @_;
    return join ' ', map { "$_->{role} $_->{pid}" }
        sort { $a->{role} cmp $b->{role} }
        grep { $_->{state} eq 'serving' } @{ $self->status->{children} };
}

# --- certificates -----------------------------------------------------------

# A folder with ca.pem, and a certificate NAME.pem with NAME.key for each name
# that is given; "rsa:NAME" makes one with an RSA key in rsa-NAME.pem.
sub certificates {
    my (@names) = @_;
    my $dir = tempdir(CLEANUP => 1);
    chmod 0755, $dir;
    my $run = sub {
        system("cd $dir && { $_[0] ; } >/dev/null 2>&1") == 0 or die "failed: $_[0]";
    };
    my $ec = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
    $run->("openssl req -x509 $ec -keyout ca.key -out ca.pem -days 30 -subj /CN=test-ca");
    for my $name (@names) {
        my $rsa = $name =~ s/^rsa://;
        my $key = $rsa ? '-newkey rsa:2048 -nodes' : $ec;
        my $file = $rsa ? "rsa-$name" : $name;
        open my $f, '>', "$dir/ext" or die $!;
        print $f "subjectAltName=DNS:$name,DNS:*.$name\n";
        close $f;
        $run->("openssl req $key -keyout $file.key -out $file.csr -subj /CN=$name");
        $run->("openssl x509 -req -in $file.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out $file.pem");
    }
    return $dir;
}

# What `openssl s_client` printed; `in` is sent to it.
sub s_client {
    my ($port, $args, %o) = @_;
    my $in = tempdir(CLEANUP => 1) . "/in";
    open my $f, '>', $in or die $!;
    print $f $o{in} // '';
    close $f;
    my $wait = $o{in} ? "cat $in; sleep 0.5" : ':';
    my $out = `{ $wait; } | timeout 10 openssl s_client -connect 127.0.0.1:$port $args 2>&1`;
    return $out;
}

# --- tools ------------------------------------------------------------------

# Builds tests/tools/NAME.c once a test; returns the program.
my %tools;

sub tool {
    my ($name, @flags) = @_;
    return $tools{$name} //= do {
        my $out = tempdir(CLEANUP => 1) . "/$name";
        system('cc', '-O2', '-o', $out, "$TOP/tests/tools/$name.c", @flags) == 0
            or die "cannot build $name";
        $out;
    };
}

# Runs a program with its output in a file; returns its pid and the file.
sub background {
    my (@command) = @_;
    my $file = tempdir(CLEANUP => 1) . "/out";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        setpgrp 0, 0;
        open STDOUT, '>', $file;
        open STDERR, '>', "$file.err";
        exec @command or POSIX::_exit(127);
    }
    $children{$pid} = -1;
    return ($pid, $file);
}

# --- origins ----------------------------------------------------------------

# Runs code in a child that ends with us.
sub spawn {
    my ($code) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        setpgrp 0, 0;
        $SIG{TERM} = 'DEFAULT';
        $SIG{CHLD} = 'IGNORE';
        $code->();
        POSIX::_exit(0);
    }
    setpgrp $pid, $pid;    # whoever is first
    $children{$pid} = -1;
    return $pid;
}

sub end_child {
    my ($pid, $signal) = @_;
    kill $signal // 'KILL', -$pid;
    waitpid $pid, 0;
    delete $children{$pid};
}

# A TCP server: calls code with each connection, in a process of its own.
# The code may say_to($log, text) what it saw.
sub server {
    my ($code, %o) = @_;
    my $listen = IO::Socket::INET->new(
        LocalAddr => $o{address} // '127.0.0.1', LocalPort => $o{port} // 0,
        Listen => 128, ReuseAddr => 1)
        or die "listen: $!";
    my $log = tempdir(CLEANUP => 1) . "/log";
    my $self = bless { port => $listen->sockport, log => $log },
        'Mosn::Server';
    $self->{pid} = spawn(sub {
        while (1) {
            my $s = $listen->accept or next;
            my $pid = fork;
            if (defined $pid && $pid == 0) {
                close $listen;
                $SIG{ALRM} = sub { POSIX::_exit(0) };
                alarm 60;
                $s->autoflush(1);
                $code->($s, $log);
                close $s;
                POSIX::_exit(0);
            }
            close $s;
        }
    });
    close $listen;
    return $self;
}

sub say_to {
    my ($log, $text) = @_;
    open my $f, '>>:raw', $log or return;
    syswrite $f, $text;
    close $f;
}

# An HTTP origin: code gets { head, body, method, path, n } and returns the
# bytes of the response, or nothing to close.  Of several pieces each is sent
# after a pause.  Each request's bytes go to the log.
sub origin {
    my ($code, %o) = @_;
    return server(sub {
        my ($s, $log) = @_;
        my $reader = Mosn::Reader->new($s);
        my $n = 0;
        while (my $r = $reader->message(1)) {
            $r->{n} = ++$n;
            $r->{socket} = $s;
            say_to($log, "$r->{head}$r->{raw_body}\0");
            my @out = $code->($r);
            last unless @out;
            for my $i (0 .. $#out) {
                sleep 0.05 if $i > 0;
                print $s $out[$i] or last;
            }
            last if $r->{close};
        }
    }, %o);
}

sub ok_response {
    my ($body, $more) = @_;
    return "HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\n"
        . ($more // '') . "\r\n$body";
}

# --- clients ----------------------------------------------------------------

sub connect_to {
    my ($port) = @_;
    my $s = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5)
        or die "connect to $port: $!";
    $s->autoflush(1);
    setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1;
    return $s;
}

# The same with a small receive buffer: who sends to it soon has to wait.
sub narrow {
    my ($port, $bytes) = @_;
    socket my $s, AF_INET, SOCK_STREAM, 0 or die "socket: $!";
    setsockopt $s, SOL_SOCKET, SO_RCVBUF, $bytes or die "setsockopt: $!";
    connect $s, sockaddr_in($port, INADDR_LOOPBACK) or die "connect to $port: $!";
    return $s;
}

# One request on a connection of its own.
sub get {
    my ($port, $path, %o) = @_;
    my $s = connect_to($port);
    my $method = $o{method} // 'GET';
    my $host = $o{host} // 'test.example';
    my $body = $o{body} // '';
    my $length = exists $o{body}
        ? "Content-Length: " . length($body) . "\r\n" : '';
    print $s "$method $path HTTP/1.1\r\nHost: $host\r\n"
        . join('', map { "$_\r\n" } @{ $o{headers} // [] })
        . "$length\r\n$body";
    my $a = Mosn::Reader->new($s)->message(0, $method);
    close $s;
    return $a;
}

# Sends bytes, and returns all that comes until the peer closes; in list
# context also how it ended: closed, reset or open.
sub raw {
    my ($port, $bytes, %o) = @_;
    my $s = ref $port ? $port : connect_to($port);
    if ($o{pieces}) {
        for my $piece ($bytes =~ /(.{1,$o{pieces}})/gs) {
            syswrite $s, $piece;
            sleep($o{pause} // 0.0005);
        }
    } else {
        syswrite $s, $bytes if length $bytes;
    }
    shutdown $s, 1 if $o{fin};
    my $got = '';
    my $until = time + ($o{seconds} // $TIMEOUT);
    my $select = IO::Select->new($s);
    while (1) {
        my $left = $until - time;
        if ($left <= 0 || !$select->can_read($left)) {
            return wantarray ? ($got, 'open') : $got;
        }
        my $n = sysread $s, my $piece, 65536;
        if (!defined $n) {
            return wantarray ? ($got, 'reset') : $got;
        }
        return (wantarray ? ($got, 'closed') : $got) if $n == 0;
        $got .= $piece;
    }
}

# --- messages ---------------------------------------------------------------

package Mosn::Server;

sub port { return $_[0]{port} }

# Everything that the code has logged so far.
sub seen { return Mosn::slurp($_[0]{log}) }

# Requests that an origin has got, as bytes.
sub requests { return split /\0/, $_[0]->seen }

sub stop { Mosn::end_child($_[0]{pid}, $_[1]) }

package Mosn::Reader;

sub new {
    my ($class, $socket) = @_;
    return bless { s => $socket, buffer => '' }, $class;
}

sub more {
    my ($self) = @_;
    my $select = IO::Select->new($self->{s});
    return 0 unless $select->can_read($Mosn::TIMEOUT);
    my $n = sysread $self->{s}, my $piece, 65536;
    return 0 unless $n;
    $self->{buffer} .= $piece;
    return 1;
}

sub take {
    my ($self, $n) = @_;
    while (length $self->{buffer} < $n) { $self->more or return undef }
    return substr $self->{buffer}, 0, $n, '';
}

sub line {
    my ($self) = @_;
    while (index($self->{buffer}, "\r\n") < 0) { $self->more or return undef }
    return $self->take(index($self->{buffer}, "\r\n") + 2);
}

# The next request or response, or undef at the end.
sub message {
    my ($self, $request, $method) = @_;
    while (index($self->{buffer}, "\r\n\r\n") < 0) {
        $self->more or return undef;
    }
    my $head = $self->take(index($self->{buffer}, "\r\n\r\n") + 4);
    my %m = (head => $head, body => '', raw_body => '', trailers => '');
    if ($request) {
        @m{qw(method path)} = $head =~ /^(\S+) (\S+)/;
    } else {
        ($m{status}) = $head =~ /^HTTP\/1\.\d (\d+)/;
    }
    for my $line (split /\r\n/, $head) {
        my ($name, $value) = $line =~ /^([^:\s]+):\s*(.*?)\s*$/ or next;
        push @{ $m{h}{ lc $name } }, $value;
    }
    my $length = $m{h}{'content-length'};
    my $coding = $m{h}{'transfer-encoding'};
    my $bare = !$request
        && (($method // '') eq 'HEAD' || $m{status} =~ /^(1|204|304)/);
    if ($bare) {
        # no body, whatever the fields say
    } elsif ($coding) {
        while (1) {
            my $line = $self->line // return undef;
            $m{raw_body} .= $line;
            my ($digits) = $line =~ /^([0-9a-f]+)/i;
            my $n = hex $digits;
            last if $n == 0;
            my $data = $self->take($n + 2) // return undef;
            $m{raw_body} .= $data;
            $m{body} .= substr $data, 0, $n;
        }
        while (1) {
            my $line = $self->line // return undef;
            $m{raw_body} .= $line;
            last if $line eq "\r\n";
            $m{trailers} .= $line;
        }
    } elsif ($length) {
        $m{body} = $self->take($length->[0]) // return undef;
        $m{raw_body} = $m{body};
    } elsif (!$request) {
        1 while $self->more;
        $m{body} = $m{raw_body} = $self->take(length $self->{buffer});
    }
    return \%m;
}

1;
