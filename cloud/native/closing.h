/* The closing handshake (RFC 6455, section 7), for sockets.c; how the owner closes is in sockets.h. */
#ifndef EARL_NATIVE_CLOSING_H
#define EARL_NATIVE_CLOSING_H

#include "sockets.h"

/* Writes a control frame at once. */
void connection_write_control(struct sockets *sockets, struct connection *connection, enum ws_opcode opcode,
                              const uint8_t *payload, size_t length);

/* The client has sent a close frame, or what makes us send one. */
void closing_begin(struct sockets *sockets, struct connection *connection, uint16_t code);

/* Answers those who began in the batch of so many events, after what they were sent in it. */
void closing_conclude(struct sockets *sockets, size_t event_count);

#endif
