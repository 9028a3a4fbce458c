/* The probe's end of the link, see link.h. */
#include "link/link.h"

#include <stddef.h>

#include "board/earl.h"
#include "hal/clock.h"
#include "hal/i2c.h"
#include "hal/reset.h"
#include "hal/sleep.h"
#include "hal/status.h"
#include "hal/uart.h"
#include "link/identity.h"
#include "link/version.h"

/* hal/status.h promises the numbers of the protocol. */
_Static_assert(STATUS_OK == LINK_STATUS_OK && STATUS_BAD_ARGUMENT == LINK_STATUS_BAD_ARGUMENT, "status numbers");
_Static_assert(STATUS_NACK == LINK_STATUS_I2C_NACK && STATUS_TIMEOUT == LINK_STATUS_I2C_TIMEOUT, "status numbers");
_Static_assert(STATUS_ARBITRATION == LINK_STATUS_I2C_ARBITRATION && STATUS_BUSY == LINK_STATUS_BUSY, "status numbers");
_Static_assert(UART_TX_SIZE > LINK_MAX_WIRE, "the transmit ring takes the longest frame");

/* `pending`, in the order of sending. */
#define PENDING_HELLO    LINK_GREETED
#define PENDING_COUNTERS 0x02u
#define PENDING_ACK      0x04u
#define PENDING_RESET    0x08u
#define PENDING_COMMAND  0x10u /* the probe executes; its ack comes with link_answer */

#define MAX_I2C_ADDRESS 0x7fu

#define FRAME_OVERHEAD (LINK_MAX_WIRE - LINK_MAX_PAYLOAD)
#define LONGEST_SAMPLE LINK_LENGTH_BALL_SAMPLE
_Static_assert(LONGEST_SAMPLE >= LINK_LENGTH_ARM_SAMPLE && LONGEST_SAMPLE >= LINK_LENGTH_LIGHT_SAMPLE, "samples");

static void count(uint16_t *counter) {
    if (*counter != 0xffffu) {
        (*counter)++;
    }
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

/*
 * Payloads are written field by field in the order of host/link/messages.ts: going through the structs of
 * messages.gen.h costs twice the flash and a third more stack. link_test.c unpacks every one of them with the generated
 * code, so the two cannot part. The functions below have frames of their own, so that a buffer is on the stack only
 * while a packet is made.
 */
#define OWN_FRAME __attribute__((noinline))

static OWN_FRAME uint8_t *put16(uint8_t *at, uint16_t value) {
    link_put_u16(at, value);
    return at + 2;
}

static OWN_FRAME uint8_t *put32(uint8_t *at, uint32_t value) {
    return put16(put16(at, (uint16_t)value), (uint16_t)(value >> 16));
}

/* Sends what stands between the payload's place in `wire` and `end`. */
static OWN_FRAME bool send(struct link *link, uint8_t *wire, uint8_t type, const uint8_t *end) {
    uint8_t length = (uint8_t)(end - wire - FRAME_PAYLOAD_OFFSET);

    if (uart_tx_room() < length + FRAME_OVERHEAD) {
        return false;
    }
    return uart_write(wire, frame_encode(wire, type, link->sequence++, length));
}

static OWN_FRAME bool send_hello(struct link *link) {
    uint8_t wire[LINK_MAX_WIRE];
    uint8_t *at = wire + FRAME_PAYLOAD_OFFSET;
    uint16_t capabilities = probe_profile.capabilities;

    *at++ = probe_profile.kind;
    *at++ = FIRMWARE_VERSION_MAJOR;
    *at++ = FIRMWARE_VERSION_MINOR;
    *at++ = FIRMWARE_VERSION_PATCH;
    if (identity_read(BOARD_IDENTITY, at)) {
        capabilities |= LINK_CAP_PROVISIONED;
    }
    at = put16(at + IDENTITY_LENGTH, capabilities);
    *at++ = (uint8_t)reset_cause();
    at = put16(at, reset_boots());
    at = put16(at, link->sampling.period_ms);
    return send(link, wire, LINK_MSG_HELLO, put16(at, link->session));
}

/* The UART's counters are copied to where two of them belong: they stand there as the message wants them. */
_Static_assert(offsetof(struct uart_counters, rx_bytes) == 0 && offsetof(struct uart_counters, tx_bytes) == 4, "order");

static OWN_FRAME bool send_counters(struct link *link) {
    _Alignas(uint32_t) uint8_t wire[LINK_MAX_WIRE];
    uint8_t *at = wire + FRAME_PAYLOAD_OFFSET;
    struct uart_counters *uart = (struct uart_counters *)(void *)(at + 8);
    uint16_t lost;

    uart_counters(uart);
    /* A byte with a bad stop bit is lost in the UART, too. */
    lost = (uint16_t)(uart->overruns + uart->framing_errors);
    at = put32(at, clock_ms());
    at = put32(at, sleep_awake_ms()) + 8;
    at = put16(at, link->crc_errors);
    at = put16(at, link->frame_errors);
    at = put16(at, lost);
    at = put16(at, link->dropped);
    at = put16(at, i2c_errors());
    at = put16(at, reset_boots());
    *at++ = (uint8_t)reset_cause();
    return send(link, wire, LINK_MSG_COUNTERS, put16(at, reset_stack_high_water()));
}

static OWN_FRAME bool send_ack(struct link *link) {
    uint8_t wire[LINK_MAX_WIRE];
    uint8_t *at = put16(wire + FRAME_PAYLOAD_OFFSET, link->ack.command_sequence);

    *at++ = link->ack.status;
    link_copy(at, link->ack.data, link->ack.data_length);
    return send(link, wire, LINK_MSG_ACK, at + link->ack.data_length);
}

static bool send_pending(struct link *link, uint8_t what) {
    switch (what) {
    case PENDING_HELLO:
        return send_hello(link);
    case PENDING_COUNTERS:
        return send_counters(link);
    default:
        return send_ack(link);
    }
}

/* Sends answers while there is room, in the order of the bits: counters before the ack, a reset after all. */
static OWN_FRAME void flush(struct link *link) {
    uint8_t what;

    for (what = PENDING_HELLO; what <= PENDING_ACK; what <<= 1) {
        if (!(link->pending & what)) {
            continue;
        }
        if (!send_pending(link, what)) {
            return;
        }
        link->pending ^= what;
        link->happened |= what & LINK_GREETED;
    }
    if (link->pending == PENDING_RESET) {
        uart_drain();
        reset_software();
    }
}

bool link_send(struct link *link, uint8_t *wire, uint8_t type, uint8_t payload_length) {
    return link->pending == 0 && send(link, wire, type, wire + FRAME_PAYLOAD_OFFSET + payload_length);
}

/* A sample that cannot be sent has used its sequence number: the host sees the gap. */
static void drop_sample(struct link *link) {
    link->sequence++;
    count(&link->dropped);
}

void link_send_sample(struct link *link, uint8_t *wire, uint8_t type, uint8_t payload_length) {
    if (!send(link, wire, type, wire + FRAME_PAYLOAD_OFFSET + payload_length)) {
        drop_sample(link);
    }
}

bool link_may_raise(const struct link *link) {
    return link->pending == 0 && uart_tx_room() >= LINK_LENGTH_EVENT + FRAME_OVERHEAD;
}

void link_raise(struct link *link, uint8_t event, uint16_t value) {
    uint8_t wire[LINK_MAX_WIRE];
    uint8_t *at = put32(wire + FRAME_PAYLOAD_OFFSET, clock_ms());

    *at++ = event;
    (void)send(link, wire, LINK_MSG_EVENT, put16(at, value));
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

static uint8_t set_interval(struct link *link, const uint8_t *payload) {
    uint16_t interval_ms = link_get_u16(payload);

    if (interval_ms < LINK_MIN_INTERVAL_MS || interval_ms > LINK_MAX_INTERVAL_MS) {
        return LINK_STATUS_BAD_ARGUMENT;
    }
    timer_start_periodic(&link->sampling, interval_ms);
    return LINK_STATUS_OK;
}

/* Payload: address, command byte, count. */
static uint8_t read_registers(struct link *link, const uint8_t *payload) {
    const struct i2c_device device = {payload[0]};
    uint8_t count = payload[2];
    uint8_t status;

    if (device.address > MAX_I2C_ADDRESS || count == 0 || count > LINK_MAX_ACK_DATA) {
        return LINK_STATUS_BAD_ARGUMENT;
    }
    status = (uint8_t)i2c_write_read(&device, payload + 1, 1, link->ack.data, count);
    if (status == LINK_STATUS_OK) {
        link->ack.data_length = count;
    }
    return status;
}

/* Payload: address, then command byte and values as they go over the bus. */
static uint8_t write_registers(struct link *link, const uint8_t *payload, uint8_t length) {
    const struct i2c_device device = {payload[0]};

    if (device.address > MAX_I2C_ADDRESS || length > LINK_LENGTH_WRITE_REGISTERS + LINK_MAX_WRITE_REGISTERS_VALUES) {
        return LINK_STATUS_BAD_ARGUMENT;
    }
    link->happened |= LINK_WROTE_REGISTERS;
    return (uint8_t)i2c_write(&device, payload + 1, (uint8_t)(length - 1u));
}

/* Least length of the payload of a down message, by type from hello_request on. */
static const uint8_t least_length[] = {
    LINK_LENGTH_HELLO_REQUEST, LINK_LENGTH_PING,        LINK_LENGTH_GET_COUNTERS,   LINK_LENGTH_SET_INTERVAL,
    LINK_LENGTH_SET_COLOR,     LINK_LENGTH_SET_OUTPUTS, LINK_LENGTH_SET_BRIGHTNESS, LINK_LENGTH_STEP_BRIGHTNESS,
    LINK_LENGTH_LED_TEST,      LINK_LENGTH_VIBRATE,     LINK_LENGTH_READ_REGISTERS, LINK_LENGTH_WRITE_REGISTERS,
    LINK_LENGTH_RESET,
};
_Static_assert(sizeof least_length == LINK_MSG_RESET - LINK_MSG_HELLO_REQUEST + 1, "one length a down message");

/* What is returned for a command that the probe is to execute. */
#define FOR_THE_PROBE 0xffu

static OWN_FRAME uint8_t execute(struct link *link) {
    uint8_t type = frame_type(&link->receiver);
    const uint8_t *payload = frame_payload(&link->receiver);
    uint8_t length = frame_payload_length(&link->receiver);

    if (type > LINK_MSG_RESET) {
        return LINK_STATUS_UNKNOWN_COMMAND;
    }
    if (length < least_length[type - LINK_MSG_HELLO_REQUEST]) {
        return LINK_STATUS_BAD_ARGUMENT;
    }
    switch (type) {
    case LINK_MSG_PING:
        return LINK_STATUS_OK;
    case LINK_MSG_GET_COUNTERS:
        link->pending |= PENDING_COUNTERS;
        return LINK_STATUS_OK;
    case LINK_MSG_SET_INTERVAL:
        return set_interval(link, payload);
    case LINK_MSG_READ_REGISTERS:
        return read_registers(link, payload);
    case LINK_MSG_WRITE_REGISTERS:
        return write_registers(link, payload, length);
    case LINK_MSG_RESET:
        link->pending |= PENDING_RESET;
        return LINK_STATUS_OK;
    default:
        return FOR_THE_PROBE;
    }
}

static void greet(struct link *link) {
    uint16_t session = link_get_u16(frame_payload(&link->receiver));

    if (frame_payload_length(&link->receiver) < LINK_LENGTH_HELLO_REQUEST || session == 0) {
        count(&link->frame_errors);
        return;
    }
    if (session != link->session) {
        link->session = session;
        link->remembers = 0;
    }
    link->pending |= PENDING_HELLO;
}

/* Looks at a packet. True when it is a command that is to be executed now. */
static OWN_FRAME bool accept(struct link *link) {
    uint8_t type = frame_type(&link->receiver);
    uint16_t sequence = frame_sequence(&link->receiver);

    if (type == LINK_MSG_HELLO_REQUEST) {
        greet(link);
        return false;
    }
    /* What probes send is not for probes: an echo of our own line. */
    if (type < LINK_MSG_HELLO_REQUEST) {
        return false;
    }
    if (link->remembers && link->ack.command_sequence == sequence) {
        link->pending |= PENDING_ACK;
        return false;
    }
    link->ack.command_sequence = sequence;
    link->ack.data_length = 0;
    link->remembers = link->session != 0;
    if (!link->remembers) {
        link_answer(link, LINK_STATUS_NO_SESSION);
    }
    return link->remembers;
}

static void take_packet(struct link *link) {
    uint8_t status;

    if (!accept(link)) {
        return;
    }
    status = execute(link);
    if (status == FOR_THE_PROBE) {
        link->pending |= PENDING_COMMAND;
    } else {
        link_answer(link, status);
    }
}

/* --- the main loop's side ----------------------------------------------------------------------------------------- */

void link_init(struct link *link) {
    static const uint8_t delimiter = 0;

    link->pending = PENDING_HELLO;
    timer_start_periodic(&link->sampling, LINK_DEFAULT_INTERVAL_MS);
    /* Ends whatever frame the reset cut off, so that the hello is not lost with it. */
    (void)uart_write(&delimiter, 1);
}

bool link_poll(struct link *link) {
    uint8_t byte;

    flush(link);
    while (link->pending == 0 && uart_read(&byte)) {
        switch (frame_receive(&link->receiver, byte)) {
        case FRAME_PACKET:
            take_packet(link);
            flush(link);
            break;
        case FRAME_ERROR:
            count(&link->frame_errors);
            break;
        case FRAME_CRC:
            count(&link->crc_errors);
            break;
        case FRAME_PENDING:
            break;
        }
    }
    return link->pending & PENDING_COMMAND;
}

void link_answer(struct link *link, uint8_t status) {
    link->ack.status = status;
    link->pending = (uint8_t)((link->pending & ~PENDING_COMMAND) | PENDING_ACK);
}

uint8_t link_happened(struct link *link) {
    uint8_t happened = link->happened;

    link->happened = 0;
    return happened;
}

bool link_sample_due(struct link *link) {
    if (timer_due(&link->sampling)) {
        if (link->sample_waits) {
            drop_sample(link);
        }
        link->sample_waits = 1;
    }
    if (!link->sample_waits || link->pending != 0 || uart_tx_room() < LONGEST_SAMPLE + FRAME_OVERHEAD) {
        return false;
    }
    link->sample_waits = 0;
    return true;
}
