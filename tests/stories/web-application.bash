# A web application in Node.js keeps a TLS connection to its database open, by address and thus without a server name
# (SNI). It renders reports, which keeps one processor busy for 75 seconds. A health check starts a shell with curl.
# Raise the priority, so that a busy machine does not slow the program down.
[ ! -e /proc/self/autogroup ] || echo -15 >/proc/self/autogroup
nice -n -15 node /srv/app/server.js 75
