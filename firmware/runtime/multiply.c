/* See multiply.h. */
#include "runtime/multiply.h"

uint32_t multiply16(uint16_t a, uint16_t b) {
    uint32_t product = 0;
    uint32_t addend = a;
    for (; b != 0; b >>= 1, addend <<= 1)
        if (b & 1u)
            product += addend;
    return product;
}

uint16_t fraction16(uint16_t numerator, uint16_t denominator) {
    uint16_t quotient = 0;
    for (uint8_t bit = 16; bit != 0; bit--) {
        numerator += numerator;
        quotient += quotient;
        if (numerator >= denominator) {
            numerator -= denominator;
            quotient++;
        }
    }
    return quotient;
}
