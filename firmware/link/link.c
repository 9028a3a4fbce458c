/* The probe's end of the link, see link.h. */
#include "link/link.h"
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

/* `pending`, in the order of sending: counters come before the ack of get_counters, a reset after its ack. */
#define PENDING_HELLO    0x01u
#define PENDING_COUNTERS 0x02u
#define PENDING_ACK      0x04u
#define PENDING_EVENT    0x08u
#define PENDING_RESET    0x10u

#define MAX_I2C_ADDRESS 0x7fu

static void count(uint16_t *counter) {
    if (*counter != 0xffffu) {
        (*counter)++;
    }
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

static bool send(struct link *link, uint8_t *wire, uint8_t type, uint8_t payload_length) {
    if (uart_tx_room() < (uint8_t)(payload_length + (LINK_MAX_WIRE - LINK_MAX_PAYLOAD))) {
        return false;
    }
    return uart_write(wire, frame_encode(wire, type, link->sequence++, payload_length));
}

static bool send_hello(struct link *link) {
    uint8_t wire[LINK_MAX_WIRE];
    struct link_hello hello;

    hello.kind = link->kind;
    hello.version_major = FIRMWARE_VERSION_MAJOR;
    hello.version_minor = FIRMWARE_VERSION_MINOR;
    hello.version_patch = FIRMWARE_VERSION_PATCH;
    hello.capabilities = link->capabilities;
    if (identity_read(BOARD_IDENTITY, hello.id)) {
        hello.capabilities |= LINK_CAP_PROVISIONED;
    }
    hello.reset_cause = (uint8_t)reset_cause();
    hello.boots = reset_boots();
    hello.interval_ms = link->interval_ms;
    hello.session = link->session;
    return send(link, wire, LINK_MSG_HELLO, link_pack_hello(wire + FRAME_PAYLOAD_OFFSET, &hello));
}

static bool send_counters(struct link *link) {
    uint8_t wire[LINK_MAX_WIRE];
    struct link_counters counters;
    struct uart_counters uart;

    uart_counters(&uart);
    counters.time_ms = clock_ms();
    counters.awake_ms = sleep_awake_ms();
    counters.rx_bytes = uart.rx_bytes;
    counters.tx_bytes = uart.tx_bytes;
    counters.crc_errors = link->crc_errors;
    counters.frame_errors = link->frame_errors;
    /* A byte with a bad stop bit is lost in the UART, too. */
    counters.overruns = (uint16_t)(uart.overruns + uart.framing_errors);
    counters.tx_dropped = link->dropped;
    counters.i2c_errors = i2c_errors();
    counters.boots = reset_boots();
    counters.reset_cause = (uint8_t)reset_cause();
    counters.stack_high_water = reset_stack_high_water();
    return send(link, wire, LINK_MSG_COUNTERS, link_pack_counters(wire + FRAME_PAYLOAD_OFFSET, &counters));
}

static bool send_ack(struct link *link) {
    uint8_t wire[LINK_MAX_WIRE];

    return send(link, wire, LINK_MSG_ACK, link_pack_ack(wire + FRAME_PAYLOAD_OFFSET, &link->ack));
}

static bool send_event(struct link *link) {
    uint8_t wire[LINK_MAX_WIRE];

    return send(link, wire, LINK_MSG_EVENT, link_pack_event(wire + FRAME_PAYLOAD_OFFSET, &link->event));
}

/* Sends answers while there is room. */
static void flush(struct link *link) {
    if ((link->pending & PENDING_HELLO) && send_hello(link)) {
        link->pending &= (uint8_t)~PENDING_HELLO;
        link->happened |= LINK_GREETED;
    }
    if ((link->pending & PENDING_COUNTERS) && send_counters(link)) {
        link->pending &= (uint8_t)~PENDING_COUNTERS;
    }
    if ((link->pending & (PENDING_ACK | PENDING_COUNTERS)) == PENDING_ACK && send_ack(link)) {
        link->pending &= (uint8_t)~PENDING_ACK;
    }
    if ((link->pending & PENDING_EVENT) && send_event(link)) {
        link->pending &= (uint8_t)~PENDING_EVENT;
    }
    if (link->pending == PENDING_RESET) {
        uart_drain();
        reset_software();
    }
}

bool link_send(struct link *link, uint8_t *wire, uint8_t type, uint8_t payload_length) {
    return link->pending == 0 && send(link, wire, type, payload_length);
}

void link_send_sample(struct link *link, uint8_t *wire, uint8_t type, uint8_t payload_length) {
    if (!link_send(link, wire, type, payload_length)) {
        link->sequence++;
        count(&link->dropped);
    }
}

bool link_may_raise(const struct link *link) {
    return !(link->pending & PENDING_EVENT);
}

void link_raise(struct link *link, uint8_t event, uint16_t value) {
    link->event.time_ms = clock_ms();
    link->event.event = event;
    link->event.value = value;
    link->pending |= PENDING_EVENT;
    flush(link);
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

static uint8_t set_interval(struct link *link, const uint8_t *payload, uint8_t length) {
    struct link_set_interval command;

    if (!link_unpack_set_interval(payload, length, &command) || command.interval_ms < LINK_MIN_INTERVAL_MS ||
        command.interval_ms > LINK_MAX_INTERVAL_MS) {
        return LINK_STATUS_BAD_ARGUMENT;
    }
    link->interval_ms = command.interval_ms;
    timer_start_periodic(&link->sampling, command.interval_ms);
    return LINK_STATUS_OK;
}

static uint8_t read_registers(struct link *link, const uint8_t *payload, uint8_t length) {
    struct link_read_registers command;
    struct i2c_device device;
    uint8_t status;

    if (!link_unpack_read_registers(payload, length, &command) || command.address > MAX_I2C_ADDRESS ||
        command.count == 0 || command.count > LINK_MAX_ACK_DATA) {
        return LINK_STATUS_BAD_ARGUMENT;
    }
    device.address = command.address;
    status = (uint8_t)i2c_write_read(&device, &command.reg, 1, link->ack.data, command.count);
    if (status == LINK_STATUS_OK) {
        link->ack.data_length = command.count;
    }
    return status;
}

static uint8_t write_registers(struct link *link, const uint8_t *payload, uint8_t length) {
    struct i2c_device device;

    if (length < LINK_LENGTH_WRITE_REGISTERS ||
        length > LINK_LENGTH_WRITE_REGISTERS + LINK_MAX_WRITE_REGISTERS_VALUES || payload[0] > MAX_I2C_ADDRESS) {
        return LINK_STATUS_BAD_ARGUMENT;
    }
    device.address = payload[0];
    link->happened |= LINK_WROTE_REGISTERS;
    /* Command byte and values stand in the payload as they go over the bus. */
    return (uint8_t)i2c_write(&device, payload + 1, (uint8_t)(length - 1u));
}

static uint8_t execute(struct link *link, struct probe *probe, uint8_t type) {
    const uint8_t *payload = frame_payload(&link->receiver);
    uint8_t length = frame_payload_length(&link->receiver);

    switch (type) {
    case LINK_MSG_PING:
        return LINK_STATUS_OK;
    case LINK_MSG_GET_COUNTERS:
        link->pending |= PENDING_COUNTERS;
        return LINK_STATUS_OK;
    case LINK_MSG_SET_INTERVAL:
        return set_interval(link, payload, length);
    case LINK_MSG_READ_REGISTERS:
        return read_registers(link, payload, length);
    case LINK_MSG_WRITE_REGISTERS:
        return write_registers(link, payload, length);
    case LINK_MSG_RESET:
        link->pending |= PENDING_RESET;
        return LINK_STATUS_OK;
    default:
        return probe_execute(probe, type, payload, length, &link->ack);
    }
}

static void greet(struct link *link) {
    struct link_hello_request request;

    if (!link_unpack_hello_request(frame_payload(&link->receiver), frame_payload_length(&link->receiver), &request) ||
        request.session == 0) {
        count(&link->frame_errors);
        return;
    }
    if (request.session != link->session) {
        link->session = request.session;
        link->remembers = 0;
    }
    link->pending |= PENDING_HELLO;
}

static void take_packet(struct link *link, struct probe *probe) {
    uint8_t type = frame_type(&link->receiver);
    uint16_t sequence = frame_sequence(&link->receiver);

    if (type == LINK_MSG_HELLO_REQUEST) {
        greet(link);
        return;
    }
    /* What probes send is not for probes: an echo of our own line. */
    if (type < LINK_MSG_HELLO_REQUEST) {
        return;
    }
    link->pending |= PENDING_ACK;
    if (link->remembers && link->ack.command_sequence == sequence) {
        return;
    }
    link->ack.command_sequence = sequence;
    link->ack.data_length = 0;
    link->remembers = link->session != 0;
    link->ack.status = link->session != 0 ? execute(link, probe, type) : LINK_STATUS_NO_SESSION;
}

/* --- the main loop's side ----------------------------------------------------------------------------------------- */

void link_init(struct link *link, uint8_t kind, uint16_t capabilities) {
    static const uint8_t delimiter = 0;

    frame_reset(&link->receiver);
    link->kind = kind;
    link->capabilities = capabilities;
    link->interval_ms = LINK_DEFAULT_INTERVAL_MS;
    link->pending = PENDING_HELLO;
    timer_start_periodic(&link->sampling, LINK_DEFAULT_INTERVAL_MS);
    /* Ends whatever frame the reset cut off, so that the hello is not lost with it. */
    (void)uart_write(&delimiter, 1);
}

uint8_t link_poll(struct link *link, struct probe *probe) {
    uint8_t happened;
    uint8_t byte;

    flush(link);
    while (link->pending == 0 && uart_read(&byte)) {
        switch (frame_receive(&link->receiver, byte)) {
        case FRAME_PACKET:
            take_packet(link, probe);
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
    happened = link->happened;
    link->happened = 0;
    return happened;
}

bool link_sample_due(struct link *link) {
    return timer_due(&link->sampling);
}
