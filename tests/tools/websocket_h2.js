// An extended CONNECT (RFC 8441): sends what is given, prints what comes back.
//
//   node websocket_h2.js URL PROTOCOL TEXT [CA]

const http2 = require('http2'), fs = require('fs');
const [url, protocol, text, ca] = process.argv.slice(2);
const client = http2.connect(url, ca ? { ca: fs.readFileSync(ca), servername: 'a.test' } : {});

setTimeout(() => { console.log('nothing came'); process.exit(1); }, 8000).unref();
client.on('error', e => { console.log(e.message); process.exit(1); });
client.once('remoteSettings', settings => {
    const stream = client.request({ ':method': 'CONNECT', ':protocol': protocol, ':path': '/ws', ':scheme': 'http', ':authority': 'a.test' });
    let got = '';
    stream.on('response', h => { console.log(h[':status'], h['sec-websocket-accept'] || 'no key'); });
    stream.on('data', d => {
        got += d;
        if (got === text) stream.end();
    });
    stream.on('end', () => { console.log(got); client.close(); });
    stream.on('error', e => { console.log(e.code); client.close(); });
    stream.write(text);
});
