/*
 * Makes privileged calls, which change nothing.
 *
 *   privileged [trace PID] [read PID] [open PID] [load] [detach]
 *
 *   trace PID   controls the process PID for a moment (PTRACE_SEIZE)
 *   read PID    reads a byte of the memory of PID at address 0, which fails (process_vm_readv)
 *   open PID    opens the memory of PID (/proc/PID/mem)
 *   load        loads a BPF program for kprobes and attaches it nowhere
 *   detach      detaches a BPF program from a descriptor that has none, which fails
 *
 * The exit code is 1 if the kernel refuses to trace, to open or to load.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void read_byte(pid_t pid) {
  char byte;
  const struct iovec local = {&byte, 1}, remote = {NULL, 1};
  process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static int open_memory(const char *pid) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%s/mem", pid);
  return open(path, O_RDONLY) >= 0;
}

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
    } else if (!strcmp(call, "read") && index + 1 < count) {
      read_byte(atoi(arguments[++index]));
    } else if (!strcmp(call, "open") && index + 1 < count) {
      if (!open_memory(arguments[++index])) return 1;
    } else if (!strcmp(call, "load")) {
      if (!load()) return 1;
    } else if (!strcmp(call, "detach")) {
      detach();
    }
  }
  return 0;
}
