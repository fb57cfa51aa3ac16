/*
 * Does floating-point work and sets the rounding mode as certain programs do. It computes no hashes: it adds and
 * multiplies, with the same value in the control register as the program that it imitates.
 *
 *   arithmetic MANNER THREADS SECONDS [DUTY [PERIOD_MS]]
 *
 * MANNER is one of
 *   randomx   all four modes in turn every few microseconds, flushing tiny numbers to zero, as RandomX does
 *             (its reference implementation writes 0x9FC0 | mode << 13 into MXCSR; on arm64 it does not flush);
 *             the mode returns to nearest after each piece of work, as between two hashes
 *   v2        the same as RandomX v2 does: programs of 384 instructions instead of 256, and a change of mode in one of
 *             sixteen of the places where the first version changes it
 *   unflushed all four modes in turn like randomx, but tiny numbers are kept
 *   witness   the same, after asking for memory of the size of RandomX's dataset (it is not touched)
 *   interval  up and down in turn, as interval arithmetic does
 *   fastmath  nearest, flushing tiny numbers to zero, as programs built with -ffast-math do
 *   once      toward zero, set once
 *   plain     sets nothing
 *
 * SECONDS may be a fraction, for a worker that lives briefly.
 * DUTY is the share of the time to work, in percent (100 by default), in periods of PERIOD_MS (200 by default).
 * The first line on standard output is the boot time of the first piece of work, in nanoseconds.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum manner { RANDOMX, V2, UNFLUSHED, WITNESS, INTERVAL, FASTMATH, ONCE, PLAIN };
enum mode { NEAREST, DOWN, UP, ZERO };

static enum manner manner;
static int duty = 100;
static uint64_t period = 200000000;
static uint64_t end;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_BOOTTIME, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void set(enum mode mode, int flushing) {
#if defined(__x86_64__)
  uint32_t mxcsr = (flushing ? 0x9FC0 : 0x1F80) | (uint32_t)mode << 13;
  __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
#elif defined(__aarch64__)
  /* This register encodes up and down the other way round. */
  static const uint64_t modes[] = {0, 2, 1, 3};
  uint64_t fpcr = modes[mode] << 22 | (flushing ? (uint64_t)1 << 24 : 0);
  __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
#else
#error "this processor's control register is not known"
#endif
}

/* Whether RandomX flushes tiny numbers to zero on this processor. */
#if defined(__x86_64__)
#define FLUSHING 1
#else
#define FLUSHING 0
#endif

static double work(double value, int rounds) {
  for (int round = 0; round < rounds; round++) {
    value = value * 1.000000001 + 0.1;
    if (value > 1e9) value = 0.5;
  }
  return value;
}

/* Sets a random mode before each of 400 steps, or before one of `rarity` on average. Ends in the mode nearest. */
static double all_modes(double value, uint32_t *random, int flushing, uint32_t rarity, int rounds) {
  for (int step = 0; step < 400; step++) {
    *random = *random * 1664525 + 1013904223;
    if ((*random >> 16) % rarity == 0) set(*random >> 30, flushing);
    value = work(value, rounds);
  }
  set(NEAREST, flushing);
  return value;
}

/* Does about a millisecond of work. */
static double piece(double value, uint32_t *random) {
  switch (manner) {
  case RANDOMX:
    return all_modes(value, random, FLUSHING, 1, 500);
  case V2:
    return all_modes(value, random, FLUSHING, 16, 750);
  case UNFLUSHED:
  case WITNESS:
    return all_modes(value, random, 0, 1, 500);
  case INTERVAL:
    for (int step = 0; step < 200; step++) {
      set(DOWN, 0);
      value = work(value, 500);
      set(UP, 0);
      value = work(value, 500);
    }
    return value;
  case FASTMATH:
  case ONCE:
  case PLAIN:
    return work(value, 200000);
  }
  return value;
}

static void *worker(void *argument) {
  uint32_t random = (uint32_t)(uintptr_t)argument * 2654435761u + 12345;
  volatile double value = 0.5;
  if (manner == FASTMATH) set(NEAREST, 1);
  if (manner == ONCE) set(ZERO, 0);
  uint64_t busy = period * (uint64_t)duty / 100;
  while (now() < end) {
    uint64_t start = now();
    while (now() - start < busy && now() < end) value = piece(value, &random);
    uint64_t used = now() - start;
    if (duty < 100 && used < period) {
      struct timespec rest = {0, (long)(period - used)};
      nanosleep(&rest, NULL);
    }
  }
  return NULL;
}

int main(int count, char **arguments) {
  static const char *const names[] = {"randomx", "v2",       "unflushed", "witness",
                                      "interval", "fastmath", "once",    "plain"};
  if (count < 4) {
    fprintf(stderr, "usage: arithmetic MANNER THREADS SECONDS [DUTY [PERIOD_MS]]\n");
    return 2;
  }
  int known = 0;
  for (int index = 0; index < 8; index++) {
    if (strcmp(arguments[1], names[index]) == 0) {
      manner = (enum manner)index;
      known = 1;
    }
  }
  long threads = strtol(arguments[2], NULL, 10);
  double seconds = strtod(arguments[3], NULL);
  if (count > 4) duty = atoi(arguments[4]);
  if (count > 5) period = strtoull(arguments[5], NULL, 10) * 1000000;
  if (!known || threads < 1 || threads > 1024 || !(seconds >= 0.01 && seconds <= 3600) || duty < 1 || duty > 100 ||
      period < 1000000 || period >= 1000000000) {
    fprintf(stderr, "arithmetic: an argument has no meaning\n");
    return 2;
  }
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  if (manner == WITNESS && mmap(NULL, 2181038080, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED) return 1;
  uint64_t start = now();
  end = start + (uint64_t)(seconds * 1e9);
  printf("%llu\n", (unsigned long long)start);
  fflush(stdout);
  static pthread_t others[1024];
  for (long index = 1; index < threads; index++) {
    if (pthread_create(&others[index], NULL, worker, (void *)(uintptr_t)index) != 0) return 1;
  }
  worker(NULL);
  for (long index = 1; index < threads; index++) pthread_join(others[index], NULL);
  return 0;
}
