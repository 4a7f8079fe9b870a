/* A closed-loop load generator: CONNECTIONS keep-alive connections, each with one request in flight.
 * Usage: load PORT CONNECTIONS SECONDS < request. Prints JSON: requests, errors, latencies. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER 65536
#define MAX_CONNECTIONS 4096
#define BUCKETS 200000 /* one per microsecond */

struct conn { int fd; size_t used; double started; char data[BUFFER]; };
static struct conn conns[MAX_CONNECTIONS];
static unsigned buckets[BUCKETS];
static char request[1 << 20];
static size_t request_length;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static size_t whole_answer(const char *data, size_t used) {
    const char *end = memmem(data, used, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - data) + 4, length = 0;
    for (const char *line = data; line < end; ) {
        const char *next = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
        if (!next) break;
        if (!strncasecmp(line, "content-length:", 15)) length = strtoul(line + 15, NULL, 10);
        line = next + 2;
    }
    return used >= head + length ? head + length : 0;
}

static int dial(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (void *)&address, sizeof address)) { perror("connect"); exit(1); }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void ask(struct conn *c) {
    c->started = now();
    c->used = 0;
    if (write(c->fd, request, request_length) != (ssize_t)request_length) { perror("write"); exit(1); }
}

static double quantile(unsigned long total, double q) {
    unsigned long seen = 0, wanted = (unsigned long)((double)total * q);
    for (int i = 0; i < BUCKETS; i++) {
        seen += buckets[i];
        if (seen > wanted) return (double)i / 1e6;
    }
    return (double)BUCKETS / 1e6;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int port = atoi(argv[1]), connections = atoi(argv[2]);
    double seconds = atof(argv[3]);
    request_length = fread(request, 1, sizeof request, stdin);
    int poll = epoll_create1(0);
    for (int i = 0; i < connections; i++) {
        conns[i].fd = dial(port);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)i};
        epoll_ctl(poll, EPOLL_CTL_ADD, conns[i].fd, &event);
        ask(&conns[i]);
    }
    unsigned long done = 0, errors = 0;
    double begun = now(), end = begun + seconds, at = begun;
    struct epoll_event events[256];
    while ((at = now()) < end) {
        int count = epoll_wait(poll, events, 256, 100);
        for (int i = 0; i < count; i++) {
            struct conn *c = &conns[events[i].data.u32];
            ssize_t got = read(c->fd, c->data + c->used, BUFFER - c->used);
            if (got <= 0) { errors++; close(c->fd); continue; }
            c->used += (size_t)got;
            if (!whole_answer(c->data, c->used)) continue;
            double took = (now() - c->started) * 1e6;
            buckets[took < BUCKETS - 1 ? (int)took : BUCKETS - 1]++;
            if (memcmp(c->data, "HTTP/1.1 200", 12)) errors++;
            done++;
            ask(c);
        }
    }
    printf("{\"requests\": %lu, \"errors\": %lu, \"seconds\": %.3f, \"per_second\": %.0f, "
           "\"p50_seconds\": %.6f, \"p90_seconds\": %.6f, \"p99_seconds\": %.6f}\n",
           done, errors, at - begun, (double)done / (at - begun),
           quantile(done, 0.5), quantile(done, 0.9), quantile(done, 0.99));
    return 0;
}
