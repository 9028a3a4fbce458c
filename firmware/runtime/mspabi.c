/*
 * The arithmetic that clang calls by the names of the MSP430 EABI (SLAA534, "Helper function API") and that it brings
 * no library for; under GCC, libgcc has them. Only what the images need: multiplication and unsigned division, 16 and
 * 32 bits. A missing one is a linker error that names it.
 *
 * Multiplication is exact modulo 2^16 and 2^32, so it serves signed and unsigned alike. Division by zero gives all ones
 * as the quotient, and the dividend as the remainder. Correctness is tested on the emulator (firmware/test).
 */
#include <stdint.h>

uint16_t __mspabi_mpyi(uint16_t a, uint16_t b);
uint32_t __mspabi_mpyl(uint32_t a, uint32_t b);
uint16_t __mspabi_divu(uint16_t dividend, uint16_t divisor);
uint16_t __mspabi_remu(uint16_t dividend, uint16_t divisor);
uint32_t __mspabi_divul(uint32_t dividend, uint32_t divisor);
uint32_t __mspabi_remul(uint32_t dividend, uint32_t divisor);

uint16_t __mspabi_mpyi(uint16_t a, uint16_t b) {
    uint16_t product = 0;
    for (; b != 0; b >>= 1, a <<= 1)
        if (b & 1u)
            product += a;
    return product;
}

uint32_t __mspabi_mpyl(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (; b != 0; b >>= 1, a <<= 1)
        if (b & 1u)
            product += a;
    return product;
}

/* Long division, one bit of the quotient a turn: the dividend moves out at the top while the quotient moves in below.
 */
static inline uint32_t divide(uint32_t dividend, uint32_t divisor, uint32_t *remainder) {
    uint32_t rest = 0;
    for (uint8_t bit = 32; bit != 0; bit--) {
        uint8_t carry = (uint8_t)(rest >> 31);
        rest = rest << 1 | dividend >> 31;
        dividend <<= 1;
        if (carry != 0 || rest >= divisor) {
            rest -= divisor;
            dividend |= 1u;
        }
    }
    *remainder = rest;
    return dividend;
}

uint32_t __mspabi_divul(uint32_t dividend, uint32_t divisor) {
    uint32_t remainder;
    return divide(dividend, divisor, &remainder);
}

uint32_t __mspabi_remul(uint32_t dividend, uint32_t divisor) {
    uint32_t remainder;
    (void)divide(dividend, divisor, &remainder);
    return remainder;
}

uint16_t __mspabi_divu(uint16_t dividend, uint16_t divisor) {
    return divisor == 0 ? 0xFFFFu : (uint16_t)__mspabi_divul(dividend, divisor);
}

uint16_t __mspabi_remu(uint16_t dividend, uint16_t divisor) {
    return (uint16_t)__mspabi_remul(dividend, divisor);
}
