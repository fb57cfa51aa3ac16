# openssl measures how fast the machine computes checksums and ciphers, on one processor for more than a minute.
# Raise the priority, so that a busy machine does not slow the program down.
[ ! -e /proc/self/autogroup ] || echo -15 >/proc/self/autogroup
nice -n -15 openssl speed -seconds 12 -bytes 8192 md5 sha1 sha256 sha512 aes-128-cbc aes-256-cbc >/dev/null 2>&1
