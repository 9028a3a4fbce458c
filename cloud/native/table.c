/* The table of connections: slots, their reuse, and what the epoll set watches; see sockets.h. */
#include "sockets.h"
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOT_MASK MOST_CONNECTIONS
#define NO_PIECE  UINT32_MAX

struct connection *sockets_find(struct sockets *sockets, uint32_t id) {
    uint32_t slot = id & SLOT_MASK;
    struct connection *connection;

    /* Slot 0 stays free, so that 0 ends lists. */
    if (slot == 0 || slot >= sockets->touched) {
        return NULL;
    }
    connection = &sockets->table[slot];
    return connection->id == id && connection->state != CONNECTION_FREE ? connection : NULL;
}

uint32_t sockets_slot(const struct sockets *sockets, const struct connection *connection) {
    return (uint32_t)(connection - sockets->table);
}

static struct connection *take_slot(struct sockets *sockets) {
    struct connection *connection;
    uint32_t slot = sockets->free_list;

    if (slot != 0) {
        connection = &sockets->table[slot];
        sockets->free_list = connection->next;
    } else if (sockets->touched <= sockets->capacity) {
        slot = sockets->touched++;
        connection = &sockets->table[slot];
        connection->id = slot;
    } else {
        return NULL;
    }
    /* The generation wraps: by then the slot has been used 2048 times. */
    *connection = (struct connection){.id = (connection->id + (UINT32_C(1) << SLOT_BITS)) & MOST_SMALL,
                                      .descriptor = -1,
                                      .is_read = true,
                                      .first_piece = NO_PIECE};
    return connection;
}

void table_release(struct sockets *sockets, struct connection *connection) {
    connection->state = CONNECTION_FREE;
    connection->next = sockets->free_list;
    sockets->free_list = sockets_slot(sockets, connection);
    sockets->connections--;
}

static struct epoll_event events_of(const struct connection *connection) {
    struct epoll_event event = {.data.u32 = connection->id};

    /* Edge-triggered: else the kernel asks each socket twice, once more when it has been read. */
    event.events = (uint32_t)EPOLLET | (connection->is_read ? (uint32_t)(EPOLLIN | EPOLLRDHUP) : 0) |
                   (connection->backlog ? (uint32_t)EPOLLOUT : 0);
    return event;
}

void sockets_watch(struct sockets *sockets, struct connection *connection) {
    struct epoll_event event = events_of(connection);

    if (epoll_ctl(sockets->epoll, EPOLL_CTL_MOD, connection->descriptor, &event) != 0) {
        sockets_end(sockets, connection, WS_ABNORMAL);
    }
}

uint32_t sockets_adopt(struct sockets *sockets, int descriptor, const uint8_t *early, size_t early_length) {
    struct connection *connection = take_slot(sockets);
    struct epoll_event event;
    const int on = 1;

    if (!connection) {
        errno = EMFILE;
        return 0;
    }
    sockets->connections++;
    connection->descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    event = events_of(connection);
    if (connection->descriptor < 0 || epoll_ctl(sockets->epoll, EPOLL_CTL_ADD, connection->descriptor, &event) != 0 ||
        !early_keep(sockets, connection->id, early, early_length)) {
        int problem = errno;

        if (connection->descriptor >= 0) {
            close(connection->descriptor);
        }
        table_release(sockets, connection);
        errno = problem;
        return 0;
    }
    connection->state = CONNECTION_OPEN;
    /* Fails on what is no TCP, which has no such delay. */
    (void)setsockopt(connection->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connection->id;
}

void sockets_end(struct sockets *sockets, struct connection *connection, uint16_t code) {
    if (connection->state == CONNECTION_ENDED || connection->state == CONNECTION_TOLD) {
        return;
    }
    /* Not left to close(): a child process may hold the socket open. */
    epoll_ctl(sockets->epoll, EPOLL_CTL_DEL, connection->descriptor, NULL);
    close(connection->descriptor);
    connection->descriptor = -1;
    connection_free_backlog(sockets, connection);
    ws_reader_free(&connection->reader);
    if (connection->close_code == 0) {
        connection->close_code = code;
    }
    connection->state = CONNECTION_ENDED;
    connection->next = 0;
    if (sockets->ended_last == 0) {
        sockets->ended_first = sockets_slot(sockets, connection);
    } else {
        sockets->table[sockets->ended_last].next = sockets_slot(sockets, connection);
    }
    sockets->ended_last = sockets_slot(sockets, connection);
    if (!sockets->is_looking) {
        sockets->wake(sockets->owner);
    }
}

int sockets_open(struct sockets *sockets) {
    sockets->touched = 1;
    sockets->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (sockets->epoll < 0) {
        return errno;
    }
    /* The system gives memory for what is touched only. */
    sockets->table = calloc((size_t)sockets->capacity + 1, sizeof *sockets->table);
    if (!sockets->table || output_open(sockets) != 0) {
        sockets_close_all(sockets);
        return ENOMEM;
    }
    return 0;
}

void sockets_close_all(struct sockets *sockets) {
    for (uint32_t slot = 1; sockets->table && slot < sockets->touched; slot++) {
        struct connection *connection = &sockets->table[slot];

        if (connection->state != CONNECTION_FREE && connection->descriptor >= 0) {
            close(connection->descriptor);
            connection_free_backlog(sockets, connection);
            ws_reader_free(&connection->reader);
        }
    }
    early_drop(sockets);
    output_close(sockets);
    free(sockets->table);
    sockets->table = NULL;
    close(sockets->epoll);
}
