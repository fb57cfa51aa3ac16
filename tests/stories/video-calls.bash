# A program for video calls decodes pictures while the connection of a call is open, which takes one processor. The
# server ends a call after 22 seconds, and the program joins the next one. There are three calls.
# Raise the priority, so that a busy machine does not slow the program down.
[ ! -e /proc/self/autogroup ] || echo -15 >/proc/self/autogroup
nice -n -15 /opt/meeting/meeting gated 203.0.113.20:5555 3
