/*
 * Replaces hal/i2c.c in tests: a bus that expects exactly the transfers of a script and can refuse any of them at any
 * byte. Behind it stands a device with 256 registers, an address pointer and the TCA6507's auto-increment, which keeps
 * the bytes that came before a refusal, as a real one would.
 */
#ifndef TEST_SCRIPTED_BUS_H
#define TEST_SCRIPTED_BUS_H

#include <stdint.h>

#include "hal/status.h"

#define BUS_NEVER 255u

/** Empties the script and the log, clears the device. */
void bus_reset(void);

/** The device's registers. */
extern uint8_t bus_registers[256];

/** Expects a write, a write-read or a presence check at an address. Any other call, or too few, is a failure. */
void bus_expect_write(uint8_t address, const uint8_t *bytes, uint8_t length);
void bus_expect_write_read(uint8_t address, const uint8_t *out, uint8_t out_length, uint8_t in_length);
void bus_expect_present(uint8_t address);

/** What reads get, byte by byte, instead of the device's registers: for a device of another kind. */
void bus_answer(const uint8_t *bytes, uint8_t length);

/** Without a script: any transfer is accepted (for tests that look at the device only). */
void bus_accept_all(void);

/**
 * The transfer after `transfers` good ones fails: the device sees the address (byte 0) and what follows only before
 * `byte`, the caller gets `status`.
 */
void bus_fail(unsigned transfers, unsigned byte, enum status status);

/** Call at the end: all expected transfers happened, and nothing else. Returns the number of violations. */
unsigned bus_violations(void);

/** Transfers so far, failed ones included. */
unsigned bus_transfers(void);

#endif
