// A gRPC server and a client that tries everything, like tests/tools/grpc_peer.py.
//
//   node peer.js server PORT [CERTIFICATE KEY]     prints "ready"
//   node peer.js client HOST:PORT [CA NAME]        prints "ok WHAT" or "not ok WHAT: WHY" for each try
//   node peer.js version
//
// Bodies are bytes, so that no generated code is needed.

const grpc = require('@grpc/grpc-js'), fs = require('fs'), crypto = require('crypto'), assert = require('assert');

const same = x => x, MEGABYTE = Buffer.alloc(1 << 20, 'm'), COMPLAINT = 'caf\u00e9 100%';
// A google.rpc.Status: FAILED_PRECONDITION, its message, and one detail, a StringValue "why".
const DETAILS = Buffer.from('\x08\x09\x12\x0acaf\u00c3\u00a9 100%\x1a\x38\x0a\x2ftype.googleapis.com/google.protobuf.StringValue\x12\x05\x0a\x03why', 'latin1');
const LIMITS = { 'grpc.max_receive_message_length': 1 << 24, 'grpc.max_send_message_length': 1 << 24 };

function metadata(pairs) {
    const m = new grpc.Metadata();
    for (const [k, v] of Object.entries(pairs)) m.add(k, v);
    return m;
}

// --- the server --------------------------------------------------------------

let cancelled = false, told = () => {};

const kinds = { Up: [true, false], Down: [false, true], Both: [true, true], Wait: [false, true] };
const methods = {
    Unary(call, done) {
        const trailer = metadata({ 'x-trailing': 'yes', 'x-bin-bin': Buffer.from([0, 255]) });
        for (const k of Object.keys(call.metadata.getMap()).filter(k => k.startsWith('x-ask'))) {
            for (const v of call.metadata.get(k)) trailer.add('x-told' + k.slice(5), v);
        }
        call.sendMetadata(metadata({ 'x-initial': 'yes' }));
        done(null, Buffer.from(call.request).reverse(), trailer);
    },
    Up(call, done) {
        const digest = crypto.createHash('sha1');
        let n = 0;
        call.on('data', d => { digest.update(d); n += d.length; });
        call.on('end', () => done(null, Buffer.from(`${n} ${digest.digest('hex')}`)));
    },
    Down(call) {
        let left = +call.request.toString();
        const more = () => {
            while (left-- > 0) if (!call.write(MEGABYTE)) return call.once('drain', more);
            call.end();
        };
        more();
    },
    Both(call) {
        call.on('data', d => {
            if (call.write(Buffer.concat([Buffer.from('<'), d, Buffer.from('>')]))) return;
            call.pause();
            call.once('drain', () => call.resume());
        });
        call.on('end', () => call.end());
    },
    Fail(call, done) {
        done({ code: grpc.status.FAILED_PRECONDITION, details: COMPLAINT,
            metadata: metadata({ 'x-why': 'because', 'grpc-status-details-bin': DETAILS }) });
    },
    Slow(call, done) {
        setTimeout(() => done(null, Buffer.from('late')), 1000 * +call.request.toString());
    },
    Wait(call) {
        const timer = setTimeout(() => call.end(), 10000);
        call.on('cancelled', () => { clearTimeout(timer); cancelled = true; told(); });
        call.write(Buffer.from('first'));
    },
    WasCancelled(call, done) {
        let timer;
        told = () => {
            clearTimeout(timer);
            told = () => {};
            done(null, Buffer.from(cancelled ? 'yes' : 'no'));
            cancelled = false; // the next client asks again
        };
        if (cancelled) told();
        else timer = setTimeout(told, 5000);
    },
};

function serve(port, certificate, key) {
    const server = new grpc.Server(LIMITS), service = {};
    for (const name of Object.keys(methods)) {
        const [requestStream, responseStream] = kinds[name] || [false, false];
        service[name] = { path: '/t.T/' + name, requestStream, responseStream, requestSerialize: same,
            requestDeserialize: same, responseSerialize: same, responseDeserialize: same };
    }
    server.addService(service, methods);
    const secret = certificate ? grpc.ServerCredentials.createSsl(null,
        [{ cert_chain: fs.readFileSync(certificate), private_key: fs.readFileSync(key) }])
        : grpc.ServerCredentials.createInsecure();
    server.bindAsync('127.0.0.1:' + port, secret, e => {
        if (e) throw e;
        console.log('ready');
    });
}

// --- the client --------------------------------------------------------------

const within = seconds => ({ deadline: Date.now() + seconds * 1000 });

function tries(client) {
    const path = name => '/t.T/' + name;
    // The answer, or an error; with what came before and after it.
    const unary = (name, body, seconds = 10, m = new grpc.Metadata()) => new Promise(done => {
        const all = {};
        const call = client.makeUnaryRequest(path(name), same, same, Buffer.from(body), m, within(seconds),
            (error, answer) => { Object.assign(all, { error, answer }); });
        call.on('metadata', m => { all.header = m; });
        call.on('status', s => { setImmediate(() => done(Object.assign(all, { trailer: s.metadata }))); });
    });
    const down = (name, body, seconds) => client.makeServerStreamRequest(path(name), same, same, Buffer.from(body), within(seconds));
    const both = seconds => client.makeBidiStreamRequest(path('Both'), same, same, within(seconds));
    const ended = call => new Promise((yes, no) => { call.on('error', no); call.on('status', s => (s.code ? no(s) : yes())); });
    async function feed(call) {
        for (let i = 0; i < 100; i++) {
            if (!call.write(MEGABYTE)) await new Promise(more => call.once('drain', more));
        }
        call.end();
    }

    return {
        async unary() {
            const { error, answer, header, trailer } = await unary('Unary', 'abc', 10, metadata({ 'x-ask': 'a b', 'x-ask-bin': Buffer.from([0, 254]) }));
            assert.ifError(error);
            assert.equal(answer.toString(), 'cba');
            assert.deepEqual(header.get('x-initial'), ['yes']);
            assert.deepEqual(trailer.get('x-trailing'), ['yes']);
            assert.deepEqual(trailer.get('x-bin-bin'), [Buffer.from([0, 255])]);
            assert.deepEqual(trailer.get('x-told'), ['a b']);
            assert.deepEqual(trailer.get('x-told-bin'), [Buffer.from([0, 254])]);
        },
        async client_stream() {
            const digest = crypto.createHash('sha1');
            for (let i = 0; i < 100; i++) digest.update(MEGABYTE);
            const answer = await new Promise((yes, no) => {
                feed(client.makeClientStreamRequest(path('Up'), same, same, within(60), (e, a) => (e ? no(e) : yes(a))));
            });
            assert.equal(answer.toString(), `${100 << 20} ${digest.digest('hex')}`);
        },
        async server_stream() {
            const call = down('Down', '100', 60);
            let n = 0;
            call.on('data', d => { if (d.equals(MEGABYTE)) n++; });
            await ended(call);
            assert.equal(n, 100);
        },
        async both() {
            const call = both(30);
            let n = 0;
            call.on('data', d => {
                if (d.toString() === `<${n}>`) n++;
                if (n < 200) call.write(Buffer.from(String(n)));
                else call.end();
            });
            call.write(Buffer.from('0'));
            await ended(call);
            assert.equal(n, 200);
        },
        async much_both() { // much in both directions at a time, on one stream
            const call = both(60);
            let n = 0;
            call.on('data', d => { if (d.subarray(1, -1).equals(MEGABYTE)) n++; });
            feed(call);
            await ended(call);
            assert.equal(n, 100);
        },
        async many() { // more calls at a time than most peers allow on a connection
            const bodies = Array.from({ length: 300 }, (_, i) => String(i % 10).repeat(10000 + i));
            const answers = await Promise.all(bodies.map(b => unary('Unary', b, 30)));
            const bad = answers.filter((a, i) => a.error || a.answer.toString() !== bodies[i]);
            assert.equal(bad.length, 0, `${bad.length} of 300: ${bad[0] && bad[0].error}`);
        },
        async lasting() { // one after the other, for longer than connections of the Go server live
            const begun = Date.now();
            const one = async () => {
                while (Date.now() - begun < 2000) assert.ifError((await unary('Unary', 'abc')).error);
            };
            await Promise.all(Array.from({ length: 8 }, one));
        },
        async status() {
            const { error, trailer } = await unary('Fail', '');
            assert.equal(error.code, grpc.status.FAILED_PRECONDITION);
            assert.equal(error.details, COMPLAINT);
            assert.deepEqual(trailer.get('x-why'), ['because']);
            assert.deepEqual(trailer.get('grpc-status-details-bin'), [DETAILS]);
        },
        async unknown() {
            assert.equal((await unary('Nothing', '')).error.code, grpc.status.UNIMPLEMENTED);
        },
        async deadline() {
            const begun = Date.now();
            assert.equal((await unary('Slow', '3', 0.4)).error.code, grpc.status.DEADLINE_EXCEEDED);
            assert(Date.now() - begun < 2000, 'late');
        },
        async cancel() {
            const call = down('Wait', '', 20);
            call.on('error', () => {});
            const over = new Promise(done => call.on('status', done));
            const first = await Promise.race([new Promise(done => call.once('data', done)), over]);
            assert.equal(first.toString(), 'first');
            call.cancel();
            assert.equal((await over).code, grpc.status.CANCELLED);
            const { answer } = await unary('WasCancelled', '');
            assert.equal(String(answer), 'yes', 'the server was not told');
        },
    };
}

async function call(target, ca, name) {
    const client = ca ? new grpc.Client(target, grpc.credentials.createSsl(fs.readFileSync(ca)), { ...LIMITS, 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name })
        : new grpc.Client(target, grpc.credentials.createInsecure(), LIMITS);
    for (const [what, attempt] of Object.entries(tries(client))) {
        try {
            await attempt();
            console.log('ok', what);
        } catch (e) {
            console.log(`not ok ${what}: ${String(e.message || e.details || e).replace(/\n/g, ' ').slice(0, 300)}`);
        }
    }
    client.close();
}

const version = () => console.log(require('@grpc/grpc-js/package.json').version);
({ server: serve, client: call, version })[process.argv[2]](...process.argv.slice(3));
