# What a worker may ask of the master: nothing.  A worker that was taken over
# (here: its channel, borrowed with pidfd_getfd) must not run programs as root.
use strict; use warnings; use Test::More; use Mosn; use Time::HiRes qw(sleep);
my $mosn = Mosn->start(<<'E');
control_socket = "%%DIR%%/control.sock";
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%"; filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"]; routes = ( { respond = { status = 200; body = "x"; }; } ); } ); } );
E
my %p = $mosn->pids;
open my $f, '>', "$mosn->{dir}/evil" or die; print $f "#!/bin/sh\nid -u >$mosn->{dir}/was_here\nexit 1\n"; close $f; chmod 0755, "$mosn->{dir}/evil";
open $f, '>', "$mosn->{dir}/ask.py" or die; print $f <<'E'; close $f;
import ctypes, os, socket, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
pid, line = int(sys.argv[1]), sys.argv[2]
p = libc.syscall(434, pid, 0)
for n in range(3, 300):
    try: t = os.readlink("/proc/%d/fd/%d" % (pid, n))
    except OSError: continue
    if not t.startswith("socket:"): continue
    fd = libc.syscall(438, p, n, 0)
    if fd < 0: continue
    s = socket.socket(fileno=fd)
    if s.family != socket.AF_UNIX or s.type != socket.SOCK_SEQPACKET: continue
    for version in (3,):
      for kind in (8,):
        a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        note = struct.pack("=HHi", version, kind, 0)
        try: socket.send_fds(s, [note], [b.fileno()])
        except OSError as e: print(e); continue
        b.close(); a.sendall((line + "\n").encode()); a.settimeout(0.3)
        try: got = a.recv(100)
        except OSError: got = b"timeout"
        if got: print(version, kind, got); sys.exit(0)
E
my $said = `timeout 30 python3 $mosn->{dir}/ask.py $p{'worker 0'} 'upgrade $mosn->{dir}/evil' </dev/null 2>&1`;
SKIP: {
skip 'descriptors of others cannot be had here', 2 unless $said =~ /^3 /m;
like($said, qr/^3 8 /m, 'the worker asks');
sleep 1;
ok(!-e "$mosn->{dir}/was_here", 'no program of the worker is run by the master') or diag 'it ran with uid ' . Mosn::slurp("$mosn->{dir}/was_here");
}
$mosn->stop;
done_testing();
