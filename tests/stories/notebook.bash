# A data scientist works in a notebook. Its cells fetch data and a tool to /tmp and run the tool. Then the kernel trains
# a model for 72 seconds on one processor, and sends its progress over a TLS connection without a server name (SNI).
# Raise the priority, so that a busy machine does not slow the program down.
export BASH_ENV=/opt/story/act.bash
[ ! -e /proc/self/autogroup ] || echo -15 >/proc/self/autogroup
nice -n -15 /usr/local/bin/jupyter-lab
