/*
 * What became of a hal call. The numbers are those of `ack.status` in the link protocol, so that a probe can pass a
 * status on unchanged; firmware/link checks that they agree.
 */
#ifndef EARL_HAL_STATUS_H
#define EARL_HAL_STATUS_H

enum status {
    STATUS_OK = 0,
    STATUS_BAD_ARGUMENT = 2,
    STATUS_NACK = 4,        /* I2C: no device at the address, or it refused a byte */
    STATUS_TIMEOUT = 5,     /* I2C: bus held, or transfer not done in time */
    STATUS_ARBITRATION = 6, /* I2C: another master won */
    STATUS_BUSY = 7
};

#endif
