/* A scripted I2C bus, see scripted_bus.h. */
#include "test/scripted_bus.h"

#include <stdio.h>
#include <string.h>

#include "hal/i2c.h"

enum kind { WRITE, WRITE_READ, PRESENT };

struct transfer {
    enum kind kind;
    uint8_t address;
    uint8_t out[64];
    uint8_t out_length;
    uint8_t in_length;
};

uint8_t bus_registers[256];

static struct transfer script[64];
static unsigned expected, done, violations, fail_transfer, fail_byte, failed;
static int accept_all;
static enum status fail_status;
static uint8_t pointer;
static uint8_t answers[32];
static unsigned answers_length, answers_read;

void bus_reset(void) {
    memset(bus_registers, 0, sizeof bus_registers);
    expected = done = violations = failed = 0;
    accept_all = 0;
    fail_transfer = ~0u;
    pointer = 0;
    answers_length = answers_read = 0;
}

static void expect(enum kind kind, uint8_t address, const uint8_t *out, uint8_t out_length, uint8_t in_length) {
    struct transfer *transfer = &script[expected++];

    transfer->kind = kind;
    transfer->address = address;
    transfer->out_length = out_length;
    transfer->in_length = in_length;
    if (out_length > 0) {
        memcpy(transfer->out, out, out_length);
    }
}

void bus_expect_write(uint8_t address, const uint8_t *bytes, uint8_t length) {
    expect(WRITE, address, bytes, length, 0);
}

void bus_expect_write_read(uint8_t address, const uint8_t *out, uint8_t out_length, uint8_t in_length) {
    expect(WRITE_READ, address, out, out_length, in_length);
}

void bus_expect_present(uint8_t address) {
    expect(PRESENT, address, NULL, 0, 0);
}

void bus_answer(const uint8_t *bytes, uint8_t length) {
    memcpy(answers, bytes, length);
    answers_length = length;
    answers_read = 0;
}

void bus_accept_all(void) {
    accept_all = 1;
}

void bus_fail(unsigned transfers, unsigned byte, enum status status) {
    fail_transfer = done + transfers;
    fail_byte = byte;
    fail_status = status;
}

unsigned bus_violations(void) {
    if (!accept_all && done < expected) {
        printf("the bus expected %u transfers and saw %u\n", expected, done);
        violations++;
    }
    return violations;
}

unsigned bus_transfers(void) {
    return done;
}

static void violation(const char *what) {
    printf("transfer %u: %s\n", done, what);
    violations++;
}

static void compare(enum kind kind, uint8_t address, const uint8_t *out, uint8_t out_length, uint8_t in_length) {
    const struct transfer *wanted = &script[done];

    if (accept_all) {
        return;
    }
    if (done >= expected) {
        violation("not in the script");
    } else if (kind != wanted->kind || address != wanted->address || in_length != wanted->in_length) {
        violation("of another kind, address or length");
    } else if (out_length != wanted->out_length || (out_length > 0 && memcmp(out, wanted->out, out_length) != 0)) {
        violation("other bytes");
    }
}

static uint8_t next_register(void) {
    uint8_t at = pointer & 0x0f;

    if (pointer & 0x10) {
        pointer = (uint8_t)(0x10 | (at == 0x0a ? 0 : at + 1));
    }
    return at;
}

/* Address is byte 0, the command byte 1. Returns how the transfer ends. */
static enum status transfer(enum kind kind, const struct i2c_device *device, const uint8_t *out, uint8_t out_length,
                            uint8_t *in, uint8_t in_length) {
    int fails = done == fail_transfer;
    unsigned sees = fails ? fail_byte : BUS_NEVER;
    unsigned i;

    compare(kind, device->address, out, out_length, in_length);
    done++;
    for (i = 0; i < out_length && i + 1 < sees; i++) {
        if (i == 0) {
            pointer = out[0];
        } else {
            bus_registers[next_register()] = out[i];
        }
    }
    for (i = 0; i < in_length && out_length + 2u + i < sees; i++) {
        in[i] = answers_length == 0             ? bus_registers[next_register()]
                : answers_read < answers_length ? answers[answers_read++]
                                                : 0xff;
    }
    failed += fails;
    return fails ? fail_status : STATUS_OK;
}

enum status i2c_init(struct i2c_device *device, uint8_t address) {
    device->address = address;
    return address > 0x7f ? STATUS_BAD_ARGUMENT : STATUS_OK;
}

enum status i2c_write(const struct i2c_device *device, const uint8_t *bytes, uint8_t length) {
    return transfer(WRITE, device, bytes, length, NULL, 0);
}

enum status i2c_write_read(const struct i2c_device *device, const uint8_t *out, uint8_t out_length, uint8_t *in,
                           uint8_t in_length) {
    return transfer(WRITE_READ, device, out, out_length, in, in_length);
}

enum status i2c_present(const struct i2c_device *device) {
    return transfer(PRESENT, device, NULL, 0, NULL, 0);
}

uint16_t i2c_errors(void) {
    return (uint16_t)failed;
}
