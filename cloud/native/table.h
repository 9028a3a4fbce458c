/* What table.c, early.c and sockets.c have among themselves. */
#ifndef EARL_NATIVE_TABLE_H
#define EARL_NATIVE_TABLE_H

#include "sockets.h"

/* A slot whose end the owner has heard of may be used again. */
void table_release(struct sockets *sockets, struct connection *connection);

/* early.c: bytes that were read before a socket was taken over; they are the first that the next look reads. */
bool early_keep(struct sockets *sockets, uint32_t id, const uint8_t *bytes, size_t length);
/* Hands all to `read`, in pieces of READ_BYTES at most. */
void early_read(struct sockets *sockets,
                void (*read)(struct sockets *sockets, uint32_t id, const uint8_t *bytes, size_t length));
void early_drop(struct sockets *sockets);

#endif
