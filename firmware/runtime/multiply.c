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
