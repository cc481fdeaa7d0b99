package Names;

# Names.pm - a name server for tests, on UDP and TCP.
#
#   my $names = Names->start('web.test A 1 127.0.0.1', ...);
#   ... $names->port ...
#   $names->say('fail');
#
# Lines are "NAME TYPE TTL VALUE" of A, AAAA and SRV.  "NAME fail" has it say
# SERVFAIL, "NAME silent" nothing, "NAME silent6" nothing of AAAA; "fail" and
# "silent" alone are about all names.  Answers of over 450 bytes are truncated
# over UDP.

use strict;
use warnings;
use IO::Socket::INET;
use Mosn;

sub wire { return join('', map { pack 'C/a', $_ } split /\./, $_[0]) . "\0" }

sub data {
    my ($kind, $type, @value) = @_;
    return $kind eq 'A' && $type == 1 ? pack('C4', split /\./, $value[0])
        : $kind eq 'AAAA' && $type == 28 ? Socket::inet_pton(Socket::AF_INET6(), $value[0])
        : $kind eq 'SRV' && $type == 33 ? pack('n3', @value[0 .. 2]) . wire($value[3]) : undef;
}

# The answer to a query; undef: none.
sub answer {
    my ($self, $query, $tcp) = @_;
    my ($at, @labels) = (12);
    while (my $n = ord substr $query, $at, 1) { push @labels, substr $query, $at + 1, $n; $at += $n + 1 }
    my ($type) = unpack 'n', substr $query, $at + 1, 2;
    my $name = lc join '.', @labels;
    Mosn::say_to("$self->{dir}/asked", ($tcp ? 'tcp' : 'udp') . " $name $type\n");

    my ($n, $answers, $code) = (0, '', 3);
    for (split /\n/, Mosn::slurp("$self->{dir}/zone")) {
        my ($is, $kind, $ttl, @value) = split / /;
        ($is, $kind) = ($name, $is) unless defined $kind;
        next unless $is eq $name;
        return undef if $kind eq 'silent' || ($kind eq 'silent6' && $type == 28);
        $code = $kind eq 'fail' ? 2 : $code == 3 ? 0 : $code;
        my $data = data($kind, $type, @value) // next;
        $answers .= pack('n', 0xc00c) . pack('n n N n/a', $type, 1, $ttl, $data);
        $n++;
    }
    ($n, $answers) = (0, '') if $code;
    my $cut = !$tcp && length $answers > 450;
    ($n, $answers) = (0, '') if $cut;
    return substr($query, 0, 2) . pack('n5', 0x8580 | $code | ($cut ? 0x200 : 0), 1, $n, 0, 0)
        . substr($query, 12, $at + 5 - 12) . $answers;
}

sub start {
    my ($class, @lines) = @_;
    my $self = bless { dir => Mosn::new_dir() }, $class;
    my ($udp, $tcp);
    for (1 .. 50) {
        $udp = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1', LocalPort => 0) or die;
        $self->{port} = $udp->sockport;
        $tcp = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $self->{port}, Listen => 64) and last;
    }
    $self->say(@lines);
    Mosn::spawn(sub {
        while (1) {
            my $from = $udp->recv(my $query, 4096) or next;
            my $answer = $self->answer($query, 0);
            $udp->send($answer, 0, $from) if defined $answer;
        }
    });
    Mosn::spawn(sub {
        while (my $s = $tcp->accept) {
            if (fork == 0) {
                alarm 60;
                while ((read($s, my $n, 2) // 0) == 2) {
                    read $s, my $query, unpack 'n', $n;
                    my $answer = $self->answer($query, 1) // last;
                    print $s pack 'n/a', $answer;
                    $s->flush;
                }
                POSIX::_exit(0);
            }
            close $s;
        }
    });
    return $self;
}

sub port { return $_[0]{port} }

# What it knows from now on.
sub say {
    my ($self, @lines) = @_;
    open my $f, '>', "$self->{dir}/new" or die;
    print $f map { "$_\n" } @lines;
    close $f;
    rename "$self->{dir}/new", "$self->{dir}/zone" or die;
}

# "udp web.test 1" of each question so far.
sub asked { return split /\n/, Mosn::slurp("$_[0]{dir}/asked") }

# Waits until a name was asked for so many times more.
sub wait_asked {
    my ($self, $name, $times) = @_;
    my $count = sub { scalar grep { / \Q$name\E / } $self->asked };
    my $from = $count->();
    return Mosn::wait_for(sub { $count->() >= $from + $times });
}

1;
