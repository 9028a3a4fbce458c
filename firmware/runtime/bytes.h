/*
 * Halves of 16-bit words. GCC knows nothing of SWPB and shifts by eight places one by one, in a library function.
 * On the host compiler, for tests, plain C.
 */
#ifndef EARL_RUNTIME_BYTES_H
#define EARL_RUNTIME_BYTES_H

#include <stdint.h>

static inline uint16_t swap_bytes(uint16_t value) {
#ifdef __MSP430__
    __asm__("swpb %0" : "+r"(value));
    return value;
#else
    return (uint16_t)(value << 8 | value >> 8);
#endif
}

static inline uint8_t high_byte(uint16_t value) {
    return (uint8_t)swap_bytes(value);
}

/* Little-endian, from any address. */
static inline uint16_t word_at(const uint8_t *at) {
    return swap_bytes(at[1]) | at[0];
}

#endif
