# what: stress-ng, all its ways to keep processors busy
# packages: stress-ng
need stress-ng
for_a_while stress-ng --quiet --cpu "$(nproc)" --timeout "${LENGTH}s"
