/*
 * CRC-16/CCITT-FALSE without a table: the polynomial x^16 + x^12 + x^5 + 1 is so sparse that a byte's whole effect is
 * three shifts and XORs. 512 bytes of flash for a table would buy less than the UART's byte time.
 */
#include "link/crc.h"

uint16_t crc_update(uint16_t crc, const uint8_t *bytes, uint8_t length) {
    while (length-- > 0) {
        crc = (uint16_t)((uint16_t)(crc << 8) | (crc >> 8));
        crc ^= *bytes++;
        crc ^= (uint16_t)((crc & 0xffu) >> 4);
        crc ^= (uint16_t)(crc << 12);
        crc ^= (uint16_t)((crc & 0xffu) << 5);
    }
    return crc;
}
