# what: numpy multiplying matrices
# packages: python3-numpy
/usr/bin/python3 -c 'import numpy' 2>/dev/null || not_run "numpy is not installed"
for_a_while /usr/bin/python3 -c '
import numpy
a = numpy.random.rand(900, 900)
while True:
    a = a @ a
    a /= numpy.abs(a).max()'
