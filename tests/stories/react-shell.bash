# A request makes a Node.js service start a shell, which decodes a script. The script uses no download program: bash
# fetches the miner through /dev/tcp. The miner runs from /dev/shm under the name of a kernel thread. Its only
# connection is encrypted.
node /srv/shop/server.js
sleep 14
