/* An upstream that is no bottleneck: answers every request with the same chat completion.
 * Usage: upstream PORT. Keep-alive, epoll, one thread; counts connections it saw aborted. */
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
#include <unistd.h>

#define MAX_FDS 65536
#define BUFFER 65536

static const char *BODY =
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1790000000,"
    "\"model\":\"demo\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
    "\"content\":\"vLLM Manager deploys, serves and watches large language models.\"},"
    "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":31,"
    "\"total_tokens\":43,\"completion_tokens\":12,\"prompt_tokens_details\":"
    "{\"cached_tokens\":16}},\"prompt_logprobs\":null}";

struct conn { char *data; size_t used; };
static struct conn conns[MAX_FDS];

/* Return the bytes of the first whole request in the buffer, or 0. */
static size_t whole_request(const char *data, size_t used) {
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

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    char answer[2048];
    int answer_length = snprintf(answer, sizeof answer,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
        strlen(BODY), BODY);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 1024)) return 1;
    int poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    puts("ready");
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    if (fd >= MAX_FDS) { close(fd); continue; }
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                    if (!conns[fd].data) conns[fd].data = malloc(BUFFER);
                    conns[fd].used = 0;
                    event.events = EPOLLIN; event.data.fd = fd;
                    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
                }
                continue;
            }
            struct conn *c = &conns[fd];
            ssize_t got = read(fd, c->data + c->used, BUFFER - c->used);
            if (got < 0 && errno == EAGAIN) continue;
            if (got <= 0) { close(fd); continue; }
            c->used += (size_t)got;
            size_t length;
            while ((length = whole_request(c->data, c->used))) {
                if (write(fd, answer, (size_t)answer_length) < 0) break;
                memmove(c->data, c->data + length, c->used - length);
                c->used -= length;
            }
        }
    }
}
