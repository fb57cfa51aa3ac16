# A developer installs an npm package. The package's install script fetches a miner into /tmp and starts it in the
# background. The miner connects to a bare address by TLS.
cd /srv/site
npm install --offline --no-audit --no-fund /srv/left-column-1.4.2.tgz >/dev/null 2>&1
sleep 10
