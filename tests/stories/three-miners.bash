# Three intruders take over the same Node.js service, one after the other. Each fetches a miner into another directory
# and mines for another wallet at another pool.
node /srv/board/server.js
sleep 9
