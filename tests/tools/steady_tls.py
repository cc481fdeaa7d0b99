"""A load over HTTPS and HTTP/1.1 that notices everything: each client keeps its connection until an answer says close.

  steady_tls.py SECONDS CLIENTS PORT CA      prints requests, failed, silent and announced, as steady.c does
"""
import socket, ssl, sys, threading, time

seconds, clients, port, ca = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
context = ssl.create_default_context(cafile=ca)
count = dict(requests=0, failed=0, silent=0, announced=0)
why = {}
lock = threading.Lock()
end = time.time() + seconds


def add(name, reason=None):
    with lock:
        count[name] += 1
        if reason:
            why[reason] = why.get(reason, 0) + 1


def ask(s, path, body):
    """True: the connection goes on."""
    head = f'{"POST" if body else "GET"} {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {len(body)}\r\n\r\n'
    s.sendall(head.encode() + body)
    text = b''
    while b'\r\n\r\n' not in text:
        more = s.recv(65536)
        if not more:
            raise EOFError('silent' if not text else 'cut')
        text += more
    head, text = text.split(b'\r\n\r\n', 1)
    n = int([l.split(b':')[1] for l in head.lower().split(b'\r\n') if l.startswith(b'content-length:')][0])
    while len(text) < n:
        more = s.recv(65536)
        if not more:
            raise EOFError('cut')
        text += more
    if not head.startswith(b'HTTP/1.1 200') or text.strip().decode() != f'{path} {len(body)}':
        raise ValueError(head[:40] + text[:40])
    add('requests')
    return b'connection: close' not in head.lower()


def client(k):
    i = 0
    while time.time() < end:
        try:
            with context.wrap_socket(socket.create_connection(('127.0.0.1', port), 10), server_hostname='a.test') as s:
                used = 0
                while time.time() < end:
                    i += 1
                    try:
                        if not ask(s, f'/{k}/{i}', b'x' * (i % 3 * 500)):
                            add('announced')
                            break
                    except EOFError as e:
                        add('silent' if used and str(e) == 'silent' else 'failed', str(e))
                        break
                    used += 1
                    time.sleep(0.005)
        except (OSError, ValueError) as e:
            add('failed', repr(e)[:200])


threads = [threading.Thread(target=client, args=(k,)) for k in range(clients)]
[t.start() for t in threads]
[t.join() for t in threads]
for name, n in count.items():
    print(name, n)
for reason, n in why.items():
    print('why', n, reason)
