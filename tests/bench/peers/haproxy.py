import os, signal
from .base import Peer

class Haproxy(Peer):
    name = 'haproxy'
    skip = {'http1_c64_log'}
    pairs = {('h1', 'h1'), ('tcp', 'tcp'), ('h2', 'h1'), ('h2', 'h2')}
    tls = True
    splice = False
    def config(self, sc):
        e = self.env
        mode = 'tcp' if sc['down'] == 'tcp' else 'http'
        ssl = f' ssl crt {e.pem} ssl-min-ver TLSv1.3' if sc.get('tls') else ''
        if sc['down'] == 'h2':
            ssl += ' alpn h2' if sc.get('tls') else ' proto h2'
        srv = ' proto h2' if sc['up'] == 'h2' else ''
        http = 'option http-keep-alive\n http-reuse always\n' if mode == 'http' else ''
        spl = ' option splice-request\n option splice-response\n' if self.splice else ''
        self.write('haproxy.cfg', f"""global
 nbthread {e.workers}
 no strict-limits
 maxconn 12000
 log /dev/null local0 emerg
defaults
 mode {mode}
 no log
 timeout client 3600s
 timeout server 3600s
 timeout connect 5s
 timeout http-keep-alive 3600s
 maxconn 12000
 {http}{spl}
listen l
 bind 127.0.0.1:{e.port} backlog 4096{ssl}
 server o 127.0.0.1:{e.up(sc['up'])}{srv}
""")
    def argv(self, sc):
        return ['haproxy', '-W', '-f', self.env.dir + '/haproxy.cfg']
    def reload(self):
        os.kill(self.proc.pid, signal.SIGUSR2)

class HaproxySplice(Haproxy):
    name = 'haproxy-splice'
    only = {'tcp_http', 'tcp_bulk'}
    splice = True

PEERS = [Haproxy, HaproxySplice]
