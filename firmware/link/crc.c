/*
 * CRC-16/CCITT-FALSE without a table: the polynomial x^16 + x^12 + x^5 + 1 is so sparse that a byte's whole effect is
 * three shifts and XORs. 512 bytes of flash for a table
 * would buy less than the UART's byte time.
 */
#include "link/crc.h"

#include "runtime/bytes.h"

/* One byte, which stands in `byte` alone. Compilers know neither SWPB nor the carry that a shift leaves. */
static inline uint16_t crc_step(uint16_t crc, uint16_t byte) {
#ifdef __MSP430__
    uint16_t other;
    __asm__("swpb %0\n\t"
            "xor %1, %0\n\t"
            "mov.b %0, %1\n\t"
            "clrc\n\t"
            "rrc.b %1\n\t"
            "rra.b %1\n\t"
            "rra.b %1\n\t"
            "rra.b %1\n\t"
            "xor %1, %0\n\t"
            "mov.b %0, %1\n\t"
            "rla %1\n\t"
            "rla %1\n\t"
            "rla %1\n\t"
            "rla %1\n\t"
            "mov.b %1, %2\n\t"
            "swpb %2\n\t"
            "xor %2, %0\n\t"
            "rla %1\n\t"
            "xor %1, %0"
            : "+&r"(crc), "+&r"(byte), "=&r"(other)
            :
            : "cc");
#else
    crc = swap_bytes(crc) ^ byte;
    crc ^= (crc & 0xffu) >> 4;
    crc ^= (uint16_t)(crc << 12);
    crc ^= (uint16_t)((crc & 0xffu) << 5);
#endif
    return crc;
}

uint16_t crc_update(uint16_t crc, const uint8_t *bytes, uint8_t length) {
    for (; length != 0; length--) {
        crc = crc_step(crc, *bytes++);
    }
    return crc;
}
