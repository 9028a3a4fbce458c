/*
 * Who the probe is, provisioned into information memory when the probe is flashed (board/earl.h has the layouts): an
 * id, and perhaps a key.
 */
#ifndef LINK_IDENTITY_H
#define LINK_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#define IDENTITY_LENGTH 8u

/** Copies the id from a segment. False, and zeros, when there is none: wrong magic, layout or CRC. */
bool identity_read(const uint8_t *segment, uint8_t *id);

/** The key in a segment, NULL when there is none. */
const uint8_t *identity_key(const uint8_t *segment);

#endif
