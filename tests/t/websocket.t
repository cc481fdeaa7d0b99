# websocket.t - a real WebSocket client and server (python3-websockets)
# through the gateway.

use strict;
use warnings;
use Test::More;
use Mosn;

my $python = '/usr/bin/python3';
plan skip_all => 'needs python3-websockets'
    if system("$python -c 'import websockets' 2>/dev/null") != 0;

my $dir = Mosn::new_dir();
my $server_port = Mosn::free_port();
open my $f, '>', "$dir/server.py" or die;
print $f <<'P';
import asyncio, sys, websockets

async def echo(ws, path=None):
    async for message in ws:
        await ws.send(message)

async def main():
    async with websockets.serve(echo, '127.0.0.1', int(sys.argv[1]), max_size=1 << 24):
        await asyncio.Future()

asyncio.run(main())
P
close $f;
open $f, '>', "$dir/client.py" or die;
print $f <<'P';
import asyncio, sys, websockets

async def one(url, n):
    async with websockets.connect(url, max_size=1 << 24) as ws:
        for i in range(50):
            text = f'{n}.{i} ' * (1 + i * 7)
            await ws.send(text)
            assert await ws.recv() == text
        await ws.send(b'x' * (1 << 21))
        assert await ws.recv() == b'x' * (1 << 21)
        await (await ws.ping())
    return ws.close_code

async def main():
    codes = await asyncio.gather(*[one(sys.argv[1], n) for n in range(20)])
    print(sorted(set(codes)), len(codes))

asyncio.run(main())
P
close $f;
my $server = Mosn::spawn(sub { exec $python, "$dir/server.py", $server_port });
ok(Mosn::wait_for(sub { eval { Mosn::connect_to($server_port) } }), 'a WebSocket server');

my $mosn = Mosn->start(<<"E");
listeners = ( { name = "l"; address = "127.0.0.1:%%PORT1%%";
  filters = ( { type = "proxy"; routes = "r"; } ); } );
routes = ( { name = "r"; virtual_hosts = ( { name = "v"; domains = ["*"];
  routes = ( { route = { cluster = "c"; }; } ); } ); } );
clusters = ( { name = "c"; hosts = ( { address = "127.0.0.1:$server_port"; } ); } );
E
my $url = "ws://127.0.0.1:" . $mosn->port(1) . "/";
is(`timeout 50 $python $dir/client.py $url 2>&1`, "[1000] 20\n",
    '20 clients, 50 messages and 2 MiB each, ping, and a clean close');
ok(Mosn::wait_for(sub { $mosn->stats->{'downstream.l.requests_active'} == 0 }),
    'no tunnel is left over');
is($mosn->stats->{'downstream.l.responses_1xx'}, 20, 'tunnels are counted');
$mosn->finish;
Mosn::end_child($server);
done_testing();
