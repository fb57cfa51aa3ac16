# what: stress-ng, yielding
# packages: stress-ng
need stress-ng
for_a_while stress-ng --quiet --yield "$(nproc)" --timeout "${LENGTH}s"
