# what: a simulation built with -ffast-math, which flushes denormals to zero
# packages: gcc libc6-dev
need gcc
cat > heat.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static double grid[2][512][512];
int main(int argc, char **argv) {
  time_t end = time(0) + atoi(argv[1]);
  grid[0][256][256] = 1e6;
  for (int now = 0; time(0) < end; now = !now)
    for (int y = 1; y < 511; y++)
      for (int x = 1; x < 511; x++)
        grid[!now][y][x] = 0.25 * (grid[now][y - 1][x] + grid[now][y + 1][x] + grid[now][y][x - 1] + grid[now][y][x + 1]);
  printf("%g\n", grid[0][256][256]);
}
C
gcc -O3 -ffast-math heat.c -o heat
./heat "$LENGTH" > /dev/null & ./heat "$LENGTH" > /dev/null
wait
