import os, signal
from .base import Peer, descendants

class Nginx(Peer):
    name = 'nginx'
    pairs = {('h1', 'h1'), ('tcp', 'tcp'), ('h2', 'h1')}
    tls = True
    def config(self, sc):
        e, d = self.env, self.env.dir
        up, tls = e.up(sc['up']), sc.get('tls')
        head = f"""load_module /usr/lib/nginx/modules/ngx_stream_module.so;
user root; daemon off; worker_processes {e.workers}; worker_rlimit_nofile 20000; pid {d}/nginx.pid; error_log {d}/error.log crit;
events {{ worker_connections 19000; use epoll; }}
"""
        ssl = (f'ssl_certificate {e.cert}; ssl_certificate_key {e.key}; ssl_protocols TLSv1.3; '
               f'ssl_session_cache shared:SSL:20m; ssl_session_tickets on;') if tls else ''
        opts = ('ssl ' if tls else '') + ('http2 ' if sc['down'] == 'h2' else '')
        if sc['down'] == 'tcp':
            body = f"""stream {{ access_log off; upstream o {{ server 127.0.0.1:{up}; }}
 server {{ listen 127.0.0.1:{e.port} backlog=4096; proxy_pass o; tcp_nodelay on; }} }}
"""
        else:
            body = f"""http {{ access_log {'%s/access.log combined buffer=64k' % d if sc.get('log') else 'off'}; keepalive_timeout 3600s; keepalive_requests 1000000000; server_tokens off;
 client_body_temp_path {d}/b; proxy_temp_path {d}/p; fastcgi_temp_path {d}/f; uwsgi_temp_path {d}/u; scgi_temp_path {d}/s;
 upstream o {{ server 127.0.0.1:{up}; keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 3600s; }}
 server {{ listen 127.0.0.1:{e.port} {opts} backlog=4096; {ssl}
  location / {{ proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}
"""
        self.write('nginx.conf', head + body)
    def argv(self, sc):
        return ['nginx', '-p', self.env.dir, '-c', self.env.dir + '/nginx.conf']
    def reload(self):
        os.kill(self.proc.pid, signal.SIGHUP)

PEERS = [Nginx]
