/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), 64-bit output: a message
 * authentication code for short messages. Additions, rotations and XORs of 64-bit words only, so it suits a chip
 * without a multiplier.
 *
 * The caller brings the memory for the state and pads the message itself: zeros, and the message's length in the last
 * byte, up to whole blocks of 8 bytes. That is all that is left out.
 */
#ifndef LINK_SIPHASH_H
#define LINK_SIPHASH_H

#include <stdint.h>

#define SIPHASH_KEY_LENGTH   16u
#define SIPHASH_BLOCK_LENGTH 8u
#define SIPHASH_LENGTH       8u
#define SIPHASH_STATE_WORDS  16u

/**
 * The MAC of a padded message of 1 to 255 blocks under a key of SIPHASH_KEY_LENGTH bytes. `state` has room for
 * SIPHASH_STATE_WORDS; its first SIPHASH_LENGTH bytes are the MAC afterwards, in the order of the reference
 * implementation's output. All pointers are even.
 */
void siphash(uint16_t *state, const uint8_t *key, const uint8_t *message, uint8_t blocks);

#endif
