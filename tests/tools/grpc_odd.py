#!/usr/bin/python3
"""usage: grpc_odd.py MODE PORT - an HTTP/2 server by hand, for health checks.

Each stream gets HEADERS 200, a message that says SERVING and grpc-status 0,
but: `status14` another status, `html` another type, `trailers` nothing but a
status, `wedge` nothing on the first connection after five answers, `bytes`
one byte at a time.
"""
import socket, struct, sys, threading

mode = sys.argv[1]
listen = socket.socket()
listen.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listen.bind(('127.0.0.1', int(sys.argv[2])))
listen.listen(64)
connections = 0


def frame(kind, flags, stream, data):
    return struct.pack('!I', len(data))[1:] + bytes([kind, flags]) + struct.pack('!I', stream) + data


def literal(name, value):
    return b'\x00' + bytes([len(name)]) + name + bytes([len(value)]) + value


def answer(stream):
    kind = b'text/html' if mode == 'html' else b'application/grpc'
    status = {'status14': b'14', 'trailers': b'12'}.get(mode, b'0')
    head = b'\x88' + literal(b'content-type', kind)
    if mode == 'trailers':
        return frame(1, 5, stream, head + literal(b'grpc-status', status))
    return (frame(1, 4, stream, head) + frame(0, 0, stream, b'\0\0\0\0\x02\x08\x01')
            + frame(1, 5, stream, literal(b'grpc-status', status)))


def serve(s):
    global connections
    f = s.makefile('rb')
    if len(f.read(24)) < 24:
        return
    connections += 1
    first, answers = connections == 1, 0
    s.sendall(frame(4, 0, 0, b''))
    while True:
        h = f.read(9)
        if len(h) < 9:
            return
        f.read(int.from_bytes(h[:3], 'big'))
        kind, flags, stream = h[3], h[4], struct.unpack('!I', h[5:9])[0]
        if mode == 'wedge' and first and answers >= 5:
            continue
        if kind == 4 and not flags & 1:
            s.sendall(frame(4, 1, 0, b''))
        if kind in (0, 1) and flags & 1:
            answers += 1
            bytes_ = answer(stream)
            for at in range(0, len(bytes_), 1 if mode == 'bytes' else len(bytes_)):
                s.sendall(bytes_[at:at + (1 if mode == 'bytes' else len(bytes_))])


def guard(s):
    try:
        serve(s)
    except OSError:
        pass
    finally:
        s.close()


while True:
    threading.Thread(target=guard, args=(listen.accept()[0],), daemon=True).start()
