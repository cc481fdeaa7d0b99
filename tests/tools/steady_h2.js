// A load over HTTP/2 that notices everything: requests one after the other
// on each connection, and several at a time; a connection that says GOAWAY
// gets no more of them, and another one is opened.
//
//   node steady_h2.js SECONDS CONNECTIONS AT_A_TIME URL [CA]     prints counts
//
//   requests    answered as they should
//   failed      wrong status, wrong body, or an error
//   goaways     connections that ended as they had said
//   silent      connections that ended without

const http2 = require('http2'), fs = require('fs');
const [seconds, connections, atATime, url, ca] = process.argv.slice(2);
const options = ca ? { ca: fs.readFileSync(ca), servername: 'a.test' } : {};
const count = { requests: 0, failed: 0, goaways: 0, silent: 0 }, why = {};
const end = Date.now() + seconds * 1000;
let running = 0;

function fail(what) {
    count.failed++;
    why[what] = (why[what] || 0) + 1;
}

// One connection after the other, until the time is over.
function client(n) {
    const session = http2.connect(url, options);
    let open = 0, going = false;

    running++;
    session.on('goaway', () => { if (!going) { going = true; count.goaways++; next(); } });
    session.on('error', e => fail('session ' + (e.code || e.message)));
    session.on('close', () => {
        if (!going && Date.now() < end) { count.silent++; next(); }
        running--;
        if (running === 0) finish();
    });
    function next() { if (Date.now() < end) client(n); }

    function ask(i) {
        if (going || session.closed || Date.now() >= end) {
            if (open === 0) session.close();
            return;
        }
        const body = i % 2 ? 'x'.repeat(i % 5000) : '';
        const path = `/${n}/${i}`;
        const stream = session.request({ ':path': path, ':authority': 'a.test', ':method': body ? 'POST' : 'GET', 'content-length': body.length }, { endStream: !body });
        let text = '', status = 0, sent = false;
        open++;
        stream.on('ready', () => { sent = true; });
        stream.on('response', h => { status = h[':status']; });
        stream.on('data', d => { text += d; });
        stream.on('error', e => {});    // 'close' tells
        stream.on('close', () => {
            open--;
            if (status === 200 && text.trim() === `${path} ${body.length}`) count.requests++;
            else if (!sent && stream.rstCode === 7) setTimeout(() => ask(i), 2);    // GOAWAY was there before it
            else fail(`sent ${stream.id} of ${session.state.lastProcStreamID} status ${status} rst ${stream.rstCode} ${text.slice(0, 60)}`);
            setTimeout(() => ask(i + +atATime), 2);
        });
        if (body) stream.end(body);
    }
    session.once('connect', () => { for (let i = 0; i < atATime; i++) ask(i); });
}

function finish() {
    for (const k in count) console.log(k, count[k]);
    for (const k in why) console.log('why', why[k], k);
    process.exit(0);
}

for (let n = 0; n < connections; n++) client(n);
setTimeout(finish, seconds * 1000 + 8000).unref();
