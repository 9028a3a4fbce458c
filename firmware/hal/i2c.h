/*
 * I2C master on USCI_B0, 100 kHz, 7-bit addresses, interrupt driven; P1.6 SCL, P1.7 SDA (SLAU144 "USCI, I2C Mode").
 *
 * Every call blocks its caller, which sleeps in LPM0 while the interrupts move the bytes, and returns when STOP has
 * been sent or the transfer has failed. A transfer that is not done in I2C_TIMEOUT_TICKS (Timer0 CCR2 on ACLK) is
 * aborted: USCI is reset, the bus is recovered, the status is STATUS_TIMEOUT. Buffers belong to the caller and are used
 * only during the call. Call from main only. Every failed transfer, the presence check's NACK excepted, counts in
 * i2c_errors.
 */
#ifndef EARL_HAL_I2C_H
#define EARL_HAL_I2C_H

#include <stdint.h>

#include "hal/status.h"

#define I2C_TIMEOUT_TICKS 500u /* 25 to 125 ms; 64 bytes take 6 ms, and SMBus lets a device stretch 25 ms in all */

/* A device on the bus. Keep one per device; it holds no more than its address. */
struct i2c_device {
    uint8_t address; /* 7 bits, without the read/write bit */
};

/*
 * Sets up USCI_B0, the pins and, when a device holds SDA low, frees the bus; then names the slave. May be called again
 * for another slave or after a failure. STATUS_BAD_ARGUMENT: address above 0x7F. STATUS_TIMEOUT: SCL or SDA stays low.
 */
enum status i2c_init(struct i2c_device *device, uint8_t address);

/* START, address+W, `length` bytes (1 to 255), STOP. STATUS_NACK also when the device refuses a data byte. */
enum status i2c_write(const struct i2c_device *device, const uint8_t *bytes, uint8_t length);

/* START, address+R, `length` bytes (1 to 255; NACK after the last), STOP. */
enum status i2c_read(const struct i2c_device *device, uint8_t *bytes, uint8_t length);

/* START, address+W, `out_length` bytes, repeated START, address+R, `in_length` bytes, STOP. Both 1 to 255. */
enum status i2c_write_read(const struct i2c_device *device, const uint8_t *out, uint8_t out_length, uint8_t *in,
                           uint8_t in_length);

/* Does a device answer? START, address+W, STOP. STATUS_OK: yes, STATUS_NACK: no; others: the bus failed. */
enum status i2c_present(const struct i2c_device *device);

/* Up to nine SCL pulses on GPIO until SDA is high, then STOP, then USCI again. STATUS_TIMEOUT: the bus stays low. */
enum status i2c_recover(void);

/* Failed transfers since start; stops at 65535. */
uint16_t i2c_errors(void);

#endif
