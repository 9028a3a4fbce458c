/* The probe's end of the link, see link.h. */
#include "link/link.h"

#include <stddef.h>

#include "board/earl.h"
#include "board/features.h"
#include "hal/bridge.h"
#include "hal/clock.h"
#include "hal/i2c.h"
#include "hal/reset.h"
#include "hal/sleep.h"
#include "hal/status.h"
#include "hal/uart.h"
#include "link/identity.h"
#include "link/siphash.h"
#include "link/version.h"
#include "runtime/bytes.h"

/* hal/status.h promises the numbers of the protocol. */
_Static_assert(STATUS_OK == LINK_STATUS_OK && STATUS_BAD_ARGUMENT == LINK_STATUS_BAD_ARGUMENT, "status numbers");
_Static_assert(STATUS_NACK == LINK_STATUS_I2C_NACK && STATUS_TIMEOUT == LINK_STATUS_I2C_TIMEOUT, "status numbers");
_Static_assert(STATUS_ARBITRATION == LINK_STATUS_I2C_ARBITRATION && STATUS_BUSY == LINK_STATUS_BUSY, "status numbers");

/* `pending`, in the order of sending. */
#define PENDING_HELLO    LINK_GREETED
#define PENDING_COUNTERS 0x02u
#define PENDING_ACK      0x04u
#define PENDING_RESET    0x08u
#define PENDING_COMMAND  0x10u /* the probe executes; its ack comes with link_answer */
#define PENDING_PROOF    0x20u /* is computed when the line is free, and goes into the ack */

#define MAX_I2C_ADDRESS 0x7fu

/* What a probe sends is laid out as its struct, so that a struct is the payload. */
#define IS_THE_PAYLOAD(message, last, length)                                                                          \
    _Static_assert(offsetof(struct message, last) + sizeof((struct message){0}.last) == (length), #message)
IS_THE_PAYLOAD(link_hello, reset_cause, LINK_LENGTH_HELLO);
IS_THE_PAYLOAD(link_counters, reset_cause, LINK_LENGTH_COUNTERS);
IS_THE_PAYLOAD(link_event, event, LINK_LENGTH_EVENT);
IS_THE_PAYLOAD(link_led_state, registers, LINK_LENGTH_LED_STATE);
IS_THE_PAYLOAD(link_ball_sample, pressed, LINK_LENGTH_BALL_SAMPLE);
IS_THE_PAYLOAD(link_arm_sample, z, LINK_LENGTH_ARM_SAMPLE);
IS_THE_PAYLOAD(link_light_sample, supply, LINK_LENGTH_LIGHT_SAMPLE);
_Static_assert(offsetof(struct link, wire) % 4 == 0 && FRAME_PAYLOAD_OFFSET % 4 == 0, "payloads are aligned");

static void link_count(uint16_t *counter) {
    if (++*counter == 0) {
        (*counter)--;
    }
}

/* --- the bridge --------------------------------------------------------------------------------------------------- */

/* Samples begin, and a delimiter ends whatever frame the last start or connection cut off, so that the first of ours is
 * not lost with it. Only when the UART is idle. */
static void link_begin(struct link *link, uint16_t interval_ms) {
    static const uint8_t delimiter = 0;

    timer_start_periodic(&link->sampling, interval_ms);
    uart_send(&delimiter, 1);
}

#if FEATURE_BRIDGE
static bool link_is_open(const struct link *link) {
    return link->open;
}

/* True while what comes from the UART is for the set-up of the module. */
static bool watch_bridge(struct link *link) {
    link->connected = bridge_connected();
    if (!link->connected) {
        link->open = 0;
        link->sample_waits = 0;
    }
    return bridge_setup_poll(&link->setup, link->connected, link->wire);
}

/* A packet from a host came. True unless it cannot have come from one. */
static bool open_bridge(struct link *link) {
    if (!link->open && link->connected && uart_idle()) {
        link->open = 1;
        link_begin(link, link->sampling.period_ms);
    }
    return link->open;
}

#else
static inline bool link_is_open(const struct link *link) {
    (void)link;
    return true;
}
static inline bool watch_bridge(struct link *link) {
    (void)link;
    return false;
}
static inline bool open_bridge(struct link *link) {
    (void)link;
    return true;
}
#endif

/* --- sending ------------------------------------------------------------------------------------------------------ */

/* The UART sends from `wire`, so nothing may be written there before link_is_free. */
bool link_is_free(const struct link *link) {
    return link->pending == 0 && uart_idle();
}

static __attribute__((noinline)) void link_transmit(struct link *link, uint8_t type, uint8_t length) {
    if (!link_is_open(link)) {
        return;
    }
    uart_send(link->wire, frame_encode(link->wire, type, link->sequence++, length));
}

/* The probe time stands first in all messages that have it. */
__attribute__((noinline)) void link_send(struct link *link, uint8_t type, uint8_t payload_length) {
    *(uint32_t *)link_payload(link) = clock_ms();
    link_transmit(link, type, payload_length);
}

static void send_hello(struct link *link) {
    struct link_hello *hello = link_payload(link);

    hello->kind = probe_profile.kind;
    hello->version_major = FIRMWARE_VERSION_MAJOR;
    hello->version_minor = FIRMWARE_VERSION_MINOR;
    hello->version_patch = FIRMWARE_VERSION_PATCH;
    hello->capabilities = probe_profile.capabilities;
    if (identity_read(BOARD_IDENTITY, hello->id)) {
        hello->capabilities |= LINK_CAP_PROVISIONED;
    }
#if FEATURE_AUTHENTICATION
    if (identity_key(BOARD_IDENTITY) != NULL) {
        hello->capabilities |= LINK_CAP_AUTHENTICATES;
    }
#endif
    hello->boots = reset_boots();
    hello->interval_ms = link->sampling.period_ms;
    hello->session = link->session;
    hello->reset_cause = (uint8_t)reset_cause();
    link_transmit(link, LINK_MSG_HELLO, LINK_LENGTH_HELLO);
}

static void send_counters(struct link *link) {
    struct link_counters *counters = link_payload(link);
    const struct uart_counters *uart = uart_counters();

    counters->awake_ms = sleep_awake_ms();
    counters->rx_bytes = uart->rx_bytes;
    counters->tx_bytes = uart->tx_bytes;
    counters->crc_errors = link->crc_errors;
    counters->frame_errors = link->frame_errors;
    counters->overruns = uart->lost;
    counters->tx_dropped = link->dropped;
    counters->i2c_errors = i2c_errors();
    counters->boots = reset_boots();
    counters->stack_high_water = reset_stack_high_water();
    counters->reset_cause = (uint8_t)reset_cause();
    link_send(link, LINK_MSG_COUNTERS, LINK_LENGTH_COUNTERS);
}

/* An ack's struct holds the length of its data where the data stand in the payload. */
static void send_ack(struct link *link) {
    uint8_t *payload = link_payload(link);

    *(uint16_t *)(void *)payload = link->ack.command_sequence;
    payload[2] = link->ack.status;
    link_copy(payload + 3, link->ack.data, link->ack.data_length);
    link_transmit(link, LINK_MSG_ACK, (uint8_t)(3u + link->ack.data_length));
}

#if FEATURE_AUTHENTICATION
#define PROOF_DOMAIN 1u /* so that no MAC of this command serves for another purpose of the key */
#define PROOF_LENGTH (1u + LINK_LENGTH_AUTHENTICATE + IDENTITY_LENGTH)
#define PROOF_BLOCKS (PROOF_LENGTH / SIPHASH_BLOCK_LENGTH + 1u)
#define PROOF_PADDED (PROOF_BLOCKS * SIPHASH_BLOCK_LENGTH)
_Static_assert(LINK_HEADER_LENGTH - 1u + PROOF_PADDED <= LINK_MAX_PACKET,
               "the message of a proof fits into the packet");
_Static_assert(SIPHASH_STATE_WORDS * 2u <= LINK_MAX_WIRE, "the state of a proof fits into the line's buffer");

/* The MAC of PROOF_DOMAIN, the nonce and the id. Its message grows around the nonce in the received packet, its state
 * is the buffer of the packet that is sent next: no RAM is its own. */
static void prove(struct link *link) {
    uint8_t *message = link->receiver.packet + LINK_HEADER_LENGTH - 1u;
    uint16_t *state = (uint16_t *)(void *)link->wire;
    uint8_t i;

    message[0] = PROOF_DOMAIN;
    (void)identity_read(BOARD_IDENTITY, message + 1u + LINK_LENGTH_AUTHENTICATE);
    for (i = PROOF_LENGTH; i < PROOF_PADDED - 1u; i++) {
        message[i] = 0;
    }
    message[PROOF_PADDED - 1u] = PROOF_LENGTH;
    siphash(state, identity_key(BOARD_IDENTITY), message, PROOF_BLOCKS);
    link_copy(link->ack.data, link->wire, SIPHASH_LENGTH);
    link->ack.data_length = SIPHASH_LENGTH;
}
#endif

/* Sends answers while there is room, in the order of the bits: counters before the ack, a reset after all. */
static void flush(struct link *link) {
    while ((link->pending & ~PENDING_COMMAND) != 0 && uart_idle()) {
        if (link->pending & PENDING_HELLO) {
            link->pending ^= PENDING_HELLO;
            link->happened |= LINK_GREETED;
            send_hello(link);
        } else if (link->pending & PENDING_COUNTERS) {
            link->pending ^= PENDING_COUNTERS;
            send_counters(link);
#if FEATURE_AUTHENTICATION
        } else if (link->pending & PENDING_PROOF) {
            link->pending ^= PENDING_PROOF;
            prove(link);
#endif
        } else if (link->pending & PENDING_ACK) {
            link->pending ^= PENDING_ACK;
            send_ack(link);
        } else {
            uart_drain();
            reset_software();
        }
    }
}

void link_raise(struct link *link, uint8_t event, uint16_t value) {
    struct link_event *payload = link_payload(link);

    payload->event = event;
    payload->value = value;
    link_send(link, LINK_MSG_EVENT, LINK_LENGTH_EVENT);
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

static uint8_t set_interval(struct link *link, const uint8_t *payload) {
    uint16_t interval_ms = word_at(payload);

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
#if FEATURE_AUTHENTICATION
    LINK_LENGTH_AUTHENTICATE,
#endif
};
#define LAST_COMMAND (FEATURE_AUTHENTICATION ? LINK_MSG_AUTHENTICATE : LINK_MSG_RESET)
_Static_assert(sizeof least_length == LAST_COMMAND - LINK_MSG_HELLO_REQUEST + 1, "one length a down message");

/* What is returned for a command that the probe is to execute. */
#define FOR_THE_PROBE 0xffu

static uint8_t link_execute(struct link *link) {
    uint8_t type = frame_type(&link->receiver);
    const uint8_t *payload = frame_payload(&link->receiver);
    uint8_t length = frame_payload_length(&link->receiver);

    if (type > LAST_COMMAND) {
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
#if FEATURE_AUTHENTICATION
    case LINK_MSG_AUTHENTICATE:
        if (identity_key(BOARD_IDENTITY) == NULL) {
            return LINK_STATUS_UNSUPPORTED;
        }
        link->pending |= PENDING_PROOF;
        return LINK_STATUS_OK;
#endif
    default:
        return FOR_THE_PROBE;
    }
}

static void greet(struct link *link) {
    uint16_t session = word_at(frame_payload(&link->receiver));

    if (frame_payload_length(&link->receiver) < LINK_LENGTH_HELLO_REQUEST || session == 0) {
        link_count(&link->frame_errors);
        return;
    }
    if (session != link->session) {
        link->session = session;
        link->remembers = 0;
    }
    link->pending |= PENDING_HELLO;
}

/* Looks at a packet. True when it is a command that is to be executed now. */
static bool accept(struct link *link) {
    uint8_t type = frame_type(&link->receiver);
    uint16_t sequence = frame_sequence(&link->receiver);

    /* What probes send is not for probes: an echo of our own line. */
    if (type < LINK_MSG_HELLO_REQUEST || !open_bridge(link)) {
        return false;
    }
    if (type == LINK_MSG_HELLO_REQUEST) {
        greet(link);
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
    status = link_execute(link);
    if (status == FOR_THE_PROBE) {
        link->pending |= PENDING_COMMAND;
    } else {
        link_answer(link, status);
    }
}

/* --- the main loop's side ----------------------------------------------------------------------------------------- */

void link_init(struct link *link) {
    link->pending = PENDING_HELLO;
#if FEATURE_BRIDGE
    link->sampling.period_ms = LINK_DEFAULT_INTERVAL_MS;
    link->connected = bridge_connected();
    link->open = link->connected;
    if (!link->open) {
        return;
    }
#endif
    link_begin(link, LINK_DEFAULT_INTERVAL_MS);
}

bool link_poll(struct link *link) {
    bool is_busy = watch_bridge(link);
    uint8_t byte;

    flush(link);
    while (!is_busy && link->pending == 0 && uart_read(&byte)) {
        switch (frame_receive(&link->receiver, byte)) {
        case FRAME_PACKET:
            take_packet(link);
            flush(link);
            break;
        case FRAME_ERROR:
            link_count(&link->frame_errors);
            break;
        case FRAME_CRC:
            link_count(&link->crc_errors);
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
    if (!link_is_open(link)) {
        return false;
    }
    if (timer_due(&link->sampling)) {
        if (link->sample_waits) {
            /* It has used its sequence number: the host sees the gap. */
            link->sequence++;
            link_count(&link->dropped);
        }
        link->sample_waits = 1;
    }
    if (!link->sample_waits || !link_is_free(link)) {
        return false;
    }
    link->sample_waits = 0;
    return true;
}
