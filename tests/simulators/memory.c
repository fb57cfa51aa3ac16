/*
 * Maps memory of the sizes that certain programs use, and does not touch it unless stated.
 *
 *   memory MANNER SECONDS
 *
 * MANNER is one of
 *   randomx   the dataset, the cache, and for each of four threads a scratchpad and an executable buffer
 *   resident  the same, with the cache in use
 *   flipping  the same, the buffers made executable after they were written
 *   light     the cache and the executable buffers, without a dataset
 *   yespower  memory of the size of yespower's in each of 64 threads
 *   advised   a transparent huge page in each of 64 threads
 *   heap      transparent huge pages in one thread: one by one, and a large heap
 *   pictures  the same memory again and again, in one thread
 *   stacks    64 threads with stacks of that size
 *   database  one large pool and an arena for each thread
 *   jit       many executable buffers of other sizes, and some of the same
 *   handover  the dataset several times; then the program executes itself as randomx
 *   crowd     one executable buffer, then one in each of 10000 child processes in turn, then another
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void *ask(size_t size, int protection, int flags) {
  return mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
}

static void randomx(int flipping, int resident) {
  const size_t dataset = 2181038080, cache = 268435456, scratchpad = 2097152, code = 262144;
  /* Request huge pages first, and ordinary pages if there are none. */
  if (ask(dataset, PROT_READ | PROT_WRITE, MAP_HUGETLB | 21 << MAP_HUGE_SHIFT) == MAP_FAILED)
    ask(dataset, PROT_READ | PROT_WRITE, 0);
  ask(cache, PROT_READ | PROT_WRITE, resident ? MAP_POPULATE : 0);
  for (int thread = 0; thread < 4; thread++) {
    ask(scratchpad, PROT_READ | PROT_WRITE, MAP_HUGETLB | 21 << MAP_HUGE_SHIFT);
    if (flipping) {
      void *buffer = ask(code, PROT_READ | PROT_WRITE, 0);
      for (int times = 0; times < 1000; times++) {
        mprotect(buffer, code, PROT_READ | PROT_EXEC);
        mprotect(buffer, code, PROT_READ | PROT_WRITE);
      }
    } else {
      ask(code, PROT_READ | PROT_WRITE | PROT_EXEC, 0);
    }
  }
}

static void buffer(void) {
  ask(262144, PROT_READ | PROT_WRITE | PROT_EXEC, 0);
}

static void crowd(void) {
  buffer();
  for (int other = 0; other < 10000; other++) {
    pid_t child = fork();
    if (child == 0) {
      buffer();
      _exit(0);
    }
    if (child < 0 || waitpid(child, NULL, 0) != child) exit(1);
  }
  buffer();
}

static void *workspace(void *ignored) {
  ask(8495168, PROT_READ | PROT_WRITE, 0);
  return ignored;
}

static void *huge_page(void *ignored) {
  void *page = ask(2097152, PROT_READ | PROT_WRITE, 0);
  madvise(page, 2097152, MADV_DONTDUMP);
  madvise(page, 2097152, MADV_HUGEPAGE);
  return ignored;
}

static void *nothing(void *ignored) {
  return ignored;
}

/* Runs a function in 64 threads. The size of their stacks is the default if it is zero. */
static void threads(void *(*run)(void *), size_t stack) {
  pthread_t all[64];
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  /* The C library adds a page that guards the stack. */
  if (stack > 0) pthread_attr_setstacksize(&attributes, stack - 4096);
  for (int thread = 0; thread < 64; thread++)
    if (pthread_create(&all[thread], &attributes, run, NULL) != 0) exit(1);
  for (int thread = 0; thread < 64; thread++) pthread_join(all[thread], NULL);
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  if (strcmp(arguments[1], "randomx") == 0) {
    randomx(0, 0);
  } else if (strcmp(arguments[1], "flipping") == 0) {
    randomx(1, 0);
  } else if (strcmp(arguments[1], "resident") == 0) {
    randomx(0, 1);
  } else if (strcmp(arguments[1], "light") == 0) {
    ask(268435456, PROT_READ | PROT_WRITE, 0);
    for (int thread = 0; thread < 4; thread++) buffer();
  } else if (strcmp(arguments[1], "yespower") == 0) {
    threads(workspace, 0);
  } else if (strcmp(arguments[1], "advised") == 0) {
    threads(huge_page, 0);
  } else if (strcmp(arguments[1], "heap") == 0) {
    const size_t heap = (size_t)64 << 20;
    for (int times = 0; times < 64; times++) huge_page(NULL);
    madvise(ask(heap, PROT_READ | PROT_WRITE, 0), heap, MADV_HUGEPAGE);
  } else if (strcmp(arguments[1], "pictures") == 0) {
    for (int times = 0; times < 64; times++) munmap(ask(8495168, PROT_READ | PROT_WRITE, 0), 8495168);
  } else if (strcmp(arguments[1], "stacks") == 0) {
    threads(nothing, 8495168);
  } else if (strcmp(arguments[1], "database") == 0) {
    ask((size_t)1 << 30, PROT_READ | PROT_WRITE, 0);
    for (int thread = 0; thread < 4; thread++) ask((size_t)64 << 20, PROT_READ | PROT_WRITE, 0);
  } else if (strcmp(arguments[1], "jit") == 0) {
    for (int buffer = 0; buffer < 64; buffer++) {
      ask((size_t)64 << 10, PROT_READ | PROT_WRITE | PROT_EXEC, 0);
      ask((size_t)256 << 10, PROT_READ | PROT_WRITE | PROT_EXEC, 0);
    }
  } else if (strcmp(arguments[1], "handover") == 0) {
    for (int times = 0; times < 4; times++) ask(2181038080, PROT_READ | PROT_WRITE, 0);
    execl("/proc/self/exe", arguments[0], "randomx", arguments[2], NULL);
    return 1;
  } else if (strcmp(arguments[1], "crowd") == 0) {
    crowd();
  } else {
    return 2;
  }
  sleep((unsigned)atoi(arguments[2]));
  return 0;
}
