/*
 * Sends given bytes over a TCP connection, with a given system call.
 *
 *   client WAY ADDRESS PORT PIECE...
 *
 * WAY is write, send, sendto, sendmsg, writev or io_uring. A PIECE is one of: bytes in hexadecimal, sent
 * by one call; "+", a pause; ".", the wait for an answer. The program prints its process id first.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void check(int well, const char *what) {
  if (well) return;
  perror(what);
  exit(1);
}

/* Sends by a ring with one entry, and waits for the completion. */
static long by_ring(int connection, const void *data, size_t length) {
  static int ring = -1;
  static struct io_uring_params made;
  static char *submissions, *completions;
  static struct io_uring_sqe *entries;
  if (ring < 0) {
    ring = syscall(SYS_io_uring_setup, 1, &made);
    check(ring >= 0, "io_uring_setup");
    const int both = PROT_READ | PROT_WRITE;
    submissions = mmap(NULL, made.sq_off.array + made.sq_entries * sizeof(unsigned), both, MAP_SHARED, ring,
                       IORING_OFF_SQ_RING);
    completions = mmap(NULL, made.cq_off.cqes + made.cq_entries * sizeof(struct io_uring_cqe), both, MAP_SHARED,
                       ring, IORING_OFF_CQ_RING);
    entries = mmap(NULL, made.sq_entries * sizeof *entries, both, MAP_SHARED, ring, IORING_OFF_SQES);
    check(submissions != MAP_FAILED && completions != MAP_FAILED && (void *)entries != MAP_FAILED, "mmap");
  }
  memset(entries, 0, sizeof *entries);
  entries->opcode = IORING_OP_SEND;
  entries->fd = connection;
  entries->addr = (unsigned long)data;
  entries->len = length;
  unsigned *tail = (unsigned *)(submissions + made.sq_off.tail);
  const unsigned mask = *(unsigned *)(submissions + made.sq_off.ring_mask);
  ((unsigned *)(submissions + made.sq_off.array))[*tail & mask] = 0;
  __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
  check(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1, "io_uring_enter");
  unsigned *head = (unsigned *)(completions + made.cq_off.head);
  const unsigned end = __atomic_load_n((unsigned *)(completions + made.cq_off.tail), __ATOMIC_ACQUIRE);
  check(*head != end, "no completion");
  const unsigned at = *head & *(unsigned *)(completions + made.cq_off.ring_mask);
  const int result = ((struct io_uring_cqe *)(completions + made.cq_off.cqes))[at].res;
  __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
  return result;
}

static struct sockaddr_storage peer;
static socklen_t peer_length;

static void address(const char *text, int port) {
  struct sockaddr_in *four = (struct sockaddr_in *)&peer;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)&peer;
  if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    peer_length = sizeof *four;
  } else {
    check(inet_pton(AF_INET6, text, &six->sin6_addr) == 1, "address");
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    peer_length = sizeof *six;
  }
}

static long say(const char *way, int connection, char *data, size_t length) {
  struct iovec parts[2] = {{data, length / 2}, {data + length / 2, length - length / 2}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  if (strcmp(way, "write") == 0) return write(connection, data, length);
  if (strcmp(way, "send") == 0) return send(connection, data, length, 0);
  if (strcmp(way, "sendto") == 0) return sendto(connection, data, length, 0, (void *)&peer, peer_length);
  if (strcmp(way, "sendmsg") == 0) return sendmsg(connection, &message, 0);
  if (strcmp(way, "writev") == 0) return writev(connection, parts, 2);
  if (strcmp(way, "io_uring") == 0) return by_ring(connection, data, length);
  fprintf(stderr, "unknown way: %s\n", way);
  exit(2);
}

int main(int count, char **arguments) {
  if (count < 4) return 2;
  printf("%d\n", getpid());
  fflush(stdout);
  address(arguments[2], atoi(arguments[3]));
  const int connection = socket(peer.ss_family, SOCK_STREAM, 0);
  check(connect(connection, (void *)&peer, peer_length) == 0, "connect");
  const int yes = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  const struct timeval patience = {.tv_sec = 5};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  static char data[8192];
  for (int each = 4; each < count; each++) {
    const char *piece = arguments[each];
    if (strcmp(piece, "+") == 0) {
      usleep(40000);
    } else if (strcmp(piece, ".") == 0) {
      check(recv(connection, data, sizeof data, 0) > 0, "answer");
    } else {
      size_t length = strlen(piece) / 2;
      if (length > sizeof data) return 2;
      for (size_t byte = 0; byte < length; byte++) {
        unsigned value;
        if (sscanf(piece + byte * 2, "%2x", &value) != 1) return 2;
        data[byte] = (char)value;
      }
      check(say(arguments[1], connection, data, length) == (long)length, arguments[1]);
    }
  }
  return 0;
}
