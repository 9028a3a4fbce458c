/* The closing handshake, and control frames; see closing.h. */
#include "closing.h"

#include <string.h>

#define MOST_REASON (WS_MOST_CONTROL - 2)

void connection_write_control(struct sockets *sockets, struct connection *connection, enum ws_opcode opcode,
                              const uint8_t *payload, size_t length) {
    uint8_t frame[WS_MOST_SERVER_HEADER + WS_MOST_CONTROL];
    size_t header = ws_write_header(frame, opcode, length);

    memcpy(frame + header, payload, length);
    (void)connection_write(sockets, connection, frame, header + length);
}

static void write_close(struct sockets *sockets, struct connection *connection, uint16_t code, const uint8_t *reason,
                        size_t reason_length) {
    uint8_t payload[WS_MOST_CONTROL] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t length = reason_length < MOST_REASON ? reason_length : MOST_REASON;

    memcpy(payload + 2, reason, length);
    connection_write_control(sockets, connection, WS_CLOSE, payload, code == WS_NO_STATUS ? 0 : 2 + length);
}

/* Both sides have said that they close, or the client is not listened to any more. */
static void finish_closing(struct sockets *sockets, struct connection *connection) {
    if (connection->state == CONNECTION_ENDED) {
        return;
    }
    connection->state = CONNECTION_CLOSED;
    connection_shut(sockets, connection);
}

void closing_begin(struct sockets *sockets, struct connection *connection, uint16_t code) {
    if (connection->state == CONNECTION_OPEN) {
        connection->close_code = code;
        connection->state = CONNECTION_CONCLUDING;
        sockets_event(sockets, connection, EVENT_CLOSING, code, 0);
        sockets->concluding++;
    } else {
        finish_closing(sockets, connection);
    }
}

void closing_conclude(struct sockets *sockets, size_t event_count) {
    const uint32_t *event = sockets->shared.events;

    for (; sockets->concluding > 0 && event_count > 0; event_count--, event += EVENT_WORDS) {
        struct connection *connection = event[1] == EVENT_CLOSING ? sockets_find(sockets, event[0]) : NULL;

        if (event[1] == EVENT_CLOSING) {
            sockets->concluding--;
        }
        if (connection && connection->state == CONNECTION_CONCLUDING) {
            write_close(sockets, connection, connection->close_code, (const uint8_t *)"", 0);
            finish_closing(sockets, connection);
        }
    }
}

void sockets_close(struct sockets *sockets, uint32_t id, uint16_t code, const uint8_t *reason, size_t reason_length) {
    struct connection *connection = sockets_find(sockets, id);
    bool is_concluding;

    if (!connection || !connection_takes_output(connection)) {
        return;
    }
    is_concluding = connection->state == CONNECTION_CONCLUDING;
    connection->state = CONNECTION_CLOSING;
    connection->close_code = code;
    write_close(sockets, connection, code, reason, reason_length);
    if (is_concluding) {
        finish_closing(sockets, connection);
    }
}
