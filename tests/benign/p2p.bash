# what: a full node of a peer-to-peer network with 30 peers, checking blocks
# packages: python3 iproute2
device=$($SERVER ip -o -4 addr show scope global | awk '{print $2; exit}')
for n in $(seq 100 129); do $SERVER ip addr add "${SERVER_IP%.*}.$n/24" dev "$device"; done
cat > peer.py <<'P'
import asyncio, os
async def talk(reader, writer):
    try:
        while True:
            writer.write(b"\xf9\xbe\xb4\xd9inv\0" + os.urandom(300))
            await writer.drain()
            await reader.read(4096)
            await asyncio.sleep(0.5)
    except OSError:
        pass
async def main():
    async with await asyncio.start_server(talk, "0.0.0.0", 8333) as server:
        await server.serve_forever()
asyncio.run(main())
P
$SERVER /usr/bin/python3 peer.py &
listens 8333
for_a_while /usr/bin/python3 - "${SERVER_IP%.*}" <<'P'
import asyncio, hashlib, sys
async def peer(address):
    reader, writer = await asyncio.open_connection(address, 8333)
    while True:
        block = await reader.read(4096)
        for _ in range(3000):
            block = hashlib.sha256(block).digest()
        writer.write(b"\xf9\xbe\xb4\xd9getdata\0" + block)
        await writer.drain()
async def main():
    await asyncio.gather(*(peer(f"{sys.argv[1]}.{n}") for n in range(100, 130)))
asyncio.run(main())
P
