"""The no-parsing epoll forwarder of tools/floor.c: what the socket work alone costs."""
import os
from .base import Peer
BIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tools', 'floor')

class Floor(Peer):
    name = 'floor'
    pairs = {('h1', 'h1'), ('tcp', 'tcp'), ('bolt', 'bolt'), ('dubbo', 'dubbo')}
    tls = True
    churn_hdr = False
    skip = {'reload', 'reload_long', 'reload_long_tcp'}
    splice = False
    def config(self, sc):
        pass
    def argv(self, sc):
        a = [BIN, '--listen', str(self.env.port), '--up', str(self.env.up(sc['up']))]
        if sc['down'] == 'tcp' or sc.get('mux'):
            a.append('--pair')
        if sc.get('churn'):
            a.append('--oneshot')
        if self.splice:
            a.append('--splice')
        if sc.get('tls'):
            a += ['--tls', self.env.cert, self.env.key]
        return a

class FloorSplice(Floor):
    name = 'floor-splice'
    only = {'tcp_http', 'tcp_bulk'}
    splice = True

class FloorMux(Floor):
    """frame boundaries, other ids, one connection to the host"""
    name = 'floor-mux'
    pairs = {('bolt', 'bolt'), ('dubbo', 'dubbo')}
    tls = False

    def argv(self, sc):
        return [BIN + 'mux', '--listen', str(self.env.port), '--up', str(self.env.up(sc['up'])), '--proto', sc['down']]

PEERS = [Floor, FloorSplice, FloorMux]
