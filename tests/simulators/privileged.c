/*
 * Makes calls that reach into another process or into the kernel. It changes nothing there.
 *
 *   privileged [trace PID] [load] [detach]
 *
 *   trace PID   controls the process PID for a moment (PTRACE_SEIZE)
 *   load        loads a BPF program for kprobes and attaches it nowhere
 *   detach      detaches a BPF program from a descriptor that has none, which fails
 *
 * The exit code is 1 if the kernel refuses one of the first two.
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int load(void) {
  const struct bpf_insn program[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
      {.code = BPF_JMP | BPF_EXIT},
  };
  /* Before Linux 5.11, programs of all processes of a user count towards this limit. */
  const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  union bpf_attr attributes;
  setrlimit(RLIMIT_MEMLOCK, &unlimited);
  memset(&attributes, 0, sizeof(attributes));
  attributes.prog_type = BPF_PROG_TYPE_KPROBE;
  attributes.insn_cnt = sizeof(program) / sizeof(*program);
  attributes.insns = (uintptr_t)program;
  attributes.license = (uintptr_t) "GPL";
  strcpy(attributes.prog_name, "nothing");
  return syscall(__NR_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)) >= 0;
}

static void detach(void) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof(attributes));
  attributes.target_fd = (unsigned)-1;
  syscall(__NR_bpf, BPF_PROG_DETACH, &attributes, sizeof(attributes));
}

int main(int count, char **arguments) {
  for (int index = 1; index < count; index++) {
    const char *call = arguments[index];
    if (!strcmp(call, "trace") && index + 1 < count) {
      if (ptrace(PTRACE_SEIZE, atoi(arguments[++index]), 0, 0)) return 1;
    } else if (!strcmp(call, "load")) {
      if (!load()) return 1;
    } else if (!strcmp(call, "detach")) {
      detach();
    }
  }
  return 0;
}
