// Servers of SOFARPC and Dubbo and clients that try everything, like tests/interop/java.
//
//   node peer.js server sofa|dubbo PORT GROUP      prints "ready", ends with its input
//   node peer.js client PROTOCOL HOST:PORT GROUP LANGUAGE [CHECK...]
//   node peer.js version
//
// The protocols of a client: sofa (sofa-rpc-node); bolt-v1, bolt-v2 and bolt-v2-crc (sofa-bolt-node alone); dubbo
// (sofa-rpc-node with Dubbo's frames); dubbo-js (apache-dubbo-js, which knows no one-way calls).  It prints "ok WHAT"
// or "not ok WHAT: WHY" for each try.  When it prints "want kill" or "want start" the server is to be killed or
// started again, and then the second word is to be written to its input.

const net = require('net'), assert = require('assert'), readline = require('readline'), { pipeline } = require('stream'), { inspect } = require('util');

const SERVICE = 'mosn.interop.Service', LONG = 20000, SHORT = 500;
const quiet = { info() {}, warn() {}, debug() {}, error: e => process.stderr.write(`${(e && e.stack) || e}\n`) };
const wait = ms => new Promise(done => setTimeout(done, ms));

const java = ($class, $) => ({ $class, $ });
const int = n => java('int', n), text = s => java('java.lang.String', s);

// --- what is sent --------------------------------------------------------------

const TEXT = 'caf\u00e9 \u4e2d\u6587 100%', COMPLAINT = 'refused: caf\u00e9 100%';

function item(n) {
    return {
        name: TEXT + n, number: n, big: 2 ** 40 + n, ratio: n / 4 + 0.1, yes: n % 2 === 0, when: new Date(1250999894016 + n),
        tags: ['a', TEXT, ''], notes: { key: 'value', [TEXT]: 'x' }, body: Buffer.from(Array.from({ length: n % 5000 }, (_, i) => (i * 7 + n) & 255)),
        inner: null,
    };
}

// An item with its types, as Java wants it.
function typed(i) {
    return i && java('mosn.interop.Item', {
        name: i.name, number: int(i.number), big: java('long', +i.big), ratio: java('double', i.ratio), yes: i.yes, when: i.when,
        tags: java('java.util.ArrayList', Array.from(i.tags)), notes: java('java.util.HashMap', i.notes), body: i.body, inner: typed(i.inner),
    });
}

// --- servers --------------------------------------------------------------------

function worker() {
    const notes = new Map();
    const sleep = async ms => { await wait(ms); return text('slept ' + ms); };
    return {
        async echo(i) { return typed({ ...i, number: i.number + 1 }); },
        async note(key) { notes.set(key, (notes.get(key) || 0) + 1); return text('noted'); },
        async noted(key) { return int(notes.get(key) || 0); },
        // Were it thrown, Java's SOFARPC could not read it, and Dubbo would get a text.
        async fail(message) { return new Error(message); },
        sleep,
        oversleep: async ms => sleep(ms),
    };
}

async function serve(protocol, port, group) {
    const { RpcServer } = require('sofa-rpc-node').server;
    const frames = protocol === 'dubbo' ? { protocol: require('js-remoting-for-apache-dubbo'), version: '1.0.0' } : {};
    // It takes all that comes on a connection for one client's, whose classes never change; through a proxy Java and
    // Node come on the same, and the order of their fields differs.
    const server = new RpcServer({ logger: quiet, port: +port, maxIdleTime: 2000, disableDecodeCache: true, ...frames });
    server.addService({ interfaceName: SERVICE, ...(protocol === 'sofa' && { uniqueId: group }) }, worker());
    await server.start();
    process.stdin.resume().on('end', () => process.exit(0));
    console.log('ready');
}

// --- clients --------------------------------------------------------------------

// A caller has call(METHOD, ARGUMENTS, MILLISECONDS), perhaps note(KEY), and perhaps beat(), which sends a heartbeat and
// waits for the answer.

async function sofa(protocol, address, group) {
    const { RpcClient } = require('sofa-rpc-node').client;
    const dubbo = protocol === 'dubbo';
    const client = new RpcClient({ logger: quiet, ...(dubbo && { protocol: require('js-remoting-for-apache-dubbo') }) });
    client.options.connectionOpts.maxIdleTime = 0;
    const consumer = client.createConsumer({ interfaceName: SERVICE, serverHost: address, logger: quiet,
        ...(dubbo ? { version: '1.0.0', group } : { version: '1.0:' + group }) });
    await consumer.ready();
    return {
        call: (method, args, responseTimeout) => consumer.invoke(method, args, { responseTimeout }),
        isTimeout: e => e.name === 'RpcResponseTimeoutError',
        async beat() {
            const [connection] = Array.from(client.connectionManager.connections.values());
            const told = new Promise(done => connection._decoder.once('heartbeat_ack', done));
            await wait(2); // it was active in this millisecond
            connection.heartbeat();
            await told;
        },
    };
}

async function bolt(version, address, group) {
    const protocol = require('sofa-bolt-node');
    const [host, port] = address.split(':');
    const socket = net.connect(+port, host);
    const sentReqs = new Map(), waiting = new Map();
    const encoder = protocol.encoder({ sentReqs }), decoder = protocol.decoder({ sentReqs });
    let id = 0;
    if (version !== 'v1') encoder.protocolType = 'bolt2';
    if (version === 'v2-crc') Object.assign(encoder, { boltVersion: 2, crcEnable: true });
    pipeline(encoder, socket, decoder, e => {
        for (const done of waiting.values()) done({ error: e || new Error('the connection was closed') });
        waiting.clear();
    });
    const answer = a => { if (waiting.has(a.packetId)) waiting.get(a.packetId)(a.data || {}); };
    decoder.on('response', answer).on('heartbeat_ack', answer);
    const request = (method, args, timeout) => ({ serverSignature: `${SERVICE}:1.0:${group}`, methodName: method, args, timeout });
    const answered = (mine, ms) => new Promise((yes, no) => {
        const over = a => { clearTimeout(timer); waiting.delete(mine); if (a.error) no(a.error); else yes(a.appResponse); };
        const timer = setTimeout(() => over({ error: Object.assign(new Error('no answer'), { late: true }) }), ms);
        waiting.set(mine, over);
    });
    const written = mine => error => { if (error && waiting.has(mine)) waiting.get(mine)({ error }); };
    await new Promise((yes, no) => socket.once('connect', yes).once('error', no));
    return {
        call(method, args, ms) {
            encoder.writeRequest(++id, request(method, args, ms), written(id));
            return answered(id, ms);
        },
        note(key) {
            encoder.writeRequest(++id, Object.assign(request('note', [text(key)], -1), { oneway: true }), written(id));
        },
        isTimeout: e => e.late,
        beat() {
            encoder.writeHeartbeat(++id, { clientUrl: 'here' }, written(id));
            return answered(id, 3000);
        },
    };
}

async function dubboJs(protocol, address, group) {
    const { DirectlyDubbo } = require('apache-dubbo-js');
    const settings = { dubboAddress: address, dubboVersion: '2.0.2', dubboInvokeTimeout: LONG / 1000 };
    const methods = {};
    for (const name of ['echo', 'note', 'noted', 'fail', 'sleep', 'oversleep']) methods[name] = (...args) => args;
    const service = DirectlyDubbo.from(settings).proxyService({ dubboInterface: SERVICE, version: '1.0.0', group, methods });
    return {
        async call(method, args, ms) {
            settings.dubboInvokeTimeout = ms / 1000;
            const { err, res } = await service[method](...args);
            if (err) throw err;
            return res;
        },
        isTimeout: e => e.message === 'remote invoke timeout',
        isUnreadable: e => e.constructor.name === 'DubboDecodeError', // it says no more of an exception of Java
    };
}

// --- the checks -----------------------------------------------------------------

function checks(caller, language) {
    const call = (method, arg, ms = LONG) => caller.call(method, [arg], ms);
    const told = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

    async function echo(i) {
        const back = await call('echo', typed(i));
        i.number++;
        back.big = +back.big;
        if (back.inner) back.inner.big = +back.inner.big;
        assert.deepEqual(JSON.parse(JSON.stringify({ ...back, body: null })), JSON.parse(JSON.stringify({ ...i, body: null })));
        assert(Buffer.compare(back.body, i.body) === 0, 'another body');
    }
    async function thrown(promise) {
        let value;
        try {
            value = await promise;
        } catch (e) {
            return e;
        }
        throw new assert.AssertionError({ message: `it returned ${value}` });
    }
    // How the library says that a call has failed.
    function tell(when, e) {
        console.log(`# ${when}: ${String(e.name || 'no Error')}: ${e.message || e.detailMessage}`.replace(/\n/g, ' ').slice(0, 300));
    }
    async function want(what) {
        console.log('want ' + what);
        assert.equal((await told.next()).value, what);
    }
    async function object() {
        await echo({ ...item(1000), inner: item(7) });
        for (let n = 0; n < 50; n++) await echo(item(n));
    }

    return {
        object,
        async oneway() {
            if (!caller.note) return 'it knows none';
            const key = 'note ' + process.hrtime.bigint();
            for (let i = 0; i < 20; i++) caller.note(key);
            let seen = 0;
            for (let i = 0; i < 50 && seen < 20; i++) {
                seen = await call('noted', text(key));
                await wait(20);
            }
            assert.equal(seen, 20);
        },
        async exception() {
            const e = await thrown(call('fail', text(COMPLAINT)));
            tell('exception', e);
            if (caller.isUnreadable && caller.isUnreadable(e)) return;
            // For Dubbo an exception is an object with the fields that it has in Java.
            assert.equal((e.message || e.detailMessage).includes(COMPLAINT), true, inspect(e));
            if (language === 'java') assert(inspect(e).includes('mosn.interop.'), inspect(e));
            await echo(item(3));
        },
        async timeout() {
            const begun = Date.now();
            const e = await thrown(call('oversleep', int(2 * SHORT + 300), SHORT));
            const ms = Date.now() - begun;
            tell('timeout', e);
            assert(caller.isTimeout(e), e.message);
            assert(ms > SHORT - 50 && ms < SHORT + 600, `after ${ms} ms`);
            while (Date.now() - begun < 2 * SHORT + 700) {
                await echo(item(4));
                await wait(20);
            }
        },
        async big() {
            for (let n = 0; n < 3; n++) {
                const body = Buffer.alloc(1 << 20);
                for (let i = 0; i < body.length; i++) body[i] = (i * 31) ^ (i >> 8) ^ n;
                await echo({ ...item(n), body });
            }
        },
        async many() {
            let n = 0;
            const one = async () => {
                while (n < 640) {
                    const mine = n++;
                    if (mine % 4) {
                        await echo(item(mine * 7));
                    } else {
                        assert.equal(await call('sleep', int(mine % 32)), 'slept ' + mine % 32);
                    }
                }
            };
            await Promise.all(Array.from({ length: 32 }, one));
        },
        async heartbeat() {
            if (!caller.beat) return wait(2000).then(() => echo(item(5)));
            for (let i = 0; i < 17; i++) {
                await wait(300);
                const over = wait(2000).then(() => { throw new Error('no answer to a heartbeat'); });
                await Promise.race([caller.beat(), over]);
                over.catch(() => {});
            }
            await echo(item(5));
        },
        async restart() {
            const underWay = thrown(call('sleep', int(LONG / 2)));
            underWay.catch(() => {});
            await wait(200);
            await want('kill');
            let begun = Date.now(), e = await underWay;
            tell('under way', e);
            assert(!caller.isTimeout(e), 'what was under way: ' + e.message);
            assert(Date.now() - begun < 1000, `what was under way failed after ${Date.now() - begun} ms`);
            for (let i = 0; i < 3; i++) {
                begun = Date.now();
                e = await thrown(call('echo', typed(item(6))));
                tell('down', e);
                assert(!caller.isTimeout(e), 'while it is down: ' + e.message);
                assert(Date.now() - begun < 1000, `while it is down: only after ${Date.now() - begun} ms`);
            }
            await want('start');
            begun = Date.now();
            do {
                e = await echo(item(8)).then(() => null, again => again);
                if (e) await wait(50);
            } while (e && Date.now() - begun < 30000);
            assert(!e, e && 'after it came back: ' + e.message);
            await object();
        },
    };
}

async function client(protocol, address, group, language, ...asked) {
    const make = protocol === 'dubbo-js' ? dubboJs : protocol.startsWith('bolt-') ? bolt : sofa;
    const caller = await make(protocol.replace('bolt-', ''), address, group);
    let good = true;
    caller.protocol = protocol;
    for (const [what, attempt] of Object.entries(checks(caller, language))) {
        if (asked.length && !asked.includes(what)) continue;
        try {
            const but = await attempt();
            console.log('ok ' + what + (but ? ' # skip ' + but : ''));
        } catch (e) {
            good = false;
            console.log(`not ok ${what}: ${String(e.message || e).replace(/\n/g, ' ').slice(0, 500)}`);
        }
    }
    process.exit(good ? 0 : 1);
}

function version() {
    for (const name of Object.keys(require('./package.json').dependencies)) {
        const { version } = JSON.parse(require('fs').readFileSync(`${__dirname}/node_modules/${name}/package.json`));
        console.log(`${name} ${version}`);
    }
}

Promise.resolve(({ server: serve, client, version })[process.argv[2]](...process.argv.slice(3))).catch(e => {
    console.error(e);
    process.exit(1);
});
