# tests/lib/Calls.pm - frames of Bolt and Dubbo, made and read by hand.

package Calls;

use strict;
use warnings;
use Compress::Zlib qw(crc32);
use IO::Select;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

# A listening socket for a host that the test plays itself.
sub listen {
    my ($class, $port) = @_;
    return IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 16, ReuseAddr => 1) || die "listen: $!";
}

sub new {
    my ($class, $socket) = @_;
    $socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    return bless { socket => $socket, in => '' }, $class;
}

sub connect {
    my ($class, $port) = @_;
    return $class->new(IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) || die "connect: $!");
}

# Takes the next connection of a listening socket.
sub accept {
    my ($class, $listener, $seconds) = @_;
    IO::Select->new($listener)->can_read($seconds // 5) or die 'nobody connects';
    return $class->new(scalar $listener->accept);
}

sub send {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    while (length $bytes) {
        my $n = syswrite $self->{socket}, $bytes;
        return unless defined $n;
        substr $bytes, 0, $n, '';
    }
}

sub close { close $_[0]{socket} }

# More bytes; false at the end, or when nothing comes.
sub more {
    my ($self, $seconds) = @_;
    IO::Select->new($self->{socket})->can_read($seconds // 5) or return 0;
    return sysread $self->{socket}, $self->{in}, 65536, length $self->{in};
}

sub take {
    my ($self, $n) = @_;
    while (length $self->{in} < $n) {
        $self->more or die 'no answer; there is only ' . unpack 'H*', $self->{in};
    }
    return substr $self->{in}, 0, $n, '';
}

# Has the other side ended it, whatever it said before?
sub is_closed {
    my ($self) = @_;
    while (my $n = $self->more) { }
    return !IO::Select->new($self->{socket})->can_read(0) ? 0 : 1;
}

# --- Bolt --------------------------------------------------------------------

sub map {
    my @pairs = @_;
    return join '', CORE::map { pack 'N/a', $_ } @pairs;
}

# A request; `announce` is a length of content that does not come.
sub bolt {
    my (%o) = @_;
    my $version = $o{version} // 1;
    my $content = $o{content} // '';
    my $class = $o{class} // '';
    my $map = $o{raw_map} // Calls::map(@{ $o{map} // [] });
    my $frame = pack('C', $version)
        . ($version == 2 ? pack('C', $o{ver1} // 1) : '')
        . pack('CnCNC', $o{type} // 1, $o{command} // 1, 1, $o{id} // 1, $o{codec} // 1)
        . ($version == 2 ? pack('C', $o{switch} // 0) : '')
        . pack('l>nnN', $o{timeout} // 3000, length $class, length $map, $o{announce} // length $content)
        . $class . $map . $content;
    $frame .= pack 'N', $o{sum} // crc32($frame) if ($o{ver1} // 1) == 2 && ($o{switch} // 0) & 1;
    return $frame;
}

sub bolt_response {
    my (%o) = @_;
    my $version = $o{version} // 1;
    my $content = $o{content} // '';
    my $map = Calls::map(@{ $o{map} // [] });
    return pack('C', $version) . ($version == 2 ? "\1" : '')
        . pack('CnCNC', 0, $o{command} // 2, 1, $o{id}, 1) . ($version == 2 ? "\0" : '')
        . pack('nnnN', $o{status} // 0, 0, length $map, length $content) . $map . $content;
}

sub bolt_frame {
    my ($self, $request) = @_;
    my %f;
    my $head = $self->take(1);
    $f{version} = unpack 'C', $head;
    die 'not Bolt: ' . unpack 'H*', $head . $self->{in} unless $f{version} == 1 || $f{version} == 2;
    $head .= $self->take($f{version} == 1 ? 9 : 11);
    @f{qw(type command ver2 id codec)} = unpack 'x' . ($f{version} == 2 ? 'x' : '') . 'CnCNC', $head;
    my $rest = $self->take($request ? 12 : 10);
    (@f{qw(status)}, my @length) = unpack $request ? 'l>nnN' : 'nnnN', $rest;
    @f{qw(class map content)} = CORE::map { $self->take($_) } @length;
    $f{tail} = $f{version} == 2 && $request && unpack('x C', $head) == 2 && unpack('x11 C', $head) & 1 ? $self->take(4) : '';
    $f{whole} = $head . $rest . $f{class} . $f{map} . $f{content} . $f{tail};
    return \%f;
}

sub bolt_answer { return $_[0]->bolt_frame(0) }
sub bolt_request { return $_[0]->bolt_frame(1) }

# --- TR ------------------------------------------------------------------------

# A request of serializer 4 whose id is below 16, or a response.
sub tr_frame {
    my (%o) = @_;
    my $name = $o{response} ? 'Response' : 'Request';
    my $connection = "O\xa1com.Connection$name" =~ s/\xa1/chr(0x90 + length "com.Connection$name")/er;
    $connection .= "\x91\x03ctxo\x90O" . chr(0x90 + length "Context") . "Context\x92\x02id\x06this\$0o\x91" . chr(0xe0 + $o{id}) . "\x4a\0";
    my $class = $o{class} // 'com.alipay.sofa.rpc.core.request.SofaRequest';
    my $object = $o{object} // ('O' . chr(0x90 + 1) . "C\x92\x0amethodName\x17targetServiceUniqueNameo\x90" . string($o{method}) . string($o{service}));
    return pack('CCCCCNCN', 13, $o{response} ? 1 : 0, 4, $o{response} ? 0 : $o{direction} // 2, 0, length $connection, length $class, length $object) . $connection . $class . $object;
}

sub tr_take {
    my ($self) = @_;
    my $head = $self->take(14);
    my ($connection, $class, $object) = unpack 'x5NCN', $head;
    return $head . $self->take($connection + $class + $object);
}

# --- Dubbo -------------------------------------------------------------------

sub string {
    my ($s) = @_;
    my $n = length $s;
    return $n < 32 ? pack('C', $n) . $s : $n < 1024 ? pack('CC', 0x30 + ($n >> 8), $n & 255) . $s : pack('an', 'S', $n) . $s;
}

# A call with one string.
sub dubbo {
    my (%o) = @_;
    my $body = join '', (CORE::map { string($_) } '2.0.2', $o{service}, $o{version} // '0.0.0', $o{method}, 'Ljava/lang/String;', $o{argument} // ''),
        'H', (CORE::map { string($_) } @{ $o{attachments} // [] }), 'Z';
    return pack('nCCQ>N', 0xdabb, $o{flags} // 0xc2, 0, $o{id} // 1, length $body) . $body;
}

sub dubbo_frame {
    my ($self) = @_;
    my %f;
    my $head = $self->take(16);
    (my $magic, @f{qw(flags status id)}, my $length) = unpack 'nCCQ>N', $head;
    die 'not Dubbo: ' . unpack 'H*', $head unless $magic == 0xdabb;
    $f{body} = $self->take($length);
    $f{whole} = $head . $f{body};
    return \%f;
}

sub dubbo_answer { return $_[0]->dubbo_frame }

1;
