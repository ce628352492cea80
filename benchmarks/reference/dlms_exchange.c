/* Reads registers of DLMS meters over HDLC on TCP and does no more than that: what the kernel and the octets cost.
 *
 *     dlms_exchange PORT CONNECTIONS REGISTERS ITEMS [PERIOD_US]
 *
 * connects so many times to 127.0.0.1:PORT, sets each link and association up with the frames that meterd sends, and
 * takes numbers of rounds, one a line, on stdin. In a round every connection asks for its REGISTERS, ITEMS in one
 * request (1: GET.request-normal), one request at a time; all connections at once, in one epoll loop. With a period it
 * sleeps until the next round is due, as who scans a meter every so often does: waking up is then in the figure too. For
 * each line it prints CPU nanoseconds (user and system) and how many requests were answered. Of an answer everything is
 * looked at: flags, length, HCS and FCS by table, addresses, sequence numbers, the APDU, the result of each item and its
 * double-long-unsigned. IEC 62056-46 (frames), 62056-53 (GET). What is not as it should be ends the program: this
 * measures a healthy meter on this machine, and is no client for others.
 *
 * MIT, as the rest of meterd.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FLAG = 0x7E, FORMAT = 0xA0, CLIENT = 0x41, SERVER = 0x03, MOST = 2048, EVENTS = 64, REGISTER = 3, VALUE = 2 };
enum { BEFORE_INFORMATION = 8, FRAMING = 11 }; /* octets: flag to HCS; those and FCS and flag */

struct connection {
    int fd;
    int sent, received; /* sequence numbers, modulo 8 */
    int invoke_id;
    int next; /* register, from 0 */
};

static uint16_t table[256];
static int registers, items;
static uint64_t sum; /* of all values: what was decoded is used */

static void fail(const char *what)
{
    fprintf(stderr, "dlms_exchange: %s\n", what);
    exit(1);
}

static void make_table(void)
{
    for (int byte = 0; byte < 256; byte++) {
        unsigned value = byte;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? value >> 1 ^ 0x8408 : value >> 1;
        table[byte] = value;
    }
}

static uint16_t crc(const uint8_t *at, int count)
{
    unsigned value = 0xFFFF;
    while (count--)
        value = value >> 8 ^ table[(value ^ *at++) & 0xFF];
    return value;
}

static uint8_t *put_crc(const uint8_t *from, uint8_t *to)
{
    unsigned value = crc(from, to - from) ^ 0xFFFF;
    *to++ = value & 0xFF;
    *to++ = value >> 8;
    return to;
}

/* A frame around `count` octets of information that stand at `frame` + BEFORE_INFORMATION already. Its length. */
static int finish(uint8_t *frame, int control, int count)
{
    int length = 1 + 1 + 1 + 1 + 1 + 2 + (count ? count + 2 : 0);
    frame[0] = FLAG;
    frame[1] = FORMAT | length >> 8;
    frame[2] = length & 0xFF;
    frame[3] = SERVER;
    frame[4] = CLIENT;
    frame[5] = control;
    uint8_t *end = put_crc(frame + 1, frame + 6);
    if (count)
        end = put_crc(frame + 1, end + count);
    *end++ = FLAG;
    return end - frame;
}

/* Information of a frame that is whole and right, else NULL. */
static const uint8_t *information(const uint8_t *frame, int count, int *control, int *size)
{
    if (count < FRAMING - 2 || frame[0] != FLAG || (frame[1] & 0xF8) != FORMAT)
        return NULL;
    int length = (frame[1] & 7) << 8 | frame[2];
    if (count != length + 2 || frame[count - 1] != FLAG || frame[3] != CLIENT || frame[4] != SERVER)
        return NULL;
    if (crc(frame + 1, length) != 0xF0B8 || (length > 7 && crc(frame + 1, 7) != 0xF0B8))
        return NULL;
    *control = frame[5];
    *size = length > 7 ? length - 9 : 0;
    return frame + BEFORE_INFORMATION;
}

static void send_all(int fd, const uint8_t *data, int count)
{
    if (write(fd, data, count) != count)
        fail("a request was not taken whole");
}

static int ask(int fd, const uint8_t *frame, int count, uint8_t *answer)
{
    send_all(fd, frame, count);
    int got = read(fd, answer, MOST);
    if (got <= 0)
        fail("the meter has left");
    return got;
}

static const uint8_t PARAMETERS[] = {0x81, 0x80, 0x14, 0x05, 0x02, 0x04, 0x00, 0x06, 0x02, 0x04, 0x00, 0x07,
                                     0x04, 0x00, 0x00, 0x00, 0x01, 0x08, 0x04, 0x00, 0x00, 0x00, 0x01};
static const uint8_t AARQ[] = {0xE6, 0xE6, 0x00, 0x60, 0x1D, 0xA1, 0x09, 0x06, 0x07, 0x60, 0x85, 0x74,
                               0x05, 0x08, 0x01, 0x01, 0xBE, 0x10, 0x04, 0x0E, 0x01, 0x00, 0x00, 0x00,
                               0x06, 0x5F, 0x1F, 0x04, 0x00, 0x20, 0x16, 0x15, 0xFF, 0xFF};
static const uint8_t REQUEST[] = {0xE6, 0xE6, 0x00, 0xC0};
static const uint8_t ANSWER[] = {0xE6, 0xE7, 0x00, 0xC4};

static void open_connection(struct connection *one, int port)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    uint8_t frame[MOST], answer[MOST];
    int on = 1, control, size, count;
    one->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (one->fd < 0 || connect(one->fd, (struct sockaddr *)&place, sizeof place) < 0)
        fail("the meter cannot be reached");
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    memcpy(frame + BEFORE_INFORMATION, PARAMETERS, sizeof PARAMETERS);
    count = ask(one->fd, frame, finish(frame, 0x93, sizeof PARAMETERS), answer);
    if (!information(answer, count, &control, &size) || control != 0x73)
        fail("the link was refused");
    memcpy(frame + BEFORE_INFORMATION, AARQ, sizeof AARQ);
    count = ask(one->fd, frame, finish(frame, 0x10, sizeof AARQ), answer);
    const uint8_t *said = information(answer, count, &control, &size);
    if (!said || control != 0x30 || size < 20 || said[3] != 0x61)
        fail("the association was refused");
    one->sent = one->received = 1;
    one->invoke_id = 1;
    one->next = 0;
}

static uint8_t *put_name(uint8_t *to, int number)
{
    const uint8_t name[] = {0, REGISTER, 1, 0, 1, 8, number + 1, 0xFF, VALUE, 0};
    memcpy(to, name, sizeof name);
    return to + sizeof name;
}

static void request(struct connection *one)
{
    uint8_t frame[MOST];
    uint8_t *to = frame + BEFORE_INFORMATION;
    memcpy(to, REQUEST, sizeof REQUEST);
    to += sizeof REQUEST;
    *to++ = items == 1 ? 1 : 3;
    *to++ = 0xC0 | one->invoke_id;
    if (items > 1)
        *to++ = items;
    for (int number = 0; number < items; number++)
        to = put_name(to, one->next + number);
    int count = finish(frame, one->received << 5 | 0x10 | one->sent << 1, to - frame - BEFORE_INFORMATION);
    send_all(one->fd, frame, count);
    one->sent = (one->sent + 1) & 7;
}

static void take(struct connection *one, const uint8_t *frame, int count)
{
    int control, size;
    const uint8_t *at = information(frame, count, &control, &size);
    if (!at)
        fail("an answer is damaged");
    const uint8_t *end = at + size;
    if (control != (one->sent << 5 | 0x10 | one->received << 1))
        fail("an answer is out of sequence");
    one->received = (one->received + 1) & 7;
    if (size < 6 || memcmp(at, ANSWER, sizeof ANSWER) || at[4] != (items == 1 ? 1 : 3)
        || at[5] != (0xC0 | one->invoke_id))
        fail("an answer is to another request");
    at += 6;
    if (items > 1 && (at == end || *at++ != items))
        fail("an answer has another number of items");
    for (int number = 0; number < items; number++, at += 6) {
        if (end - at < 6 || at[0] != 0 || at[1] != 6)
            fail("a register has no double-long-unsigned");
        sum += (uint32_t)at[2] << 24 | at[3] << 16 | at[4] << 8 | at[5];
    }
    if (at != end)
        fail("an answer has something behind it");
    one->invoke_id = (one->invoke_id + 1) & 15;
    one->next += items;
}

static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* Until a round may begin, so long after the one before was due; one that is late already moves those behind it. */
static void wait_for_turn(struct timespec *due, long period_us)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    due->tv_nsec += period_us * 1000;
    while (due->tv_nsec >= 1000000000) {
        due->tv_nsec -= 1000000000;
        due->tv_sec++;
    }
    if (due->tv_sec < now.tv_sec || (due->tv_sec == now.tv_sec && due->tv_nsec < now.tv_nsec))
        *due = now;
    else
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, due, NULL);
}

/* One scan of every connection. Requests that were answered. */
static long round_of(int waiter, struct connection *all, int connections)
{
    struct epoll_event events[EVENTS];
    uint8_t answer[MOST];
    long answered = 0;
    int running = connections;
    for (int number = 0; number < connections; number++) {
        all[number].next = 0;
        request(&all[number]);
    }
    while (running) {
        int ready = epoll_wait(waiter, events, EVENTS, -1);
        for (int number = 0; number < ready; number++) {
            struct connection *one = events[number].data.ptr;
            int count = read(one->fd, answer, sizeof answer);
            if (count <= 0)
                fail("the meter has left");
            take(one, answer, count);
            answered++;
            if (one->next < registers)
                request(one);
            else
                running--;
        }
    }
    return answered;
}

int main(int count, char **words)
{
    if (count != 5 && count != 6)
        fail("PORT CONNECTIONS REGISTERS ITEMS [PERIOD_US]");
    int connections = atoi(words[2]);
    registers = atoi(words[3]);
    items = atoi(words[4]);
    long period_us = count == 6 ? atol(words[5]) : 0;
    if (connections < 1 || items < 1 || items > 60 || registers < items || registers % items || registers > 250)
        fail("numbers that do not fit");
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    make_table();
    struct connection *all = calloc(connections, sizeof *all);
    int waiter = epoll_create1(0);
    if (!all || waiter < 0)
        fail("out of memory or descriptors");
    for (int number = 0; number < connections; number++) {
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &all[number]};
        open_connection(&all[number], atoi(words[1]));
        epoll_ctl(waiter, EPOLL_CTL_ADD, all[number].fd, &wanted);
    }
    char line[32];
    while (fgets(line, sizeof line, stdin)) {
        long answered = 0;
        uint64_t begun = cpu_ns();
        struct timespec due;
        clock_gettime(CLOCK_MONOTONIC, &due);
        for (int rounds = atoi(line); rounds > 0; rounds--) {
            if (period_us)
                wait_for_turn(&due, period_us);
            answered += round_of(waiter, all, connections);
        }
        printf("%llu %ld\n", (unsigned long long)(cpu_ns() - begun), answered);
        fflush(stdout);
    }
    fprintf(stderr, sum ? "" : "dlms_exchange: nothing was read\n");
    return !sum;
}
