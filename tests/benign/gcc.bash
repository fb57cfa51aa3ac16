# what: a C compiler, file after file
# packages: gcc libc6-dev
need gcc
for n in $(seq 40); do
  echo "#include <stdio.h>
  double f$n(double x) { for (int i = 0; i < 100; i++) x = x * 1.5 - i; return x; }"
done > big.c
again gcc -O2 -c big.c -o big.o
