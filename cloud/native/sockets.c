/* Reading: one look at all sockets; see sockets.h. RFC 6455, section 5.5. */
#include "closing.h"
#include "sockets.h"
#include "table.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define MOST_READY (sizeof(((struct sockets *)0)->ready) / sizeof(struct epoll_event))
/* What may wait for a client that sends pings and does not read the answers; beyond, it is ended. */
#define MOST_WAITING_FOR_PONG ((size_t)512 * 1024)

void sockets_event(struct sockets *sockets, const struct connection *connection, enum event_kind kind, size_t start,
                   size_t length) {
    uint32_t *event = sockets->shared.events + sockets->event_count * EVENT_WORDS;

    event[0] = connection->id;
    event[1] = kind;
    event[2] = (uint32_t)start;
    event[3] = (uint32_t)length;
    sockets->event_count++;
}

/* Puts the ends into the batch, as many as fit, and returns the last of them. */
static void tell_ends(struct sockets *sockets) {
    uint32_t slot = sockets->ended_first;

    for (; slot != 0 && sockets->event_count < sockets->shared.most_events; slot = sockets->table[slot].next) {
        struct connection *connection = &sockets->table[slot];

        sockets_event(sockets, connection, EVENT_ENDED, connection->close_code, 0);
        connection->state = CONNECTION_TOLD;
    }
}

static void release_told(struct sockets *sockets) {
    uint32_t slot = sockets->ended_first;

    while (slot != 0 && sockets->table[slot].state == CONNECTION_TOLD) {
        struct connection *connection = &sockets->table[slot];

        slot = connection->next;
        table_release(sockets, connection);
    }
    sockets->ended_first = slot;
    if (slot == 0) {
        sockets->ended_last = 0;
    }
}

static void hand_on(struct sockets *sockets) {
    size_t count;

    tell_ends(sockets);
    count = sockets->event_count;
    if (count > 0) {
        sockets->deliver(sockets->owner, count);
        sockets->event_count = 0;
        sockets->input_at = 0;
    }
    sockets_flush(sockets);
    closing_conclude(sockets, count);
    release_told(sockets);
}

/* Hands on what there is when the next read might not fit. */
static void make_room(struct sockets *sockets) {
    const struct shared_memory *shared = &sockets->shared;

    if (shared->input_bytes - sockets->input_at < INPUT_ROOM(sockets->limits.message_bytes) ||
        shared->most_events - sockets->event_count < LEAST_EVENTS) {
        hand_on(sockets);
    }
}

static void answer_ping(struct sockets *sockets, struct connection *connection, const uint8_t *payload, size_t length) {
    if (connection->backlog && connection->backlog->length > MOST_WAITING_FOR_PONG) {
        sockets_end(sockets, connection, WS_ABNORMAL);
    } else {
        connection_write_control(sockets, connection, WS_PONG, payload, length);
    }
}

/* Where a message lies in the input; one that was put together elsewhere is copied behind what was read. */
static size_t place_in_input(struct sockets *sockets, const uint8_t *bytes, size_t length) {
    uint8_t *input = sockets->shared.input;
    size_t start;

    if (bytes >= input && bytes < input + sockets->shared.input_bytes) {
        return (size_t)(bytes - input);
    }
    start = sockets->input_at;
    if (length > 0) {
        memcpy(input + start, bytes, length);
    }
    sockets->input_at += length;
    return start;
}

struct reading {
    struct sockets *sockets;
    struct connection *connection;
};

static bool take_message(void *context, enum ws_opcode opcode, const uint8_t *bytes, size_t length) {
    const struct reading *reading = context;
    struct sockets *sockets = reading->sockets;
    struct connection *connection = reading->connection;

    if (connection->state != CONNECTION_OPEN && opcode != WS_CLOSE) {
        return true;
    }
    switch (opcode) {
    case WS_TEXT:
        sockets_event(sockets, connection, EVENT_TEXT, place_in_input(sockets, bytes, length), length);
        break;
    case WS_BINARY:
        sockets_event(sockets, connection, EVENT_BINARY, place_in_input(sockets, bytes, length), length);
        break;
    case WS_CLOSE:
        closing_begin(sockets, connection, ws_close_code(bytes, length));
        break;
    case WS_PING:
        sockets_event(sockets, connection, EVENT_HEARD, 0, 0);
        answer_ping(sockets, connection, bytes, length);
        break;
    default:
        sockets_event(sockets, connection, EVENT_HEARD, 0, 0);
        break;
    }
    return connection->descriptor >= 0;
}

/* Bytes at the end of the input that has been used. */
static void take_bytes(struct sockets *sockets, struct connection *connection, uint8_t *bytes, size_t length) {
    struct reading reading = {.sockets = sockets, .connection = connection};
    size_t events = sockets->event_count;
    int result;

    if (connection->state != CONNECTION_OPEN && connection->state != CONNECTION_CLOSING) {
        return;
    }
    sockets->input_at += length;
    result = ws_read(&connection->reader, &sockets->limits, bytes, length, take_message, &reading);
    if (result > WS_STOP) {
        closing_begin(sockets, connection, (uint16_t)result);
    }
    if (sockets->event_count == events) {
        sockets->input_at -= length;
    }
}

static void take_early(struct sockets *sockets, uint32_t id, const uint8_t *bytes, size_t length) {
    struct connection *connection;
    uint8_t *input;

    make_room(sockets);
    connection = sockets_find(sockets, id);
    if (connection) {
        input = sockets->shared.input + sockets->input_at;
        memcpy(input, bytes, length);
        take_bytes(sockets, connection, input, length);
    }
}

/* One read a look, so that nobody has to wait for a socket that always has more. */
static void read_socket(struct sockets *sockets, struct connection *connection, bool has_ended) {
    uint8_t *bytes = sockets->shared.input + sockets->input_at;
    ssize_t length;

    do {
        length = recv(connection->descriptor, bytes, READ_BYTES, MSG_DONTWAIT);
    } while (length < 0 && errno == EINTR);
    if (length > 0) {
        take_bytes(sockets, connection, bytes, (size_t)length);
        if ((length == (ssize_t)READ_BYTES || has_ended) && connection->descriptor >= 0) {
            sockets->has_more = true;
            sockets_watch(sockets, connection);
        }
    } else if (length == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
        sockets_end(sockets, connection, WS_ABNORMAL);
    }
}

static void handle_ready(struct sockets *sockets, const struct epoll_event *ready) {
    struct connection *connection;

    make_room(sockets);
    connection = sockets_find(sockets, ready->data.u32);
    /* It may have ended since the kernel was asked, in a batch that had to be handed on. */
    if (!connection || connection->descriptor < 0) {
        return;
    }
    if (ready->events & EPOLLOUT) {
        connection_drain(sockets, connection);
    }
    if (connection->descriptor >= 0 && connection->is_read && ready->events & ~(uint32_t)EPOLLOUT) {
        read_socket(sockets, connection, (ready->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
    }
}

size_t sockets_look(struct sockets *sockets) {
    int count;

    sockets->is_looking = true;
    sockets->has_more = false;
    early_read(sockets, take_early);
    count = epoll_wait(sockets->epoll, sockets->ready, (int)MOST_READY, 0);
    for (int index = 0; index < count; index++) {
        handle_ready(sockets, &sockets->ready[index]);
    }
    hand_on(sockets);
    sockets->is_looking = false;
    if (sockets->ended_first != 0) {
        sockets->wake(sockets->owner);
    }
    return count > 0 ? (size_t)count : 0;
}

void sockets_set_reading(struct sockets *sockets, uint32_t id, bool reading) {
    struct connection *connection = sockets_find(sockets, id);

    if (connection && connection->descriptor >= 0 && connection->is_read != reading) {
        connection->is_read = reading;
        sockets_watch(sockets, connection);
    }
}

void sockets_send(struct sockets *sockets, uint32_t id, uint8_t *bytes, size_t length) {
    struct connection *connection = sockets_find(sockets, id);

    if (connection && connection_takes_output(connection)) {
        (void)connection_write(sockets, connection, bytes, length);
    }
}

void sockets_terminate(struct sockets *sockets, uint32_t id) {
    struct connection *connection = sockets_find(sockets, id);

    if (connection) {
        sockets_end(sockets, connection, WS_ABNORMAL);
    }
}
