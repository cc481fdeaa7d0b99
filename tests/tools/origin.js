// An origin for every way to speak HTTP, on the library of Node.
//
//   node origin.js h1 PORT h1s PORT h2c PORT h2 PORT CERTIFICATE KEY      prints "ready"
//
// /headers    what came, as JSON                     /status/N    that status, with a body where one may be
// /echo       the body, as it comes                  /trailers    a body and a trailer
// /early      103, then 200                          /reset       half an answer, then the stream is given up
// /big/N      N bytes                                /slow        an answer after a second
// /count      method, path, length of the body       /goaway      an answer, and the connection ends (HTTP/2)
// An Upgrade to websocket, or an extended CONNECT, is echoed as bytes.

const http = require('http'), https = require('https'), http2 = require('http2'), fs = require('fs'), crypto = require('crypto');

function answer(req, res) {
    const url = req.url, two = req.httpVersionMajor === 2;
    if (url.startsWith('/headers')) {
        res.setHeader('content-type', 'application/json');
        res.setHeader('set-cookie', ['a=1', 'b=2']);
        return res.end(JSON.stringify({ version: req.httpVersion, method: req.method, path: url, headers: req.headers }));
    }
    if (url === '/echo') {
        if (req.headers['content-length']) res.setHeader('content-length', req.headers['content-length']);
        return req.pipe(res);
    }
    if (url === '/trailers') {
        if (!two) res.setHeader('trailer', 'x-sum');
        res.write('abc');
        res.addTrailers({ 'x-sum': '6' });
        return setTimeout(() => res.end(), 20);
    }
    if (url === '/early') {
        if (two) res.stream.additionalHeaders({ ':status': 103, link: '</a>; rel=preload' });
        else res.writeEarlyHints({ link: '</a>; rel=preload' });
        return setTimeout(() => res.end('late'), 20);
    }
    if (url.startsWith('/status/')) {
        const status = +url.slice(8);
        res.statusCode = status;
        return res.end(status === 204 || status === 304 ? undefined : 'body of ' + status);
    }
    if (url.startsWith('/big/')) {
        let left = +url.slice(5);
        const piece = Buffer.alloc(65536, 'b');
        res.setHeader('content-length', left);
        const more = () => {
            while (left > 0) {
                const n = Math.min(left, piece.length);
                left -= n;
                if (!res.write(piece.subarray(0, n))) return res.once('drain', more);
            }
            res.end();
        };
        return more();
    }
    if (url === '/reset') {
        res.setHeader('content-length', 10);
        res.write('half');
        return setTimeout(() => two ? res.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR) : req.socket.destroy(), 50);
    }
    if (url === '/slow') return setTimeout(() => res.end('slow'), 1000);
    let n = 0;
    req.on('data', d => { n += d.length; });
    req.on('end', () => {
        res.end(`${req.method} ${url} ${n}`);
        if (url === '/goaway' && two) req.stream.session.close();
    });
}

function upgrade(req, socket, head) {
    const accept = crypto.createHash('sha1').update(req.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ' + accept + '\r\n\r\n');
    socket.write(head);
    socket.on('error', () => {});
    socket.pipe(socket);
}

function connect(stream, headers) { // HTTP/2
    if (headers[':method'] !== 'CONNECT') return;
    stream.respond({ ':status': headers[':protocol'] === 'websocket' ? 200 : 501 });
    stream.on('error', () => {});
    stream.pipe(stream);
}

const args = process.argv.slice(2), pair = { cert: fs.readFileSync(args[8]), key: fs.readFileSync(args[9]) };
const settings = { settings: { enableConnectProtocol: true } };
const servers = {
    h1: () => http.createServer(answer).on('upgrade', upgrade),
    h1s: () => https.createServer(pair, answer).on('upgrade', upgrade),
    h2c: () => http2.createServer(settings, answer).on('connect', () => {}).on('stream', connect),
    h2: () => http2.createSecureServer({ ...pair, ...settings }, answer).on('connect', () => {}).on('stream', connect),
};
let waiting = 4;
for (let i = 0; i < 8; i += 2) {
    servers[args[i]]().on('sessionError', () => {}).listen(+args[i + 1], '127.0.0.1', () => { if (--waiting === 0) console.log('ready'); });
}
process.on('uncaughtException', e => console.error(e));
