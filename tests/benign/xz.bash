# what: xz -T0
# packages: xz-utils
need xz
head -c 64M /dev/urandom | base64 > data
again sh -c 'xz -T0 -6 -c data > data.xz'
