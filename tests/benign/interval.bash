# what: interval arithmetic, which rounds up and down all the time
# packages: gcc libc6-dev
need gcc
cat > interval.c <<'C'
#include <fenv.h>
#include <stdio.h>
#include <time.h>
#include <stdlib.h>
#pragma STDC FENV_ACCESS ON
int main(int argc, char **argv) {
  time_t end = time(0) + atoi(argv[1]);
  volatile double low = 1, high = 1;
  while (time(0) < end)
    for (int i = 1; i < 200000; i++) {
      fesetround(FE_DOWNWARD); low = low * 1.0000001 / i * i;
      fesetround(FE_UPWARD); high = high * 1.0000001 / i * i;
      if (high > 1e9) { low = high = 1; }
    }
  printf("%g %g\n", low, high);
}
C
gcc -O1 -frounding-math interval.c -o interval -lm
./interval "$LENGTH" > /dev/null
