#!/usr/bin/env python3
"""mosn, nginx, HAProxy, h2o and nghttpx side by side, in one run.

  bench.py --list
  bench.py [--peers mosn,nginx,haproxy,floor] [--scenarios http1,post,churn,tcp,tls,h2,calls,mem] [--rounds 3] [--scale 1.0]

The proxy (one worker) is pinned to cpu 0, origin and load generator to cpu 1.  Rounds are interleaved: for each
scenario, for each round, each peer in turn, started afresh.  A run has three passes on the same process: CPU time of the
worker from schedstat without anything attached; then, where this machine has hardware counters, instructions by perf
stat between GO and the last reply; then, in round 0, system calls.  The generator checks every byte of every reply.
"floor" is a relay that parses nothing: what the socket work alone costs; "floor-mux" joins calls onto one connection.
"""
import argparse, fcntl, glob, importlib.util, json, os, random, shutil, signal, socket, ssl, statistics, struct, subprocess, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
TOOLS = HERE + '/tools'
RUN = os.environ.get('BENCH_RUN', '/tmp/mosn-bench')
PORTS = {'h1': 17680, 'tcp': 17680, 'bolt': 17681, 'dubbo': 17682, 'h2': 17683}
LISTEN, ADMIN = 17690, 17699
PROXY_CPU, LOAD_CPU = 0, 1
ORIGIN_CPU = 2 if os.environ.get('BENCH_CELLS') and os.cpu_count() > 2 else LOAD_CPU
# what tests/bench/emulated counts, for each cpu: tests/bench/emulator/insn.c
CELLS = os.environ.get('BENCH_CELLS')
EVENTS = 'instructions:u,instructions:k,cycles:u,cycles:k,task-clock,context-switches'

def S(name, down, up, n, gen='bgen', **k):
    d = dict(name=name, down=down, up=up, n=n, gen=gen, conns=64, warm=5000, args=[])
    d.update(k)
    return d

SCENARIOS = [
    S('http1_c64', 'h1', 'h1', 60000),
    S('http1_c64_log', 'h1', 'h1', 60000, log=True),
    S('http1_c1000', 'h1', 'h1', 60000, conns=1000, warm=10000),
    S('http1_hdr20', 'h1', 'h1', 40000, args=['--headers', '20']),
    S('http1_post_c64', 'h1', 'h1', 60000, args=['--post']),
    S('churn', 'h1', 'h1', 20000, warm=2000, churn=True, args=['--close', '--spread']),
    S('tcp_http', 'tcp', 'tcp', 60000),
    S('tcp_bulk', 'tcp', 'tcp', 1, conns=1, warm=0, gen='bulk', bytes=1 << 30),
    S('bolt_c64', 'bolt', 'bolt', 60000),
    S('bolt_mux', 'bolt', 'bolt', 200000, conns=8, warm=20000, args=['--inflight', '100'], mux=True),
    S('dubbo_c64', 'dubbo', 'dubbo', 40000),
    S('dubbo_mux', 'dubbo', 'dubbo', 100000, conns=8, warm=20000, args=['--inflight', '100'], mux=True),
    S('tls_h1', 'h1', 'h1', 60000, tls=True, args=['--tls']),
    S('tls_hs_full', 'h1', 'h1', 5000, tls=True, warm=500, churn=True, args=['--tls', '--close']),
    S('tls_hs_resume', 'h1', 'h1', 5000, tls=True, warm=500, churn=True, args=['--tls', '--close', '--resume']),
    S('h2c_h1', 'h2', 'h1', 100000, gen='h2load', warm=20000),
    S('h2tls_h1', 'h2', 'h1', 100000, gen='h2load', tls=True, warm=20000),
    S('h2c_h2c', 'h2', 'h2', 100000, gen='h2load', warm=20000),
    S('h2tls_h2c', 'h2', 'h2', 60000, gen='h2load', tls=True, warm=10000),
    S('mem_h1_10k', 'h1', 'h1', 0, gen='mem', conns=10000),
    S('mem_tls_5k', 'h1', 'h1', 0, gen='mem', conns=5000, tls=True, args=['--tls']),
    S('reload', 'h1', 'h1', 0, gen='reload', rate=2000, secs=20),
]
BYNAME = {s['name']: s for s in SCENARIOS}
GROUPS = {'http1': ['http1_c64', 'http1_c1000', 'http1_hdr20'], 'post': ['http1_post_c64'], 'tcp': ['tcp_http', 'tcp_bulk'],
          'log': ['http1_c64', 'http1_c64_log'], 'mem': ['mem_h1_10k', 'mem_tls_5k'], 'reloads': ['reload'],
          'calls': ['bolt_c64', 'bolt_mux', 'dubbo_c64', 'dubbo_mux'],
          'h2': ['h2c_h1', 'h2tls_h1', 'h2c_h2c', 'h2tls_h2c'], 'tls': ['tls_h1', 'tls_hs_full', 'tls_hs_resume']}

class Env:
    def __init__(self, name, args):
        self.dir = f'{RUN}/{name}'
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        self.port, self.admin, self.cpu, self.workers = LISTEN, ADMIN, PROXY_CPU, args.workers
        self.cert, self.key, self.pem = RUN + '/cert.pem', RUN + '/key.pem', RUN + '/both.pem'
        self.origin_pid = None
    def up(self, proto):
        return PORTS[proto]

def load_peers():
    out = {}
    for f in sorted(glob.glob(HERE + '/peers/*.py')):
        m = os.path.basename(f)[:-3]
        if m in ('__init__', 'base'):
            continue
        mod = importlib.import_module('peers.' + m)
        for c in mod.PEERS:
            out[c.name] = c
    return out
import importlib

def sh(*a, **k):
    return subprocess.run(a, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **k)

def wait_port(port, secs=10, proc=None):
    t = time.time() + secs
    while time.time() < t:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return True
        except OSError:
            if proc is not None and proc.poll() is not None:
                return False
            time.sleep(0.03)
    return False

# ---------------------------------------------------------------- measuring
def cpu_ticks(pids):
    u = s = 0
    for p in pids:
        try:
            f = open(f'/proc/{p}/stat').read()
            f = f[f.rindex(')') + 2:].split()
            u += int(f[11]); s += int(f[12])
        except OSError:
            pass
    return u, s

def mem(pids):
    tot = {}
    for p in pids:
        try:
            for l in open(f'/proc/{p}/status'):
                if l.startswith(('VmHWM', 'VmRSS', 'RssAnon')):
                    k, v = l.split()[:2]
                    tot[k[:-1]] = tot.get(k[:-1], 0) + int(v)
        except OSError:
            pass
    return tot

class Cells:
    """Inside tests/bench/emulated: instructions of the proxy's cpu between on() and off(), as the emulator counts them.
    Nothing else runs on that cpu but the kernel's own ticks."""
    def __init__(self, pids):
        pass
    def read(self):
        with open(CELLS, 'rb') as f:
            return struct.unpack('=5Q', f.read(4096)[64 * PROXY_CPU:][:40])
    def on(self):
        self.t0 = self.read()
    def off(self):
        t = self.read()
        return {'instructions:u': t[0] - self.t0[0], 'instructions:k': t[1] - self.t0[1], 'syscalls': t[4] - self.t0[4]}

class Perf:
    """perf stat attached to pids, counting only between on() and off()"""
    def __init__(self, pids, events=EVENTS):
        d = f'{RUN}/perf'
        os.makedirs(d, exist_ok=True)
        self.out = f'{d}/out'
        for f in ('ctl', 'ack'):
            try:
                os.unlink(f'{d}/{f}')
            except OSError:
                pass
            os.mkfifo(f'{d}/{f}')
        if os.path.exists(self.out):
            os.unlink(self.out)
        self.p = subprocess.Popen(['taskset', '-c', str(LOAD_CPU), 'perf', 'stat', '-x', ';', '-o', self.out, '-D', '-1', '--control', f'fifo:{d}/ctl,{d}/ack',
                                   '-e', events, '-p', ','.join(map(str, pids))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        t = time.time() + 10
        while True:
            try:
                self.ctl = os.open(f'{d}/ctl', os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError:
                if time.time() > t or self.p.poll() is not None:
                    raise RuntimeError('perf did not start')
                time.sleep(0.01)
        self.ack = os.open(f'{d}/ack', os.O_RDONLY | os.O_NONBLOCK)
    def cmd(self, c):
        os.write(self.ctl, c.encode() + b'\n')
        t = time.time() + 10
        got = b''
        while time.time() < t:
            try:
                got += os.read(self.ack, 64)
            except BlockingIOError:
                pass
            if b'ack' in got:
                return
            time.sleep(0.001)
        raise RuntimeError('perf: no ack')
    def on(self):
        self.cmd('enable')
    def off(self):
        try:
            self.cmd('disable')
        except (RuntimeError, BrokenPipeError):
            pass
        self.p.send_signal(signal.SIGINT)
        try:
            self.p.wait(10)
        except subprocess.TimeoutExpired:
            self.p.kill()
        os.close(self.ctl); os.close(self.ack)
        r = {}
        for l in open(self.out):
            f = l.strip().split(';')
            if len(f) > 4 and f[0] and not l.startswith('#'):
                try:
                    r[f[2]] = float(f[0])
                    if float(f[4]) < 99:
                        r['multiplexed'] = float(f[4])
                except ValueError:
                    pass
        return r

def bgen_cmd(sc, port, n=None, warm=None, secs=None, conns=None, extra=()):
    proto = {'h1': 'http', 'tcp': 'http'}.get(sc['down'], sc['down'])
    if sc['gen'] == 'bulk':
        proto = 'bulk'
    a = ['taskset', '-c', str(LOAD_CPU), TOOLS + '/bgen', '--addr', f'127.0.0.1:{port}', '--proto', proto, '--conns', str(conns or sc['conns'])]
    if n is not None:
        a += ['--n', str(n)]
    if warm:
        a += ['--warm', str(warm)]
    a += ['--secs', str(secs or 30)]
    return a + sc['args'] + list(extra)

class Bgen:
    def __init__(self, cmd):
        self.p = subprocess.Popen(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    def ready(self):
        l = self.p.stdout.readline().strip()
        if l != 'READY':
            rest = self.p.stdout.read()
            self.p.wait()
            raise RuntimeError('bgen: ' + (l + rest)[:400])
    def go(self):
        self.p.stdin.write('GO\n'); self.p.stdin.flush()
    def result(self):
        out = self.p.stdout.read()
        self.p.wait()
        l = out.strip().splitlines()
        if not l:
            raise RuntimeError('bgen: no result')
        return json.loads(l[-1])
    def kill(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()

def cpu0():
    f = open('/proc/stat').read().splitlines()[1 + PROXY_CPU].split()
    v = list(map(int, f[1:9]))
    return sum(v) - v[3] - v[4], sum(v), v[7]

def run_ns(pids):
    t = 0
    for p in pids:
        try:
            for th in os.listdir(f'/proc/{p}/task'):
                t += int(open(f'/proc/{p}/task/{th}/schedstat').read().split()[0])
        except OSError:
            pass
    return t

def measure_cpu(fn, pids):
    """CPU time (schedstat) around fn(); no perf attached: in this VM its counters are saved and restored by
    trapping MSR accesses at every context switch, which costs tens of microseconds each"""
    u0, s0 = cpu_ticks(pids); c0 = cpu0(); n0 = run_ns(pids)
    t0 = time.time()
    r = fn()
    wall = time.time() - t0
    n1 = run_ns(pids); u1, s1 = cpu_ticks(pids); c1 = cpu0()
    n = r.get('done') or 0
    if n:
        tc = (n1 - n0) / 1e3                        # us
        du, ds = u1 - u0, s1 - s0
        fr = du / (du + ds) if du + ds else 0
        r.update(cpu_us=tc / n, user_us=tc * fr / n, sys_us=tc * (1 - fr) / n, proxy_util=tc / 1e6 / wall,
                 noise0=max(0, (c1[0] - c0[0]) / 100 - tc / 1e6) / wall, steal0=(c1[2] - c0[2]) / 100 / wall)
    return r

def certs():
    os.makedirs(RUN, exist_ok=True)
    if not os.path.exists(RUN + '/both.pem'):
        sh('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650', '-subj', '/CN=bench.local',
           '-addext', 'subjectAltName=DNS:bench.local,IP:127.0.0.1', '-keyout', RUN + '/key.pem', '-out', RUN + '/cert.pem')
        open(RUN + '/both.pem', 'w').write(open(RUN + '/cert.pem').read() + open(RUN + '/key.pem').read())
    os.makedirs(RUN + '/www', exist_ok=True)
    open(RUN + '/www/k', 'wb').write(b'x' * 1024)


def h2load(sc, port, n, log=None):
    url = f"{'https' if sc.get('tls') else 'http'}://127.0.0.1:{port}/k"
    a = ['timeout', '60', 'taskset', '-c', str(LOAD_CPU), 'h2load', '-n', str(n), '-c', '8', '-m', '100', '-t', '1', '-T', '20', '-N', '20']
    if sc.get('tls'):
        a += ['--npn-list=h2']
    if log:
        if os.path.exists(log):
            os.unlink(log)
        a.append('--log-file=' + log)
    t = time.time()
    out = sh(*a, url).stdout
    r = {'secs': time.time() - t}
    for l in out.splitlines():
        if l.startswith('finished in'):
            f = l.replace(',', '').split()
            r['rps'] = float(f[3])
            r['secs'] = int(n) / r['rps'] if r['rps'] else 0
        elif l.startswith('requests:'):
            f = l.replace(',', '').split()
            d = {f[i + 1]: int(f[i]) for i in range(1, len(f) - 1, 2)}
            r['issued'], r['done'], r['h2_failed'] = d.get('total'), d.get('done'), d.get('failed', 0) + d.get('errored', 0) + d.get('timeout', 0)
        elif l.startswith('status codes:'):
            r['ok'] = int(l.split()[2])
        elif l.startswith('traffic:'):
            r['traffic'] = l
        elif l.startswith('TLS Protocol') or l.startswith('Cipher') or l.startswith('Application protocol'):
            r.setdefault('tlsinfo', []).append(l.strip())
    if log and os.path.exists(log):
        v = sorted(int(x.split()[2]) for x in open(log) if len(x.split()) >= 3)
        if v:
            for q, k in ((.5, 'p50_us'), (.99, 'p99_us'), (.999, 'p999_us')):
                r[k] = v[min(len(v) - 1, int(len(v) * q))]
    if 'ok' not in r or r.get('ok', 0) < n:
        r['first_err'] = ' '.join(out.split())[-300:]
    return r


def have_counters():
    """hardware counters: not every virtual machine has them"""
    if CELLS:
        return True
    r = sh('perf', 'stat', '-x', ';', '-e', 'instructions:u', 'true') if shutil.which('perf') else None
    return r is not None and r.returncode == 0 and 'not supported' not in r.stdout

def measure_instr(fn, pids):
    """instructions, cycles and context switches per request around fn()"""
    if not COUNTERS:
        return {}
    pf = Cells(pids) if CELLS else Perf(pids)
    pf.on()
    r = fn()
    p = pf.off()
    n = r.get('done') or 0
    if not n:
        return {'perf_error': 'no requests'}
    o = dict(iu=p.get('instructions:u', 0) / n, ik=p.get('instructions:k', 0) / n, cu=p.get('cycles:u', 0) / n, ck=p.get('cycles:k', 0) / n,
             cs=p.get('context-switches', 0) / n, perf_n=n, perf_ok=r.get('ok'))
    if 'syscalls' in p:
        o['syscalls'] = p['syscalls'] / n
    if 'multiplexed' in p:
        o['multiplexed'] = p['multiplexed']
    return o

def count_syscalls(fn, pids):
    """by strace: slow, so for their number only"""
    if not shutil.which('strace'):
        fn()
        return None, {}
    out = RUN + '/strace'
    a = ['strace', '-c', '-f', '-o', out]
    for p in pids:
        a += ['-p', str(p)]
    st = subprocess.Popen(a, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    r = fn()
    st.send_signal(signal.SIGINT)
    st.wait(10)
    n = r.get('done') or 1
    d, total = {}, 0
    for l in open(out):
        f = l.split()
        if len(f) >= 5 and f[3].isdigit() and f[-1] != 'total':
            d[f[-1]] = round(int(f[3]) / n, 3)
            total += int(f[3])
    return total / n, d

def user_instructions(sc, cls, args):
    """Where there are no counters: user instructions of the worker by cachegrind, as the difference of two runs, so
    that start, stop and set-up of connections drop out.  The kernel's part it cannot see."""
    totals = []
    for n in (1000, 5000):
        for f in glob.glob(RUN + '/cg.*'):
            os.unlink(f)
        p = cls(Env(cls.name, args))
        p.pre = ['valgrind', '--tool=cachegrind', '--cache-sim=no', '--trace-children=yes', '-q', f'--cachegrind-out-file={RUN}/cg.%p']
        p.start(sc)
        try:
            if not wait_port(LISTEN, 20, p.proc):
                return None
            time.sleep(1)
            if sc['gen'] == 'h2load':
                if h2load(sc, LISTEN, n).get('ok') != n:
                    return None
            else:
                g = Bgen(bgen_cmd(sc, LISTEN, n, 0, 60, extra=['--noclosehdr'] if sc.get('churn') and not p.churn_hdr else []))
                g.ready(); g.go()
                if g.result().get('ok') != n:
                    return None
        finally:
            p.stop(patience=15)
        best = 0
        for f in glob.glob(RUN + '/cg.*'):
            for l in open(f):
                if l.startswith('summary:'):
                    best = max(best, int(l.split()[1]))
        totals.append(best)
    return (totals[1] - totals[0]) / 4000

def run_one(sc, cls, args, rnd):
    env = Env(cls.name, args)
    env.origin_pid = ORIGIN['h1'].pid if sc['up'] != 'h2' else ORIGIN['h2'].pid
    p = cls(env)
    p.start(sc)
    res = {'scenario': sc['name'], 'peer': cls.name, 'round': rnd, 'time': time.strftime('%F %T')}
    g = None
    try:
        if not wait_port(env.port, 10, p.proc):
            log = env.dir + '/log'
            raise RuntimeError('did not listen: ' + (open(log).read()[-300:] if os.path.exists(log) else ''))
        time.sleep(0.3)
        pids = p.workers()
        res['nproc'] = len(pids)
        n = max(1, int(sc['n'] * args.scale))
        warm = int(sc['warm'] * min(1, args.scale)) if sc['warm'] else 0
        extra = ['--noclosehdr'] if sc.get('churn') and not p.churn_hdr else []
        kind = sc['gen']
        if kind == 'h2load':
            h2load(sc, env.port, max(800, warm))
            res.update(measure_cpu(lambda: h2load(sc, env.port, n, RUN + '/h2log'), pids))
            res.update(measure_instr(lambda: h2load(sc, env.port, max(800, n // 2)), pids))
            res['rss_kb'] = mem(pids).get('VmHWM', 0)
            if rnd == 0 and not CELLS:
                res['syscalls'], res['sysmix'] = count_syscalls(lambda: h2load(sc, env.port, max(800, n // 5)), pids)
            if rnd == 0 and not COUNTERS and not args.smoke and shutil.which('valgrind'):
                p.stop()
                res['iu'] = user_instructions(sc, cls, args)
        elif kind in ('bgen', 'rate', 'bulk'):
            if kind == 'rate':
                g = Bgen(bgen_cmd(sc, env.port, 0, 3000, sc['secs'], extra=['--rate', str(sc['rate'])]))
            elif kind == 'bulk':
                g = Bgen(bgen_cmd(sc, env.port, n, 0, 60, extra=['--bytes', str(int(sc['bytes'] * min(1, args.scale)))]))
            else:
                g = Bgen(bgen_cmd(sc, env.port, n, warm, args.cap, extra=extra))
            g.ready()
            pids = p.workers()
            def f():
                g.go()
                return g.result()
            burners = []
            if kind == 'rate':
                burners = [subprocess.Popen(['chrt', '-i', '0', 'taskset', '-c', str(c), TOOLS + '/burn']) for c in (PROXY_CPU, LOAD_CPU)]
            try:
                res.update(measure_cpu(f, pids))
            finally:
                for b in burners:
                    b.kill(); b.wait()
            if kind == 'rate':
                g = Bgen(bgen_cmd(sc, env.port, 0, 1000, 1.5, extra=['--rate', str(sc['rate'])]))
            elif kind == 'bulk':
                g = Bgen(bgen_cmd(sc, env.port, n, 0, 60, extra=['--bytes', str(int(sc['bytes'] * min(1, args.scale)))]))
            else:
                g = Bgen(bgen_cmd(sc, env.port, max(1, n // 2), min(warm, 2000), max(2, args.cap / 2), extra=extra))
            g.ready()
            res.update(measure_instr(f, pids))
            if kind == 'bulk' and res.get('bytes'):
                cpu = res['cpu_us'] * res['done'] / 1e6
                res['gib_per_cpu_s'] = res['bytes'] / 2**30 / cpu if cpu else 0
                res['gib_per_s'] = res['bytes'] / 2**30 / res['secs']
            res['rss_kb'] = mem(pids).get('VmHWM', 0)
            if rnd == 0 and kind == 'bgen' and not COUNTERS and not args.smoke and shutil.which('valgrind'):
                p.stop()
                res['iu'] = user_instructions(sc, cls, args)
                p = cls(env)
                p.start(sc)
                if not wait_port(env.port, 10, p.proc):
                    raise RuntimeError('did not start again')
                time.sleep(0.3)
                pids = p.workers()
            if rnd == 0 and kind == 'bgen' and not CELLS:
                g = Bgen(bgen_cmd(sc, env.port, max(1, n // 5), min(warm, 2000), 2, extra=extra))
                g.ready()
                def f2():
                    g.go()
                    return g.result()
                res['syscalls'], res['sysmix'] = count_syscalls(f2, pids)
        elif kind == 'mem':
            g = Bgen(bgen_cmd(sc, env.port, 64, 0, 10, conns=16)); g.ready(); g.go(); g.result()       # touch everything once
            time.sleep(0.5)
            m0 = mem(pids)
            conns = max(100, int(sc['conns'] * min(1, args.scale)))
            g = Bgen(bgen_cmd(sc, env.port, 0, 0, 30, conns=conns, extra=['--hold', '--spread']))
            g.ready()
            time.sleep(1)
            m1 = mem(pids)
            g.go()
            res.update(g.result())
            m2 = mem(pids)
            res.update(conns=conns, rss0=m0.get('VmRSS'), rss1=m1.get('VmRSS'), anon0=m0.get('RssAnon'), anon1=m1.get('RssAnon'), hwm=m2.get('VmHWM'),
                       bytes_per_conn=(m1.get('RssAnon', 0) - m0.get('RssAnon', 0)) * 1024 / conns, rss_kb=m2.get('VmHWM', 0))
        elif kind == 'reload':
            secs = sc['secs'] * min(1, args.scale) if args.scale < 1 else sc['secs']
            every = 1.0
            g = Bgen(bgen_cmd(sc, env.port, 0, 1000, secs + 1, extra=['--rate', str(sc['rate'])]))
            g.ready()
            cnt, fails, stop = [0], [0], threading.Event()
            def rel():
                stop.wait(0.5)
                while not stop.is_set():
                    t = time.time()
                    try:
                        p.reload()
                        cnt[0] += 1
                    except Exception as e:
                        fails[0] += 1
                        res['reload_err'] = str(e)[:200]
                    stop.wait(max(0.05, every - (time.time() - t)))
            th = threading.Thread(target=rel)
            peak = 0
            g.go(); t0 = time.time(); th.start()
            while time.time() - t0 < secs:
                time.sleep(0.5)
                a = p.all_pids()
                peak = max(peak, mem(a).get('VmRSS', 0))
                res['max_procs'] = max(res.get('max_procs', 0), len(a))
            stop.set(); th.join()
            res.update(g.result())
            res.update(reloads=cnt[0], reload_every=every, reload_fail=fails[0], rss_kb=peak)
    except Exception as e:
        res['error'] = (type(e).__name__ + ': ' + str(e))[:400]
    finally:
        if g:
            g.kill()
        p.stop()
        t = time.time()
        while cls.name != 'direct' and time.time() - t < 10:      # threads of a dying process may hold the socket a little longer
            try:
                socket.create_connection(('127.0.0.1', LISTEN), 1).close()
                time.sleep(0.05)
            except OSError:
                break
    return res

ORIGIN = {}
def start_origins():
    o = subprocess.Popen(['taskset', '-c', str(ORIGIN_CPU), TOOLS + '/origin', '--http', str(PORTS['h1']), '--bolt', str(PORTS['bolt']), '--dubbo', str(PORTS['dubbo'])], stdout=subprocess.DEVNULL)
    h = subprocess.Popen(['taskset', '-c', str(ORIGIN_CPU), 'nghttpd', '--no-tls', '--address=127.0.0.1', '-m', '1000', '-d', RUN + '/www', str(PORTS['h2'])], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ORIGIN.update(h1=o, tcp=o, bolt=o, dubbo=o, h2=h)
    if not wait_port(PORTS['h1'], 5, o):
        sys.exit(f'the origin did not start on port {PORTS["h1"]}')
def stop_origins():
    for p in set(ORIGIN.values()):
        p.terminate()
        try:
            p.wait(3)
        except subprocess.TimeoutExpired:
            p.kill()

def brief(r):
    if r.get('error') or r.get('fatal'):
        return 'FAILED ' + str(r.get('error') or r.get('fatal'))[:160]
    f = []
    for k, fm in (('rps', '%.0f r/s'), ('p50_us', 'p50 %.0f'), ('p99_us', 'p99 %.0f'), ('cpu_us', 'cpu %.1f us'), ('iu', 'iu %.0f'), ('ik', 'ik %.0f'), ('syscalls', 'sc %.2f'),
                  ('rss_kb', 'rss %.0f K'), ('proxy_util', 'util %.2f'), ('noise0', 'noise %.2f'), ('bytes_per_conn', '%.0f B/conn'), ('gib_per_cpu_s', '%.2f GiB/cpu-s'), ('reloads', 'reloads %d'),
                  ('idle_closed', 'idle_closed %d'), ('inflight_completed', 'inflight_ok %d'), ('idle_alive_and_working', 'idle_alive %d'), ('reused', 'reused %d')):
        if r.get(k):
            f.append(fm % r[k])
    if r.get('ok') is not None and r.get('issued') and r['ok'] != r['issued']:
        f.append('OK %d/%d' % (r['ok'], r['issued']))
    bad = {k: r[k] for k in r if k.startswith('err_') and r[k]}
    if bad:
        f.append(str(bad))
    if r.get('first_err'):
        f.append('[' + r['first_err'][:120] + ']')
    return '  '.join(f)

def table(results):
    """medians over the rounds, and each peer's cost over nginx's in the same round"""
    def med(rs, k):
        v = [r[k] for r in rs if r.get(k) is not None]
        return statistics.median(v) if v else None
    def num(x, fmt):
        return fmt % x if x is not None else '-'
    by = {}
    for r in results:
        by.setdefault(r['scenario'], {}).setdefault(r['peer'], []).append(r)
    for sc, peers in by.items():
        print(f'\n{sc}')
        print(f'  {"peer":15} {"req/s":>8} {"p50 us":>8} {"p99 us":>8} {"CPU us":>8} {"/nginx":>7} {"instr u":>9} {"instr k":>9} {"/nginx":>7} {"syscalls":>8}  notes')
        ref = {r['round']: r for r in peers.get('nginx', [])}
        for name, rs in peers.items():
            cpu = [r['cpu_us'] / ref[r['round']]['cpu_us'] for r in rs if r.get('cpu_us') and ref.get(r['round'], {}).get('cpu_us')]
            ins = [(r['iu'] + r.get('ik', 0)) / (ref[r['round']]['iu'] + ref[r['round']].get('ik', 0)) for r in rs if r.get('iu') and ref.get(r['round'], {}).get('iu')]
            notes = []
            if med(rs, 'gib_per_cpu_s'):
                notes.append('%.2f GiB per CPU second' % med(rs, 'gib_per_cpu_s'))
            if med(rs, 'bytes_per_conn'):
                notes.append('%.0f bytes per connection' % med(rs, 'bytes_per_conn'))
            bad = sum((r.get('done') or 0) - (r.get('ok') or 0) for r in rs)
            if bad:
                notes.append(f'{bad} bad replies')
            notes += [r['error'] for r in rs if r.get('error')][:1]
            print(f'  {name:15} {num(med(rs, "rps"), "%.0f"):>8} {num(med(rs, "p50_us"), "%.0f"):>8} {num(med(rs, "p99_us"), "%.0f"):>8} '
                  f'{num(med(rs, "cpu_us"), "%.1f"):>8} {num(statistics.median(cpu) if cpu else None, "%.2f"):>7} {num(med(rs, "iu"), "%.0f"):>9} '
                  f'{num(med(rs, "ik"), "%.0f"):>9} {num(statistics.median(ins) if ins else None, "%.2f"):>7} {num(med(rs, "syscalls"), "%.2f"):>8}  {"; ".join(notes)}')

COUNTERS = False

def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--peers', default='floor,floor-splice,nginx,haproxy,haproxy-splice,nghttpx,h2o,mosn')
    ap.add_argument('--scenarios', default='http1,log,post,churn,tcp,tls,h2,mem')
    ap.add_argument('--rounds', type=int, default=3)
    ap.add_argument('--scale', type=float, default=1.0, help='multiplies the request counts')
    ap.add_argument('--cap', type=float, default=4, help='seconds a closed-loop run may take (fewer requests then)')
    ap.add_argument('--workers', type=int, default=1)
    ap.add_argument('--out', default=RUN + '/raw.jsonl')
    ap.add_argument('--smoke', action='store_true')
    ap.add_argument('--list', action='store_true')
    args = ap.parse_args()
    peers = load_peers()
    if args.list:
        for s in SCENARIOS:
            e = Env('_list', args)
            print(f"{s['name']:16} {s['down']:>5} -> {s['up']:<5} {'tls ' if s.get('tls') else '    '}", ' '.join(n for n, c in peers.items() if c(e).supports(s)))
        return
    if args.smoke:
        args.scale, args.rounds = 0.05, 1
        args.out = RUN + '/smoke.jsonl'
    names = []
    for x in args.scenarios.split(','):
        names += [s['name'] for s in SCENARIOS] if x == 'all' else GROUPS.get(x, [x])
    for x in names:
        if x not in BYNAME:
            sys.exit(f'no scenario {x}')
    want = args.peers.split(',')
    for x in want:
        if x not in peers:
            sys.exit(f'no peer {x}; have {sorted(peers)}')
    r = sh('make', '-C', TOOLS)
    if r.returncode:
        sys.exit(r.stdout)
    certs()
    global COUNTERS
    COUNTERS = have_counters()
    if not COUNTERS:
        print('this machine has no hardware counters: user instructions by cachegrind, none of the kernel')
    lock = open(RUN + '/lock', 'w')
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit('another bench.py is running')
    for sg in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sg, lambda *_: sys.exit(1))     # the finally blocks stop what we started
    os.makedirs(os.path.dirname(args.out), exist_ok=True)
    results = []
    try:
        start_origins()
        with open(args.out, 'a') as out:
            for n in names:
                sc = BYNAME[n]
                for rnd in range(args.rounds):
                    for w in want:
                        c = peers[w]
                        if not c(Env(w, args)).supports(sc):
                            continue
                        r = run_one(sc, c, args, rnd)
                        results.append(r)
                        out.write(json.dumps(r) + '\n'); out.flush()
                        print(f'{time.strftime("%T")} {n:14} {rnd} {w:15} {brief(r)}', flush=True)
    finally:
        stop_origins()
    table(results)

if __name__ == '__main__':
    main()
