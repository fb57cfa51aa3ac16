/*
 * Sends the messages of a miner and computes nothing.
 *
 *   pool-client -o URL [-u WALLET] [-s SECONDS] [-B] [-t COMMAND] [OTHER...]
 *   pool-client -c FILE
 *
 * The scheme of URL chooses the messages:
 *   stratum+tcp://   the login and the shares of Monero's miners
 *   stratum1+tcp://  those of Bitcoin's miners
 *   ethproxy+tcp://  those of Ethereum's miners
 *   stratum+ssl://   the sizes and the order of TLS messages, without encryption: the first has no server name
 *   tcp://           none: the connection stays silent
 *
 * It stays for SECONDS (10 by default). With -B it goes to the background. With -t it turns into a shell that runs
 * COMMAND at the end. FILE contains the same options, separated by white space. Other options are ignored, so that the
 * command line may look like a miner's.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Maximum number of words in FILE. */
#define WORDS 64

static const char *scheme, *wallet = "user.worker", *command;
static char host[64];
static int port, seconds = 10, background;
static int peer;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void say(const void *data, size_t length) {
  static char answer[8192];
  if (send(peer, data, length, MSG_NOSIGNAL) != (ssize_t)length) fail("send");
  recv(peer, answer, sizeof answer, 0);
}

static void say_line(const char *line) {
  say(line, strlen(line));
}

static void login_monero(void) {
  char line[512];
  snprintf(line, sizeof line,
           "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"%s\",\"pass\":\"x\","
           "\"agent\":\"XMRig/6.21.0 (Linux x86_64)\",\"algo\":[\"rx/0\",\"cn/r\"]}}\n",
           wallet);
  say_line(line);
}

static void share_monero(int number) {
  char line[512];
  snprintf(line, sizeof line,
           "{\"id\":%d,\"jsonrpc\":\"2.0\",\"method\":\"submit\",\"params\":{\"id\":\"s\",\"job_id\":\"7\","
           "\"nonce\":\"%08x\",\"result\":\"%064x\"}}\n",
           number + 2, number * 48271, number * 69621);
  say_line(line);
}

static void login_bitcoin(void) {
  char line[512];
  say_line("{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cpuminer/2.5.1\"]}\n");
  snprintf(line, sizeof line, "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"%s\",\"x\"]}\n", wallet);
  say_line(line);
}

static void share_bitcoin(int number) {
  char line[512];
  snprintf(line, sizeof line,
           "{\"id\":%d,\"method\":\"mining.submit\",\"params\":[\"%s\",\"7\",\"%08x\",\"5f5e1000\",\"%08x\"]}\n",
           number + 3, wallet, number, number * 48271);
  say_line(line);
}

static void login_ethereum(void) {
  char line[512];
  snprintf(line, sizeof line,
           "{\"id\":1,\"worker\":\"rig\",\"method\":\"eth_submitLogin\",\"params\":[\"%s\",\"x\"]}\n", wallet);
  say_line(line);
}

static void share_ethereum(int number) {
  char line[512];
  snprintf(line, sizeof line,
           "{\"id\":%d,\"worker\":\"rig\",\"method\":\"eth_submitWork\",\"params\":[\"0x%016x\",\"0x%064x\",\"0x%064x\"]}\n",
           number + 2, number, number * 48271, number * 69621);
  say_line(line);
}

/* Sends a TLS record with random content. */
static void record(int type, size_t length) {
  unsigned char data[1024] = {(unsigned char)type, 3, 3, (unsigned char)(length >> 8), (unsigned char)length};
  for (size_t byte = 0; byte < length; byte++) data[5 + byte] = (unsigned char)rand();
  say(data, 5 + length);
}

/* Sends a client hello of TLS 1.3 without a server name, as a client of OpenSSL sends it to an address. */
static void login_tls(void) {
  static const unsigned char extensions[] = {
      0x00, 0x0b, 0, 4, 3, 0, 1, 2,                                                         /* point formats */
      0x00, 0x0a, 0, 8, 0, 6, 0x00, 0x1d, 0x00, 0x17, 0x00, 0x18,                           /* groups */
      0x00, 0x23, 0, 0,                                                                     /* session ticket */
      0x00, 0x16, 0, 0,                                                                     /* encrypt then MAC */
      0x00, 0x17, 0, 0,                                                                     /* extended master secret */
      0x00, 0x0d, 0, 14, 0, 12, 4, 3, 5, 3, 6, 3, 8, 4, 8, 5, 4, 1,                         /* signatures */
      0x00, 0x2b, 0, 5, 4, 3, 4, 3, 3,                                                      /* versions */
      0x00, 0x2d, 0, 2, 1, 1,                                                               /* key exchange modes */
      0x00, 0x33, 0, 38, 0, 36, 0, 0x1d, 0, 32, /* 32 bytes of a key follow: the last extension */
  };
  static const unsigned char ciphers[] = {0x13, 0x02, 0x13, 0x03, 0x13, 0x01, 0xc0, 0x2c, 0xc0, 0x30,
                                          0xc0, 0x2b, 0xc0, 0x2f, 0x00, 0x9f, 0x00, 0xff};
  unsigned char hello[512] = {0x16, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3};
  size_t end = 11;
  for (int byte = 0; byte < 32; byte++) hello[end++] = (unsigned char)rand();
  hello[end++] = 32;
  for (int byte = 0; byte < 32; byte++) hello[end++] = (unsigned char)rand();
  hello[end++] = 0;
  hello[end++] = sizeof ciphers;
  memcpy(hello + end, ciphers, sizeof ciphers);
  end += sizeof ciphers;
  hello[end++] = 1;
  hello[end++] = 0;
  const size_t all = sizeof extensions + 32;
  hello[end++] = (unsigned char)(all >> 8);
  hello[end++] = (unsigned char)all;
  memcpy(hello + end, extensions, sizeof extensions);
  end += sizeof extensions;
  for (int byte = 0; byte < 32; byte++) hello[end++] = (unsigned char)rand();
  hello[3] = (unsigned char)((end - 5) >> 8);
  hello[4] = (unsigned char)(end - 5);
  hello[7] = (unsigned char)((end - 9) >> 8);
  hello[8] = (unsigned char)(end - 9);
  say(hello, end);
  record(23, 69);
  record(23, 480);
}

static void share_tls(int number) {
  record(23, 220 + (size_t)(number % 3));
}

static const struct {
  const char *scheme;
  void (*login)(void);
  void (*share)(int);
} dialects[] = {
    {"stratum+tcp", login_monero, share_monero},
    {"stratum1+tcp", login_bitcoin, share_bitcoin},
    {"ethproxy+tcp", login_ethereum, share_ethereum},
    {"stratum+ssl", login_tls, share_tls},
    {"tcp", NULL, NULL},
};

static void read_options(int count, char **words);

static void read_file(const char *path) {
  static char text[4096];
  static char *words[WORDS];
  FILE *file = fopen(path, "r");
  if (file == NULL) fail(path);
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  int count = 0;
  for (char *word = strtok(text, " \t\n"); word != NULL && count < WORDS; word = strtok(NULL, " \t\n"))
    words[count++] = word;
  read_options(count, words);
}

static void read_url(char *url) {
  char *end = strstr(url, "://");
  if (end == NULL || sscanf(end + 3, "%63[^:]:%d", host, &port) != 2) {
    fprintf(stderr, "no URL: %s\n", url);
    exit(2);
  }
  *end = 0;
  scheme = url;
}

static void read_options(int count, char **words) {
  for (int each = 0; each < count; each++) {
    const char *option = words[each];
    if (strcmp(option, "-B") == 0) background = 1;
    if (option[0] != '-' || option[1] == 0 || option[2] != 0 || each + 1 == count) continue;
    char *value = words[each + 1];
    if (option[1] == 'o') read_url(strdup(value));
    if (option[1] == 'u') wallet = value;
    if (option[1] == 's') seconds = atoi(value);
    if (option[1] == 't') command = value;
    if (option[1] == 'c') read_file(value);
  }
}

int main(int count, char **words) {
  read_options(count - 1, words + 1);
  if (scheme == NULL) return 2;
  if (background && daemon(0, 0) != 0) fail("daemon");
  srand((unsigned)getpid());
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) return 2;
  peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1, idle = 60, interval = 1, probes = 10;
  const struct timeval patience = {.tv_sec = 2};
  setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  setsockopt(peer, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
  setsockopt(peer, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(peer, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(peer, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(peer, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
  size_t dialect = 0;
  while (dialect < 4 && strcmp(dialects[dialect].scheme, scheme) != 0) dialect++;
  if (dialects[dialect].login != NULL) dialects[dialect].login();
  const time_t end = time(NULL) + seconds;
  for (int number = 1; time(NULL) < end; number++) {
    sleep(2);
    if (dialects[dialect].share != NULL && number % 2 == 0) dialects[dialect].share(number);
  }
  if (command != NULL) execl("/bin/sh", "sh", "-c", command, NULL);
  return 0;
}
