/*
 * Arithmetic that C has no operators for. Multiplication: 16 × 16 = 32 bits, which the chip has no hardware for and C
 * has no operator for: the compilers would widen both factors and multiply 32 × 32. Takes about twelve cycles per
 * significant bit of `b`, so the small factor goes there.
 */
#ifndef EARL_RUNTIME_MULTIPLY_H
#define EARL_RUNTIME_MULTIPLY_H

#include <stdint.h>

uint32_t multiply16(uint16_t a, uint16_t b);

/* 65536 × numerator / denominator, rounded down; numerator < denominator <= 32768. */
uint16_t fraction16(uint16_t numerator, uint16_t denominator);

/* Bits 31 to 16; GCC would shift them down one by one. */
static inline uint16_t high_half(uint32_t value) {
    union {
        uint32_t whole;
        uint16_t halves[2];
    } both = {value};
    return both.halves[1];
}

#endif
