/*
 * Does by io_uring what other programs do by system calls: it calls no open, write, rename, unlink, connect or send.
 *
 *   uring DIRECTORY PORT
 *
 * Makes DIRECTORY/by-ring and writes to it, renames it to DIRECTORY/by-ring.renamed, deletes that, connects to
 * 127.0.0.1:PORT (0: not at all) and sends five bytes. Prints the operations that this kernel performed. The exit code
 * is 1 if the kernel has no io_uring.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ring;
static struct io_uring_sqe *entries;
static char *submission, *completion;
static struct io_uring_params parameters;

static int set_up(void) {
  ring = (int)syscall(__NR_io_uring_setup, 4, &parameters);
  if (ring < 0) return 0;
  submission = mmap(NULL, parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t), PROT_READ | PROT_WRITE,
                    MAP_SHARED, ring, IORING_OFF_SQ_RING);
  completion = mmap(NULL, parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe),
                    PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
  entries = mmap(NULL, parameters.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
                 IORING_OFF_SQES);
  return submission != MAP_FAILED && completion != MAP_FAILED && entries != MAP_FAILED;
}

/* Performs one operation and returns its result. One operation runs at a time, so the first ring entry is enough. */
static int perform(const char *name, struct io_uring_sqe entry) {
  uint32_t *tail = (uint32_t *)(submission + parameters.sq_off.tail);
  uint32_t *array = (uint32_t *)(submission + parameters.sq_off.array);
  uint32_t mask = *(uint32_t *)(submission + parameters.sq_off.ring_mask);
  uint32_t *head = (uint32_t *)(completion + parameters.cq_off.head);
  uint32_t completions = *(uint32_t *)(completion + parameters.cq_off.ring_mask);
  struct io_uring_cqe *results = (struct io_uring_cqe *)(completion + parameters.cq_off.cqes);
  entries[0] = entry;
  array[*tail & mask] = 0;
  __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
  if (syscall(__NR_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) return -1;
  int result = results[*head & completions].res;
  __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
  if (result >= 0) printf("%s\n", name);
  return result;
}

#define AT(path) (uint64_t)(uintptr_t)(path)

int main(int count, char **arguments) {
  if (count != 3) return 2;
  if (!set_up()) {
    perror("io_uring");
    return 1;
  }
  char path[4096], renamed[4096];
  snprintf(path, sizeof path, "%s/by-ring", arguments[1]);
  snprintf(renamed, sizeof renamed, "%s/by-ring.renamed", arguments[1]);
  int file = perform("open", (struct io_uring_sqe){.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = AT(path),
                                                   .len = 0600, .open_flags = O_CREAT | O_WRONLY});
  if (file >= 0) {
    perform("write", (struct io_uring_sqe){.opcode = IORING_OP_WRITE, .fd = file, .addr = AT("words"), .len = 5});
    close(file);
    perform("rename", (struct io_uring_sqe){.opcode = IORING_OP_RENAMEAT, .fd = AT_FDCWD, .addr = AT(path),
                                            .len = (uint32_t)AT_FDCWD, .off = AT(renamed)});
    perform("unlink", (struct io_uring_sqe){.opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = AT(renamed)});
  }
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[2])),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (server.sin_port != 0) {
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (perform("connect", (struct io_uring_sqe){.opcode = IORING_OP_CONNECT, .fd = connection, .addr = AT(&server),
                                                 .off = sizeof server}) == 0)
      perform("send", (struct io_uring_sqe){.opcode = IORING_OP_SEND, .fd = connection, .addr = AT("words"), .len = 5});
    close(connection);
  }
  return 0;
}
