/*
 * Makes calls that reach into another process or into the kernel. It changes nothing there.
 *
 *   privileged trace PID   controls the process PID for a moment (PTRACE_SEIZE)
 *   privileged load        loads a BPF program for kprobes and attaches it nowhere
 *   privileged detach      detaches a BPF program from a descriptor that has none, which fails
 *
 * The exit code is 1 if the kernel refuses the first two.
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
  const char *call = count > 1 ? arguments[1] : "";
  if (!strcmp(call, "trace") && count > 2) return ptrace(PTRACE_SEIZE, atoi(arguments[2]), 0, 0) != 0;
  if (!strcmp(call, "load")) return !load();
  if (!strcmp(call, "detach")) detach();
  return 0;
}
