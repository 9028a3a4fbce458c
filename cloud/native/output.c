/* What is written: the frames of one flush, each connection's in one system call, and what a socket does not take.
 *
 * What waits for one socket is bounded by the owner, which sees `waiting` and sends no more (cloud/server/outbox.ts);
 * pongs, which the owner does not send, are bounded in sockets.c. */
#include "sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define NO_PIECE      UINT32_MAX
#define MOST_VECTORS  256
#define LEAST_BACKLOG 4096
/* A command for one connection takes four words. */
#define COMMAND_HEAD 3
/* Of a frame for many, so many connections ahead of the one that is looked at are being fetched from memory. */
#define FETCHED_AHEAD 8

int output_open(struct sockets *sockets) {
    sockets->pieces = malloc(sockets->shared.command_words * sizeof *sockets->pieces);
    sockets->dirty = malloc(sockets->shared.command_words * sizeof *sockets->dirty);
    return sockets->pieces && sockets->dirty ? 0 : ENOMEM;
}

void output_close(struct sockets *sockets) {
    free(sockets->pieces);
    free(sockets->dirty);
}

void connection_free_backlog(struct sockets *sockets, struct connection *connection) {
    if (connection->backlog) {
        free(connection->backlog->bytes);
        free(connection->backlog);
        connection->backlog = NULL;
    }
    sockets->shared.waiting[sockets_slot(sockets, connection)] = 0;
}

static bool backlog_append(struct sockets *sockets, struct connection *connection, const uint8_t *bytes,
                           size_t length) {
    struct backlog *backlog = connection->backlog;

    if (!backlog) {
        backlog = connection->backlog = calloc(1, sizeof *backlog);
        if (!backlog) {
            return false;
        }
    }
    if (backlog->start > 0 && backlog->start + backlog->length + length > backlog->capacity) {
        memmove(backlog->bytes, backlog->bytes + backlog->start, backlog->length);
        backlog->start = 0;
    }
    if (backlog->length + length > backlog->capacity) {
        size_t capacity = backlog->capacity ? backlog->capacity : LEAST_BACKLOG;
        uint8_t *grown;

        while (capacity < backlog->length + length) {
            capacity *= 2;
        }
        grown = realloc(backlog->bytes, capacity);
        if (!grown) {
            return false;
        }
        backlog->bytes = grown;
        backlog->capacity = capacity;
    }
    memcpy(backlog->bytes + backlog->start + backlog->length, bytes, length);
    backlog->length += length;
    sockets->shared.waiting[sockets_slot(sockets, connection)] = (uint32_t)backlog->length;
    return true;
}

/* Bytes that the kernel took, or -1 when the connection is gone. */
static ssize_t send_vectors(int descriptor, struct iovec *vectors, size_t count) {
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
    ssize_t sent;

    do {
        sent = count == 1 ? send(descriptor, vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT)
                          : sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
        return 0;
    }
    return sent;
}

/* Keeps what the kernel has not taken, and waits until it takes more. */
static bool keep_rest(struct sockets *sockets, struct connection *connection, const struct iovec *vectors, size_t count,
                      size_t sent) {
    for (size_t index = 0; index < count; index++) {
        const uint8_t *bytes = vectors[index].iov_base;
        size_t length = vectors[index].iov_len;

        if (sent >= length) {
            sent -= length;
        } else if (backlog_append(sockets, connection, bytes + sent, length - sent)) {
            sent = 0;
        } else {
            sockets_end(sockets, connection, WS_NO_MEMORY);
            return false;
        }
    }
    if (connection->backlog) {
        sockets_watch(sockets, connection);
    }
    return true;
}

/* Sends vectors, or puts them behind what waits already; false when the connection has ended. */
static bool write_vectors(struct sockets *sockets, struct connection *connection, struct iovec *vectors, size_t count) {
    ssize_t sent = 0;

    if (!connection->backlog) {
        size_t length = 0;

        for (size_t index = 0; index < count; index++) {
            length += vectors[index].iov_len;
        }
        sent = send_vectors(connection->descriptor, vectors, count);
        if (sent == (ssize_t)length) {
            return true;
        }
        if (sent < 0) {
            sockets_end(sockets, connection, WS_ABNORMAL);
            return false;
        }
    }
    return keep_rest(sockets, connection, vectors, count, (size_t)sent);
}

bool connection_takes_output(const struct connection *connection) {
    return connection->state == CONNECTION_OPEN || connection->state == CONNECTION_CONCLUDING;
}

bool connection_write(struct sockets *sockets, struct connection *connection, uint8_t *bytes, size_t length) {
    struct iovec vector = {.iov_base = bytes, .iov_len = length};

    return write_vectors(sockets, connection, &vector, 1);
}

void connection_drain(struct sockets *sockets, struct connection *connection) {
    struct backlog *backlog = connection->backlog;
    struct iovec vector;
    ssize_t sent;

    if (!backlog) {
        return;
    }
    vector = (struct iovec){.iov_base = backlog->bytes + backlog->start, .iov_len = backlog->length};
    sent = send_vectors(connection->descriptor, &vector, 1);
    if (sent < 0) {
        sockets_end(sockets, connection, WS_ABNORMAL);
        return;
    }
    backlog->start += (size_t)sent;
    backlog->length -= (size_t)sent;
    sockets->shared.waiting[sockets_slot(sockets, connection)] = (uint32_t)backlog->length;
    if (backlog->length > 0) {
        return;
    }
    connection_free_backlog(sockets, connection);
    sockets_watch(sockets, connection);
    if (connection->ends_when_drained) {
        shutdown(connection->descriptor, SHUT_WR);
    }
    if (connection->state == CONNECTION_OPEN) {
        sockets_event(sockets, connection, EVENT_DRAINED, 0, 0);
    }
}

void connection_shut(struct sockets *sockets, struct connection *connection) {
    (void)sockets;
    if (connection->backlog) {
        connection->ends_when_drained = true;
    } else {
        shutdown(connection->descriptor, SHUT_WR);
    }
}

/* Sends the pieces of one connection. */
static void send_pieces(struct sockets *sockets, struct connection *connection) {
    struct iovec vectors[MOST_VECTORS];
    uint32_t index = connection->first_piece;
    uint8_t *output = sockets->shared.output;

    connection->first_piece = NO_PIECE;
    while (index != NO_PIECE) {
        size_t count = 0;

        for (; index != NO_PIECE && count < MOST_VECTORS; index = sockets->pieces[index].next) {
            const struct piece *piece = &sockets->pieces[index];
            uint8_t *bytes = output + piece->start;

            if (count > 0 && (uint8_t *)vectors[count - 1].iov_base + vectors[count - 1].iov_len == bytes) {
                vectors[count - 1].iov_len += piece->length;
            } else {
                vectors[count++] = (struct iovec){.iov_base = bytes, .iov_len = piece->length};
            }
        }
        if (!write_vectors(sockets, connection, vectors, count)) {
            return;
        }
    }
}

/* Gives a frame to a connection; how many connections have pieces now. */
static size_t add_piece(struct sockets *sockets, uint32_t id, uint32_t at, size_t dirty) {
    struct connection *connection = sockets_find(sockets, id);

    if (!connection || !connection_takes_output(connection)) {
        return dirty;
    }
    sockets->pieces[at].next = NO_PIECE;
    if (connection->first_piece == NO_PIECE) {
        connection->first_piece = at;
        sockets->dirty[dirty++] = sockets_slot(sockets, connection);
    } else {
        sockets->pieces[connection->last_piece].next = at;
    }
    connection->last_piece = at;
    return dirty;
}

void sockets_flush(struct sockets *sockets) {
    const uint32_t *commands = sockets->shared.commands;
    uint32_t *words = sockets->shared.words;
    size_t end = words[SHARED_COMMAND_WORDS];
    size_t dirty = 0;
    uint32_t pieces = 0;

    if (end > sockets->shared.command_words) {
        end = sockets->shared.command_words;
    }
    for (size_t at = 0; at + COMMAND_HEAD <= end;) {
        uint32_t start = commands[at];
        uint32_t length = commands[at + 1];
        size_t ids = commands[at + 2];

        at += COMMAND_HEAD;
        if (ids > end - at || start > sockets->shared.output_bytes || length > sockets->shared.output_bytes - start) {
            break;
        }
        for (size_t index = 0; index < ids; index++, at++, pieces++) {
            if (index + FETCHED_AHEAD < ids) {
                __builtin_prefetch(&sockets->table[commands[at + FETCHED_AHEAD] & MOST_CONNECTIONS], 1);
            }
            sockets->pieces[pieces].start = start;
            sockets->pieces[pieces].length = length;
            dirty = add_piece(sockets, commands[at], pieces, dirty);
        }
    }
    for (size_t index = 0; index < dirty; index++) {
        /* What a system call takes is enough to fetch the next one's memory. */
        if (index + 1 < dirty) {
            __builtin_prefetch(&sockets->table[sockets->dirty[index + 1]], 1);
        }
        send_pieces(sockets, &sockets->table[sockets->dirty[index]]);
    }
    words[SHARED_COMMAND_WORDS] = 0;
    words[SHARED_OUTPUT_BYTES] = 0;
    words[SHARED_FLUSHES] = (words[SHARED_FLUSHES] + 1) & MOST_SMALL;
}
