"""Our mosn.  MOSN_BIN names the binary (default: objs/mosn below the folder you stand in)."""
import os, signal, subprocess
from .base import Peer, descendants

BIN = os.environ.get('MOSN_BIN', 'objs/mosn')
CTL = os.environ.get('MOSN_CTL', os.path.join(os.path.dirname(BIN), 'mosnctl'))
PROTO = {'h1': 'http1', 'h2': 'http2', 'bolt': 'bolt', 'dubbo': 'dubbo'}

class Mosn(Peer):
    name = 'mosn'
    pairs = {('h1', 'h1'), ('tcp', 'tcp'), ('h2', 'h1'), ('h2', 'h2'), ('bolt', 'bolt'), ('dubbo', 'dubbo')}
    tls = True

    def config(self, sc):
        e, d = self.env, self.env.dir
        tls = ''
        log = f'access_log = ( {{ path = "{d}/access.log"; }} );' if sc.get('log') else ''
        if sc.get('tls'):
            alpn = '"h2"' if sc['down'] == 'h2' else '"http/1.1"'
            tls = (f'tls = {{ certificates = ( {{ certificate = "{e.cert}"; private_key = "{e.key}"; }} ); '
                   f'alpn = [{alpn}]; min_version = "1.3"; max_version = "1.3"; }};')
        if sc['down'] == 'tcp':
            flt = '{ type = "tcp_proxy"; cluster = "o"; idle_timeout = "1h"; }'
            routes, proto = '', ''
        else:
            flt = (f'{{ type = "proxy"; downstream_protocol = "{PROTO[sc["down"]]}"; routes = "r"; '
                   f'idle_timeout = "1h"; forwarded_for = "off"; forwarded_proto = "off"; request_id = "off"; {log} }}')
            match = 'prefix = "/";' if sc['down'] in ('h1', 'h2') else ''
            routes = (f'routes = ( {{ name = "r"; virtual_hosts = ( {{ name = "v"; domains = ["*"]; routes = ( '
                      f'{{ match = {{ {match} }}; route = {{ cluster = "o"; }}; }} ); }} ); }} );')
            proto = f'protocol = "{PROTO[sc["up"]]}";'
        self.write('mosn.conf', f"""workers = {e.workers};
user = "root";
pid_file = "{d}/mosn.pid";
control_socket = "{d}/control.sock";
error_log = {{ path = "{d}/error.log"; level = "err"; }};
worker_connections = 19000;
admin = {{ address = "127.0.0.1:{e.admin}"; }};
listeners = ( {{ name = "l"; address = "127.0.0.1:{e.port}"; {tls} filters = ( {flt} ); }} );
{routes}
clusters = ( {{ name = "o"; {proto} lb = "round_robin"; connect_timeout = "5s"; idle_timeout = "1h";
  hosts = ( {{ address = "127.0.0.1:{e.up(sc['up'])}"; }} );
  circuit_breaker = {{ max_connections = 20000; max_pending = 20000; max_requests = 1000000; }}; }} );
""")

    def argv(self, sc):
        return [BIN, '-c', self.env.dir + '/mosn.conf', '-p', self.env.dir]

    def workers(self):
        out = []
        for p in descendants(self.proc.pid):
            try:
                with open(f'/proc/{p}/cmdline', 'rb') as f:
                    if b'worker' in f.read():
                        out.append(p)
            except OSError:
                pass
        return out or descendants(self.proc.pid) or [self.proc.pid]

    def reload(self):
        os.kill(self.proc.pid, signal.SIGHUP)

PEERS = [Mosn]
