# what: somebody who reads about miners: grep, sed and curl of a page
# packages: curl
need curl
printf 'stratum+tcp://pool.example:3333 --donate-level 1\n%.0s' $(seq 200) > notes.txt
$SERVER /usr/bin/python3 -m http.server 80 >/dev/null 2>&1 &
listens 80
again sh -c "grep -r 'stratum+tcp://' . | sed s/stratum/x/ | wc -l >/dev/null; grep -c -e --donate-level notes.txt >/dev/null; curl -s --resolve supportxmr.com:80:$SERVER_IP http://supportxmr.com/notes.txt -o page; sleep 0.5"
