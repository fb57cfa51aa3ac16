# what: jobs of all lengths on a host where somebody keeps looking with top and ps
# packages: procps
need top ps
(while ((SECONDS < deadline)); do top -b -n 1 > /dev/null; sleep 3; ps aux > /dev/null; sleep 4; done) &
for_a_while /usr/bin/python3 - <<'P'
import random, time
random.seed(1)
while True:
    end = time.time() + random.uniform(1, 15)
    while time.time() < end:
        sum(range(100000))
    time.sleep(random.uniform(0.5, 6))
P
