/*
 * CRC-16/CCITT-FALSE: polynomial 0x1021, initial value 0xFFFF, nothing reflected, no final XOR.
 * The CRC of "123456789" is 0x29B1. docs/link-protocol.md says where it stands in a packet.
 */
#ifndef LINK_CRC_H
#define LINK_CRC_H

#include <stdint.h>

#define CRC_INITIAL 0xffffu

/** The CRC of what `crc` stands for followed by `length` more bytes. */
uint16_t crc_update(uint16_t crc, const uint8_t *bytes, uint8_t length);

#endif
