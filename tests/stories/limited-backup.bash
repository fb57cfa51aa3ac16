# A backup compresses data and sends it to another host. A tool that limits its use of the processor (cpulimit) stops
# and continues it four times per second.
/usr/local/bin/pack &
worker=$!
/usr/bin/cpulimit "$worker" 14
wait "$worker"
