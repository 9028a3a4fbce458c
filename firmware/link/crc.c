/*
 * CRC-16/CCITT-FALSE without a table: the polynomial x^16 + x^12 + x^5 + 1 is so sparse that a byte's whole effect is
 * three shifts and XORs, by four places at most, which is what the MSP430 shifts well. 512 bytes of flash for a table
 * would buy less than the UART's byte time.
 */
#include "link/crc.h"

#include "runtime/bytes.h"

uint16_t crc_update(uint16_t crc, const uint8_t *bytes, uint8_t length) {
    while (length-- > 0) {
        uint16_t low;

        crc = swap_bytes(crc) ^ *bytes++;
        crc ^= (uint8_t)crc >> 4;
        low = (uint16_t)((uint8_t)crc << 4);
        crc ^= (uint16_t)(low << 1);
        crc ^= swap_bytes((uint8_t)low);
    }
    return crc;
}
