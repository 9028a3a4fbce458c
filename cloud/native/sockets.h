/* WebSocket connections on sockets that are connected and upgraded already: reads what is ready into one buffer that
 * all share, hands the messages on as a table, and writes what it is told in few system calls. Knows nothing of Node.
 *
 * The owner looks (sockets_look) when the epoll descriptor is readable. What a look found is handed to `deliver` in one
 * or several batches; a batch and its bytes are valid during that call only. After each batch the output that the owner
 * wrote meanwhile is sent. A connection's slot is used again only after its end was in a batch and that batch's output
 * was sent, so a command never reaches a connection that came later; ids hold a generation besides. */
#ifndef EARL_NATIVE_SOCKETS_H
#define EARL_NATIVE_SOCKETS_H

#include "framing.h"

#include <stdbool.h>
#include <sys/epoll.h>

/* An id is a slot and above it a generation. 0 is no id. */
#define SLOT_BITS 20
/* The largest number that JavaScript keeps without an object. */
#define MOST_SMALL       UINT32_C(0x7FFFFFFF)
#define MOST_CONNECTIONS ((UINT32_C(1) << SLOT_BITS) - 1)

/* Kinds of events. */
enum event_kind {
    /* `start` and `length` say where in the input. */
    EVENT_TEXT = 1,
    EVENT_BINARY = 2,
    /* A ping or pong came. */
    EVENT_HEARD = 3,
    /* The kernel has taken everything that waited. */
    EVENT_DRAINED = 4,
    /* The client closes, or broke the protocol; `start` is the code. What the owner writes during this batch goes
     * before the close frame that answers it. Nothing follows but the end. */
    EVENT_CLOSING = 5,
    /* The socket is gone. Nothing follows; `start` is the code. */
    EVENT_ENDED = 6
};

/* An event is EVENT_WORDS words: id, kind, start, length. */
#define EVENT_WORDS 4

/* Words that both sides see. */
enum shared_word {
    /* How often output was sent. */
    SHARED_FLUSHES = 0,
    /* Words and bytes of output that wait to be sent. */
    SHARED_COMMAND_WORDS = 1,
    SHARED_OUTPUT_BYTES = 2,
    SHARED_WORDS = 4
};

/* Memory that both sides see; it belongs to the owner. */
struct shared_memory {
    /* Room for INPUT_ROOM(message_bytes), or more for fuller batches. */
    uint8_t *input;
    size_t input_bytes;
    /* Room for LEAST_EVENTS, or more. */
    uint32_t *events;
    size_t most_events;
    /* Commands: start and length of a frame in `output`, a count, and the ids of so many connections that get it. */
    uint8_t *output;
    size_t output_bytes;
    const uint32_t *commands;
    size_t command_words;
    /* Bytes of each slot that the kernel has not taken. */
    uint32_t *waiting;
    uint32_t *words;
};

/* Bytes that one look reads from one socket. */
#define READ_BYTES                ((size_t)64 * 1024)
#define INPUT_ROOM(message_bytes) (2 * READ_BYTES + (message_bytes) + 16)
/* The shortest message takes six bytes. */
#define LEAST_EVENTS (READ_BYTES / 6 + 16)

struct backlog {
    uint8_t *bytes;
    size_t start;
    size_t length;
    size_t capacity;
};

enum connection_state {
    CONNECTION_FREE = 0,
    CONNECTION_OPEN,
    /* The client has closed, or broken the protocol: it is answered after the output of the batch that says so. */
    CONNECTION_CONCLUDING,
    /* Our close frame is on its way, the client's is awaited. */
    CONNECTION_CLOSING,
    /* Both are: the client is to close the socket. */
    CONNECTION_CLOSED,
    /* The socket is gone, which the owner has not heard. */
    CONNECTION_ENDED,
    /* The owner hears it in the batch that is being handed on. */
    CONNECTION_TOLD
};

struct connection {
    uint32_t id;
    int descriptor;
    uint8_t state;
    bool is_read;
    bool ends_when_drained;
    uint16_t close_code;
    /* Pieces of this flush: the first and the last. */
    uint32_t first_piece;
    uint32_t last_piece;
    /* The next in the list of ended or free ones. */
    uint32_t next;
    struct backlog *backlog;
    struct ws_reader reader;
};

/* Bytes that came before the socket did. */
struct early_bytes;

/* A frame that one connection gets in this flush. */
struct piece {
    uint32_t start;
    uint32_t length;
    uint32_t next;
};

struct sockets {
    int epoll;
    uint32_t capacity;
    uint32_t connections;
    /* Slots below have been used. */
    uint32_t touched;
    uint32_t free_list;
    uint32_t ended_first;
    uint32_t ended_last;
    struct connection *table;
    struct ws_limits limits;
    struct shared_memory shared;
    size_t input_at;
    size_t event_count;
    /* Connections that began to conclude in this batch. */
    size_t concluding;
    struct early_bytes *early_first;
    struct early_bytes *early_last;
    struct piece *pieces;
    uint32_t *dirty;
    bool is_looking;
    /* A socket is to be read again: it had more than one read takes, or has ended. */
    bool has_more;
    void (*deliver)(void *owner, size_t event_count);
    /* Asks the owner to look soon, although the epoll descriptor may not be readable. */
    void (*wake)(void *owner);
    void *owner;
    struct epoll_event ready[1024];
};

/* 0, or an errno. `shared`, `limits`, `capacity`, `deliver`, `wake` and `owner` are set; all else is zero. */
int sockets_open(struct sockets *sockets);
/* Ends all connections without a word. */
void sockets_close_all(struct sockets *sockets);

/* Takes over a duplicate of a socket, and bytes that were read from it already. The id, or 0 with errno. */
uint32_t sockets_adopt(struct sockets *sockets, int descriptor, const uint8_t *early, size_t early_length);

/* Reads and answers what is ready, without waiting; how many sockets were ready. */
size_t sockets_look(struct sockets *sockets);

/* The rest concerns one connection; an id that has ended is passed over. */
void sockets_set_reading(struct sockets *sockets, uint32_t id, bool reading);
/* Sends bytes at once, before what waits in the output but after what waits in the socket. */
void sockets_send(struct sockets *sockets, uint32_t id, uint8_t *bytes, size_t length);
/* closing.c: sends a close frame and reads on, until the client's. The owner sets a deadline. */
void sockets_close(struct sockets *sockets, uint32_t id, uint16_t code, const uint8_t *reason, size_t reason_length);
void sockets_terminate(struct sockets *sockets, uint32_t id);

/* output.c: sends what the commands say. */
void sockets_flush(struct sockets *sockets);
/* Whether the owner may still send something. */
bool connection_takes_output(const struct connection *connection);
/* False when it has ended. */
bool connection_write(struct sockets *sockets, struct connection *connection, uint8_t *bytes, size_t length);
void connection_drain(struct sockets *sockets, struct connection *connection);
void connection_free_backlog(struct sockets *sockets, struct connection *connection);
/* Says that nothing more is written, now or after what waits. */
void connection_shut(struct sockets *sockets, struct connection *connection);
int output_open(struct sockets *sockets);
void output_close(struct sockets *sockets);

/* sockets.c, for output.c */
struct connection *sockets_find(struct sockets *sockets, uint32_t id);
uint32_t sockets_slot(const struct sockets *sockets, const struct connection *connection);
/* Tells the kernel what is waited for, and to say it again when it is there already. */
void sockets_watch(struct sockets *sockets, struct connection *connection);
void sockets_end(struct sockets *sockets, struct connection *connection, uint16_t code);
void sockets_event(struct sockets *sockets, const struct connection *connection, enum event_kind kind, size_t start,
                   size_t length);

#endif
