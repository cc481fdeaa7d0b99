// The origin of a page that needs much, for a browser.
//
//   node page.js h1 PORT h2c PORT      prints "ready"
//
// The page loads 100 scripts that count, posts a body, and writes what came of it.

const http = require('http'), http2 = require('http2'), crypto = require('crypto');

const SCRIPTS = 100, BODY = 300000;
const sum = b => crypto.createHash('sha1').update(b).digest('hex');
const page = `<!DOCTYPE html><meta charset="utf-8"><title>mosn</title><p id="p">nothing</p>
<script>let came = 0;</script>
${Array.from({ length: SCRIPTS }, (_, i) => `<script async src="/script/${i}"></script>`).join('\n')}
<script>
addEventListener('load', async () => {
    let said;
    try {
        const answer = await fetch('/sum', { method: 'POST', body: 'p'.repeat(${BODY}) });
        said = answer.status + ' ' + await answer.text();
    } catch (e) { said = e.message; }
    document.getElementById('p').textContent = 'scripts ' + came + ', post ' + said + '.';
});
</script>`;

function answer(req, res) {
    const parts = [];
    req.on('data', d => parts.push(d));
    req.on('end', () => {
        if (req.url === '/') res.setHeader('content-type', 'text/html');
        else if (req.url.startsWith('/script/')) res.setHeader('content-type', 'text/javascript');
        if (req.url === '/') res.end(page);
        else if (req.url.startsWith('/script/')) res.end(`came++; // ${'x'.repeat(20000)}`);
        else if (req.url === '/sum') res.end(`${req.method} ${sum(Buffer.concat(parts)) === sum('p'.repeat(BODY)) ? 'whole' : 'broken'}`);
        else { res.statusCode = 404; res.end(); }
    });
}

const args = process.argv.slice(2), servers = { h1: http.createServer, h2c: http2.createServer };
let waiting = 2;
for (let i = 0; i < 4; i += 2) {
    servers[args[i]](answer).listen(+args[i + 1], '127.0.0.1', () => { if (--waiting === 0) console.log('ready'); });
}
