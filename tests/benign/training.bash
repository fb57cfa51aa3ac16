# what: a neural network being trained, reporting to another host over one connection
# packages: python3-numpy
/usr/bin/python3 -c 'import numpy' 2>/dev/null || not_run "numpy is not installed"
$SERVER /usr/bin/python3 -m http.server 29500 >/dev/null 2>&1 &
listens 29500
for_a_while /usr/bin/python3 - "$SERVER_IP" <<'P'
import http.client, sys, time
import numpy
peer = http.client.HTTPConnection(sys.argv[1], 29500)
x, y = numpy.random.rand(512, 64), numpy.random.rand(512, 8)
one, two = numpy.random.rand(64, 128) * .1, numpy.random.rand(128, 8) * .1
told = time.time()
while True:
    hidden = numpy.maximum(x @ one, 0)
    error = hidden @ two - y
    two -= 1e-4 * hidden.T @ error
    one -= 1e-4 * x.T @ ((error @ two.T) * (hidden > 0))
    if time.time() - told > 2:
        told = time.time()
        peer.request("GET", "/"); peer.getresponse().read()
P
