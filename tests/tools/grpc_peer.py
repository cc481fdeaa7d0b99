"""A gRPC server and a client that tries everything, on the library of the field.

  grpc_peer.py server PORT [CERTIFICATE KEY]     prints "ready"
  grpc_peer.py client HOST:PORT [CA [NAME]]      prints "ok WHAT" or "not ok WHAT: WHY" for each try

Bodies are bytes, so that no generated code is needed.
"""
import hashlib, sys, threading, time
from concurrent import futures
import grpc

MEGABYTE = b'm' * (1 << 20)
# A google.rpc.Status: FAILED_PRECONDITION, its message, and one detail, a StringValue "why".
DETAILS = b'\x08\x09\x12\x0acaf\xc3\xa9 100%\x1a\x38\x0a\x2ftype.googleapis.com/google.protobuf.StringValue\x12\x05\x0a\x03why'
cancelled = threading.Event()


class Service(grpc.GenericRpcHandler):
    def service(self, details):
        name = details.method.rsplit('/', 1)[1]
        kind = {'Up': grpc.stream_unary_rpc_method_handler, 'Down': grpc.unary_stream_rpc_method_handler,
                'Both': grpc.stream_stream_rpc_method_handler, 'Wait': grpc.unary_stream_rpc_method_handler}
        method = getattr(self, name, None)
        return None if method is None or name == 'service' else kind.get(name, grpc.unary_unary_rpc_method_handler)(method)

    def Unary(self, request, context):
        context.send_initial_metadata((('x-initial', 'yes'),))
        asked = tuple(('x-told' + k[5:], v) for k, v in context.invocation_metadata() if k.startswith('x-ask'))
        context.set_trailing_metadata((('x-trailing', 'yes'), ('x-bin-bin', b'\0\xff')) + asked)
        return request[::-1]

    def Check(self, request, context):  # grpc.health.v1: SERVING, or NOT_SERVING
        return b'\x08\x02' if b'down' in request else b'\x08\x01'

    def Up(self, requests, context):
        digest, n = hashlib.sha1(), 0
        for r in requests:
            digest.update(r)
            n += len(r)
        return b'%d %s' % (n, digest.hexdigest().encode())

    def Down(self, request, context):
        for _ in range(int(request)):
            yield MEGABYTE

    def Both(self, requests, context):
        for r in requests:
            yield b'<' + r + b'>'

    def Fail(self, request, context):
        context.set_trailing_metadata((('x-why', 'because'), ('grpc-status-details-bin', DETAILS)))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, 'caf\u00e9 100%')

    def Slow(self, request, context):
        time.sleep(float(request))
        return b'late'

    def Wait(self, request, context):
        context.add_callback(cancelled.set)
        yield b'first'
        cancelled.wait(10)

    def WasCancelled(self, request, context):
        was = cancelled.wait(5)
        cancelled.clear()  # the next client asks again
        return b'yes' if was else b'no'


def serve(port, *pair):
    server = grpc.server(futures.ThreadPoolExecutor(16), handlers=(Service(),),
                         options=(('grpc.max_receive_message_length', 1 << 24),))
    if pair:
        server.add_secure_port('127.0.0.1:' + port, grpc.ssl_server_credentials(
            [(open(pair[1], 'rb').read(), open(pair[0], 'rb').read())]))
    else:
        server.add_insecure_port('127.0.0.1:' + port)
    server.start()
    print('ready', flush=True)
    server.wait_for_termination()


def tries(channel):
    def unary(method): return channel.unary_unary('/t.T/' + method)

    def check_unary():
        answer, call = unary('Unary').with_call(b'abc', timeout=10, metadata=(('x-ask', 'a b'), ('x-ask-bin', b'\0\xfe')))
        assert answer == b'cba', answer
        assert ('x-initial', 'yes') in call.initial_metadata(), call.initial_metadata()
        assert ('x-trailing', 'yes') in call.trailing_metadata(), call.trailing_metadata()
        assert ('x-bin-bin', b'\0\xff') in call.trailing_metadata(), call.trailing_metadata()
        assert ('x-told', 'a b') in call.trailing_metadata(), call.trailing_metadata()
        assert ('x-told-bin', b'\0\xfe') in call.trailing_metadata(), call.trailing_metadata()

    def check_client_stream():
        answer = channel.stream_unary('/t.T/Up')((MEGABYTE for _ in range(100)), timeout=60)
        expected = hashlib.sha1(MEGABYTE * 100).hexdigest()
        assert answer == b'%d %s' % (100 << 20, expected.encode()), answer

    def check_server_stream():
        n = 0
        for piece in channel.unary_stream('/t.T/Down')(b'100', timeout=60):
            assert piece == MEGABYTE
            n += 1
        assert n == 100, n

    def check_both():
        ready = threading.Semaphore(1)

        def requests():
            for i in range(200):
                ready.acquire()
                yield b'%d' % i
        for i, answer in enumerate(channel.stream_stream('/t.T/Both')(requests(), timeout=30)):
            assert answer == b'<%d>' % i, answer
            ready.release()
        assert i == 199, i

    def check_status():
        try:
            unary('Fail')(b'', timeout=10)
        except grpc.RpcError as e:
            assert e.code() == grpc.StatusCode.FAILED_PRECONDITION, e.code()
            assert e.details() == 'caf\u00e9 100%', e.details()
            assert ('x-why', 'because') in e.trailing_metadata()
            assert ('grpc-status-details-bin', DETAILS) in e.trailing_metadata(), e.trailing_metadata()
        else:
            raise AssertionError('no error')

    def check_unknown():
        try:
            unary('Nothing')(b'', timeout=10)
        except grpc.RpcError as e:
            assert e.code() == grpc.StatusCode.UNIMPLEMENTED, e.code()
        else:
            raise AssertionError('no error')

    def check_deadline():
        begun = time.time()
        try:
            unary('Slow')(b'3', timeout=0.4)
        except grpc.RpcError as e:
            assert e.code() == grpc.StatusCode.DEADLINE_EXCEEDED, e.code()
            assert time.time() - begun < 2
        else:
            raise AssertionError('no error')

    def check_cancel():
        call = channel.unary_stream('/t.T/Wait')(b'', timeout=20)
        assert next(call) == b'first'
        call.cancel()
        assert unary('WasCancelled')(b'', timeout=10) == b'yes', 'the server was not told'

    for name, check in list(locals().items()):
        if name.startswith('check_'):
            try:
                check()
                print('ok', name[6:], flush=True)
            except Exception as e:
                print('not ok %s: %s: %s' % (name[6:], type(e).__name__, str(e).replace('\n', ' ')[:300]), flush=True)


def call(target, ca=None, name=None):
    options = [('grpc.max_receive_message_length', 1 << 24)]
    if ca is None:
        channel = grpc.insecure_channel(target, options)
    else:
        options.append(('grpc.ssl_target_name_override', name))
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(open(ca, 'rb').read()), options)
    with channel:
        tries(channel)


{'server': serve, 'client': call}[sys.argv[1]](*sys.argv[2:])
