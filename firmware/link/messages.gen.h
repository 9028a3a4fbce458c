/*
 * Generated from host/link/messages.ts by tools/codegen (make codegen). Do not edit.
 *
 * The link messages (docs/link-protocol.md): constants, one struct per message, and functions that move a struct into
 * a payload and back. link_pack_X returns the length of the payload. link_unpack_X returns 1, or 0 when the payload is
 * too short; a longer one is accepted and the rest ignored, except that a data field takes what is there and fails
 * when that is more than it holds. Messages without fields have a type and a length only.
 */
#ifndef LINK_MESSAGES_GEN_H
#define LINK_MESSAGES_GEN_H

#include <stdint.h>

/* Packet: version << 6 | type, sequence (2), payload, CRC (2); then COBS and a 0x00. */
#define LINK_PROTOCOL_VERSION 1u
#define LINK_VERSION_SHIFT 6u
#define LINK_TYPE_MASK 0x3fu
#define LINK_HEADER_LENGTH 3u
#define LINK_CRC_LENGTH 2u
#define LINK_MAX_PAYLOAD 32u
#define LINK_MAX_PACKET 37u              /* header, payload, CRC */
#define LINK_MAX_WIRE 39u                /* with the COBS code byte and the delimiter */

/* Message types. */
#define LINK_MSG_HELLO 1u                /* probe to host */
#define LINK_MSG_BALL_SAMPLE 2u          /* probe to host */
#define LINK_MSG_ARM_SAMPLE 3u           /* probe to host */
#define LINK_MSG_LIGHT_SAMPLE 4u         /* probe to host */
#define LINK_MSG_EVENT 5u                /* probe to host */
#define LINK_MSG_LED_STATE 6u            /* probe to host */
#define LINK_MSG_ACK 7u                  /* probe to host */
#define LINK_MSG_COUNTERS 8u             /* probe to host */
#define LINK_MSG_HELLO_REQUEST 32u       /* host to probe */
#define LINK_MSG_PING 33u                /* host to probe */
#define LINK_MSG_GET_COUNTERS 34u        /* host to probe */
#define LINK_MSG_SET_INTERVAL 35u        /* host to probe */
#define LINK_MSG_SET_COLOR 36u           /* host to probe */
#define LINK_MSG_SET_OUTPUTS 37u         /* host to probe */
#define LINK_MSG_SET_BRIGHTNESS 38u      /* host to probe */
#define LINK_MSG_STEP_BRIGHTNESS 39u     /* host to probe */
#define LINK_MSG_LED_TEST 40u            /* host to probe */
#define LINK_MSG_VIBRATE 41u             /* host to probe */
#define LINK_MSG_READ_REGISTERS 42u      /* host to probe */
#define LINK_MSG_WRITE_REGISTERS 43u     /* host to probe */
#define LINK_MSG_RESET 44u               /* host to probe */
#define LINK_MSG_AUTHENTICATE 45u        /* host to probe */

/* Payload lengths, without the bytes of a data field. */
#define LINK_LENGTH_HELLO 21u
#define LINK_LENGTH_BALL_SAMPLE 7u
#define LINK_LENGTH_ARM_SAMPLE 10u
#define LINK_LENGTH_LIGHT_SAMPLE 10u
#define LINK_LENGTH_EVENT 7u
#define LINK_LENGTH_LED_STATE 14u
#define LINK_LENGTH_ACK 3u
#define LINK_LENGTH_COUNTERS 31u
#define LINK_LENGTH_HELLO_REQUEST 2u
#define LINK_LENGTH_PING 0u
#define LINK_LENGTH_GET_COUNTERS 0u
#define LINK_LENGTH_SET_INTERVAL 2u
#define LINK_LENGTH_SET_COLOR 13u
#define LINK_LENGTH_SET_OUTPUTS 7u
#define LINK_LENGTH_SET_BRIGHTNESS 2u
#define LINK_LENGTH_STEP_BRIGHTNESS 2u
#define LINK_LENGTH_LED_TEST 3u
#define LINK_LENGTH_VIBRATE 3u
#define LINK_LENGTH_READ_REGISTERS 3u
#define LINK_LENGTH_WRITE_REGISTERS 2u
#define LINK_LENGTH_RESET 0u
#define LINK_LENGTH_AUTHENTICATE 8u

/* Most bytes of a data field. */
#define LINK_MAX_ACK_DATA 16u
#define LINK_MAX_WRITE_REGISTERS_VALUES 16u

/* Kinds of probes. */
#define LINK_KIND_BALL 1u
#define LINK_KIND_ARM 2u
#define LINK_KIND_LIGHT 3u
#define LINK_KIND_LED_TEST 4u

/* Bits of hello.capabilities. */
#define LINK_CAP_LEDS 0x0001u
#define LINK_CAP_BUTTON 0x0002u
#define LINK_CAP_ACCELEROMETER 0x0004u
#define LINK_CAP_MOTOR 0x0008u
#define LINK_CAP_ILLUMINANCE 0x0010u
#define LINK_CAP_TEMPERATURE 0x0020u
#define LINK_CAP_SUPPLY 0x0040u
#define LINK_CAP_REGISTERS 0x0080u
#define LINK_CAP_AUTHENTICATES 0x0100u
#define LINK_CAP_PROVISIONED 0x8000u

/* Why the probe last started. */
#define LINK_RESET_POWER_ON 0u
#define LINK_RESET_RESET_PIN 1u
#define LINK_RESET_WATCHDOG 2u
#define LINK_RESET_SOFTWARE 3u
#define LINK_RESET_UNKNOWN 255u

/* ack.status: what became of a command. */
#define LINK_STATUS_OK 0u
#define LINK_STATUS_UNKNOWN_COMMAND 1u
#define LINK_STATUS_BAD_ARGUMENT 2u
#define LINK_STATUS_UNSUPPORTED 3u
#define LINK_STATUS_I2C_NACK 4u
#define LINK_STATUS_I2C_TIMEOUT 5u
#define LINK_STATUS_I2C_ARBITRATION 6u
#define LINK_STATUS_BUSY 7u
#define LINK_STATUS_NO_SESSION 8u

/* event.event. */
#define LINK_EVENT_MOTION 1u
#define LINK_EVENT_STILL 2u
#define LINK_EVENT_BUTTON_PRESSED 3u
#define LINK_EVENT_BUTTON_RELEASED 4u

/* set_color.leds: bits. */
#define LINK_LED_LOWER 1u
#define LINK_LED_UPPER 2u

/* set_color.effect. */
#define LINK_EFFECT_STEADY 0u
#define LINK_EFFECT_BLINK 1u
#define LINK_EFFECT_ONE_SHOT 2u

/* led_test.test. */
#define LINK_TEST_STOP 0u
#define LINK_TEST_PORTS 1u
#define LINK_TEST_COUNT 2u

static inline void link_put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void link_put_u32(uint8_t *at, uint32_t value)
{
    link_put_u16(at, (uint16_t)value);
    link_put_u16(at + 2, (uint16_t)(value >> 16));
}

static inline uint16_t link_get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | ((uint16_t)at[1] << 8));
}

static inline uint32_t link_get_u32(const uint8_t *at)
{
    return link_get_u16(at) | ((uint32_t)link_get_u16(at + 2) << 16);
}

static inline void link_copy(uint8_t *to, const uint8_t *from, uint8_t length)
{
    while (length-- > 0) {
        *to++ = *from++;
    }
}

/*
 * hello (probe to host): who the probe is: sent once after start and in answer to every
 * hello_request.
 */
struct link_hello {
    uint8_t kind; /* LINK_KIND_* */
    uint8_t version_major; /* firmware version */
    uint8_t version_minor; /* firmware version */
    uint8_t version_patch; /* firmware version */
    uint8_t id[8]; /* id provisioned into info memory, big-endian; zeros if none */
    uint16_t capabilities; /* bits of LINK_CAP_* */
    uint16_t boots; /* starts since power was applied, 1 for the first */
    uint16_t interval_ms; /* time between samples */
    uint16_t session; /* session of the hello_request that this answers; 0 after start */
    uint8_t reset_cause; /* LINK_RESET_* */
};

static inline uint8_t link_pack_hello(uint8_t *payload, const struct link_hello *m)
{
    payload[0] = m->kind;
    payload[1] = m->version_major;
    payload[2] = m->version_minor;
    payload[3] = m->version_patch;
    link_copy(payload + 4, m->id, 8u);
    link_put_u16(payload + 12, m->capabilities);
    link_put_u16(payload + 14, m->boots);
    link_put_u16(payload + 16, m->interval_ms);
    link_put_u16(payload + 18, m->session);
    payload[20] = m->reset_cause;
    return LINK_LENGTH_HELLO;
}

static inline uint8_t link_unpack_hello(const uint8_t *payload, uint8_t length, struct link_hello *m)
{
    if (length < LINK_LENGTH_HELLO) {
        return 0;
    }
    m->kind = payload[0];
    m->version_major = payload[1];
    m->version_minor = payload[2];
    m->version_patch = payload[3];
    link_copy(m->id, payload + 4, 8u);
    m->capabilities = link_get_u16(payload + 12);
    m->boots = link_get_u16(payload + 14);
    m->interval_ms = link_get_u16(payload + 16);
    m->session = link_get_u16(payload + 18);
    m->reset_cause = payload[20];
    return 1;
}

/* ball_sample (probe to host): sample of a ball. */
struct link_ball_sample {
    uint32_t time_ms; /* probe time, milliseconds since start; wraps */
    uint16_t presses; /* button presses since start */
    uint8_t pressed; /* 1 while the button is held */
};

static inline uint8_t link_pack_ball_sample(uint8_t *payload, const struct link_ball_sample *m)
{
    link_put_u32(payload, m->time_ms);
    link_put_u16(payload + 4, m->presses);
    payload[6] = m->pressed;
    return LINK_LENGTH_BALL_SAMPLE;
}

static inline uint8_t link_unpack_ball_sample(const uint8_t *payload, uint8_t length, struct link_ball_sample *m)
{
    if (length < LINK_LENGTH_BALL_SAMPLE) {
        return 0;
    }
    m->time_ms = link_get_u32(payload);
    m->presses = link_get_u16(payload + 4);
    m->pressed = payload[6];
    return 1;
}

/* arm_sample (probe to host): sample of an arm band. */
struct link_arm_sample {
    uint32_t time_ms; /* probe time, milliseconds since start; wraps */
    int16_t x; /* acceleration, thousandths of g */
    int16_t y; /* acceleration, thousandths of g */
    int16_t z; /* acceleration, thousandths of g */
};

static inline uint8_t link_pack_arm_sample(uint8_t *payload, const struct link_arm_sample *m)
{
    link_put_u32(payload, m->time_ms);
    link_put_u16(payload + 4, (uint16_t)m->x);
    link_put_u16(payload + 6, (uint16_t)m->y);
    link_put_u16(payload + 8, (uint16_t)m->z);
    return LINK_LENGTH_ARM_SAMPLE;
}

static inline uint8_t link_unpack_arm_sample(const uint8_t *payload, uint8_t length, struct link_arm_sample *m)
{
    if (length < LINK_LENGTH_ARM_SAMPLE) {
        return 0;
    }
    m->time_ms = link_get_u32(payload);
    m->x = (int16_t)link_get_u16(payload + 4);
    m->y = (int16_t)link_get_u16(payload + 6);
    m->z = (int16_t)link_get_u16(payload + 8);
    return 1;
}

/* light_sample (probe to host): sample of a light sensor. */
struct link_light_sample {
    uint32_t time_ms; /* probe time, milliseconds since start; wraps */
    uint16_t illuminance; /* illuminance, lux */
    int16_t temperature; /* chip temperature, 0.01 degrees Celsius */
    uint16_t supply; /* supply voltage, millivolts */
};

static inline uint8_t link_pack_light_sample(uint8_t *payload, const struct link_light_sample *m)
{
    link_put_u32(payload, m->time_ms);
    link_put_u16(payload + 4, m->illuminance);
    link_put_u16(payload + 6, (uint16_t)m->temperature);
    link_put_u16(payload + 8, m->supply);
    return LINK_LENGTH_LIGHT_SAMPLE;
}

static inline uint8_t link_unpack_light_sample(const uint8_t *payload, uint8_t length, struct link_light_sample *m)
{
    if (length < LINK_LENGTH_LIGHT_SAMPLE) {
        return 0;
    }
    m->time_ms = link_get_u32(payload);
    m->illuminance = link_get_u16(payload + 4);
    m->temperature = (int16_t)link_get_u16(payload + 6);
    m->supply = link_get_u16(payload + 8);
    return 1;
}

/* event (probe to host): something happened between two samples. */
struct link_event {
    uint32_t time_ms; /* probe time, milliseconds since start; wraps */
    uint16_t value; /* motion: peak deviation in thousandths of g; button: presses since start */
    uint8_t event; /* LINK_EVENT_* */
};

static inline uint8_t link_pack_event(uint8_t *payload, const struct link_event *m)
{
    link_put_u32(payload, m->time_ms);
    link_put_u16(payload + 4, m->value);
    payload[6] = m->event;
    return LINK_LENGTH_EVENT;
}

static inline uint8_t link_unpack_event(const uint8_t *payload, uint8_t length, struct link_event *m)
{
    if (length < LINK_LENGTH_EVENT) {
        return 0;
    }
    m->time_ms = link_get_u32(payload);
    m->value = link_get_u16(payload + 4);
    m->event = payload[6];
    return 1;
}

/*
 * led_state (probe to host): the acknowledged TCA6507 registers, sent after hello and whenever
 * they changed.
 */
struct link_led_state {
    uint32_t time_ms; /* probe time, milliseconds since start; wraps */
    uint8_t registers[10]; /* registers 0x00 to 0x09 */
};

static inline uint8_t link_pack_led_state(uint8_t *payload, const struct link_led_state *m)
{
    link_put_u32(payload, m->time_ms);
    link_copy(payload + 4, m->registers, 10u);
    return LINK_LENGTH_LED_STATE;
}

static inline uint8_t link_unpack_led_state(const uint8_t *payload, uint8_t length, struct link_led_state *m)
{
    if (length < LINK_LENGTH_LED_STATE) {
        return 0;
    }
    m->time_ms = link_get_u32(payload);
    link_copy(m->registers, payload + 4, 10u);
    return 1;
}

/*
 * ack (probe to host): answer to a command; sent again, without executing, when the command is
 * repeated.
 */
struct link_ack {
    uint16_t command_sequence; /* sequence number of the command */
    uint8_t status; /* LINK_STATUS_* */
    uint8_t data_length; /* bytes of data */
    uint8_t data[16]; /* what the command returns */
};

static inline uint8_t link_pack_ack(uint8_t *payload, const struct link_ack *m)
{
    uint8_t length = m->data_length <= 16u ? m->data_length : 16u;

    link_put_u16(payload, m->command_sequence);
    payload[2] = m->status;
    link_copy(payload + 3, m->data, length);
    return (uint8_t)(LINK_LENGTH_ACK + length);
}

static inline uint8_t link_unpack_ack(const uint8_t *payload, uint8_t length, struct link_ack *m)
{
    if (length < LINK_LENGTH_ACK || length > LINK_LENGTH_ACK + 16u) {
        return 0;
    }
    m->command_sequence = link_get_u16(payload);
    m->status = payload[2];
    m->data_length = (uint8_t)(length - LINK_LENGTH_ACK);
    link_copy(m->data, payload + 3, m->data_length);
    return 1;
}

/*
 * counters (probe to host): health of the probe since its last start, sent before the ack of
 * get_counters.
 */
struct link_counters {
    uint32_t time_ms; /* probe time, milliseconds since start; wraps */
    uint32_t awake_ms; /* time that the CPU was awake */
    uint32_t rx_bytes; /* bytes received */
    uint32_t tx_bytes; /* bytes sent */
    uint16_t crc_errors; /* frames with a wrong CRC */
    uint16_t frame_errors; /* frames with bad COBS, length or version */
    uint16_t overruns; /* bytes lost in the UART or in a full receive buffer */
    uint16_t tx_dropped; /* frames not sent for lack of room */
    uint16_t i2c_errors; /* failed I2C transfers */
    uint16_t boots; /* starts since power was applied */
    uint16_t stack_high_water; /* most bytes of stack used */
    uint8_t reset_cause; /* LINK_RESET_* */
};

static inline uint8_t link_pack_counters(uint8_t *payload, const struct link_counters *m)
{
    link_put_u32(payload, m->time_ms);
    link_put_u32(payload + 4, m->awake_ms);
    link_put_u32(payload + 8, m->rx_bytes);
    link_put_u32(payload + 12, m->tx_bytes);
    link_put_u16(payload + 16, m->crc_errors);
    link_put_u16(payload + 18, m->frame_errors);
    link_put_u16(payload + 20, m->overruns);
    link_put_u16(payload + 22, m->tx_dropped);
    link_put_u16(payload + 24, m->i2c_errors);
    link_put_u16(payload + 26, m->boots);
    link_put_u16(payload + 28, m->stack_high_water);
    payload[30] = m->reset_cause;
    return LINK_LENGTH_COUNTERS;
}

static inline uint8_t link_unpack_counters(const uint8_t *payload, uint8_t length, struct link_counters *m)
{
    if (length < LINK_LENGTH_COUNTERS) {
        return 0;
    }
    m->time_ms = link_get_u32(payload);
    m->awake_ms = link_get_u32(payload + 4);
    m->rx_bytes = link_get_u32(payload + 8);
    m->tx_bytes = link_get_u32(payload + 12);
    m->crc_errors = link_get_u16(payload + 16);
    m->frame_errors = link_get_u16(payload + 18);
    m->overruns = link_get_u16(payload + 20);
    m->tx_dropped = link_get_u16(payload + 22);
    m->i2c_errors = link_get_u16(payload + 24);
    m->boots = link_get_u16(payload + 26);
    m->stack_high_water = link_get_u16(payload + 28);
    m->reset_cause = payload[30];
    return 1;
}

/*
 * hello_request (host to probe): asks for hello; not acknowledged. A new session makes the probe
 * forget the last command it executed; until the first one after a start every command is
 * answered with no_session and not executed.
 */
struct link_hello_request {
    uint16_t session; /* chosen at random by the host process, never 0 */
};

static inline uint8_t link_pack_hello_request(uint8_t *payload, const struct link_hello_request *m)
{
    link_put_u16(payload, m->session);
    return LINK_LENGTH_HELLO_REQUEST;
}

static inline uint8_t link_unpack_hello_request(const uint8_t *payload, uint8_t length, struct link_hello_request *m)
{
    if (length < LINK_LENGTH_HELLO_REQUEST) {
        return 0;
    }
    m->session = link_get_u16(payload);
    return 1;
}

/* ping (host to probe): asks for an ack. */
/* No payload. */

/* get_counters (host to probe): asks for counters. */
/* No payload. */

/* set_interval (host to probe): sets the time between samples. */
struct link_set_interval {
    uint16_t interval_ms; /* 20 (50 Hz) to 10000 (0.1 Hz) */
};

static inline uint8_t link_pack_set_interval(uint8_t *payload, const struct link_set_interval *m)
{
    link_put_u16(payload, m->interval_ms);
    return LINK_LENGTH_SET_INTERVAL;
}

static inline uint8_t link_unpack_set_interval(const uint8_t *payload, uint8_t length, struct link_set_interval *m)
{
    if (length < LINK_LENGTH_SET_INTERVAL) {
        return 0;
    }
    m->interval_ms = link_get_u16(payload);
    return 1;
}

/*
 * set_color (host to probe): colour of one or both RGB LEDs; ack data: the levels reached (r, g,
 * b in 0..15), then the four time codes used.
 */
struct link_set_color {
    uint8_t leds; /* bits of LINK_LED_* */
    uint8_t red; /* 0 to 255, rounded to 16 levels */
    uint8_t green; /* 0 to 255 */
    uint8_t blue; /* 0 to 255 */
    uint8_t effect; /* LINK_EFFECT_* */
    uint16_t fade_on_ms; /* blink and one_shot: 0 to 16320, nearest time code */
    uint16_t on_ms; /* fully on */
    uint16_t fade_off_ms; /* fade off */
    uint16_t off_ms; /* fully off, both pauses of a blink cycle */
};

static inline uint8_t link_pack_set_color(uint8_t *payload, const struct link_set_color *m)
{
    payload[0] = m->leds;
    payload[1] = m->red;
    payload[2] = m->green;
    payload[3] = m->blue;
    payload[4] = m->effect;
    link_put_u16(payload + 5, m->fade_on_ms);
    link_put_u16(payload + 7, m->on_ms);
    link_put_u16(payload + 9, m->fade_off_ms);
    link_put_u16(payload + 11, m->off_ms);
    return LINK_LENGTH_SET_COLOR;
}

static inline uint8_t link_unpack_set_color(const uint8_t *payload, uint8_t length, struct link_set_color *m)
{
    if (length < LINK_LENGTH_SET_COLOR) {
        return 0;
    }
    m->leds = payload[0];
    m->red = payload[1];
    m->green = payload[2];
    m->blue = payload[3];
    m->effect = payload[4];
    m->fade_on_ms = link_get_u16(payload + 5);
    m->on_ms = link_get_u16(payload + 7);
    m->fade_off_ms = link_get_u16(payload + 9);
    m->off_ms = link_get_u16(payload + 11);
    return 1;
}

/* set_outputs (host to probe): the thesis' port values: the code of each TCA6507 output. */
struct link_set_outputs {
    uint8_t codes[7]; /* P0 to P6, 0 to 7 (SCPS164, select registers) */
};

static inline uint8_t link_pack_set_outputs(uint8_t *payload, const struct link_set_outputs *m)
{
    link_copy(payload, m->codes, 7u);
    return LINK_LENGTH_SET_OUTPUTS;
}

static inline uint8_t link_unpack_set_outputs(const uint8_t *payload, uint8_t length, struct link_set_outputs *m)
{
    if (length < LINK_LENGTH_SET_OUTPUTS) {
        return 0;
    }
    link_copy(m->codes, payload, 7u);
    return 1;
}

/* set_brightness (host to probe): intensity of a PWM source. */
struct link_set_brightness {
    uint8_t source; /* 0 PWM0, 1 PWM1, 2 master intensity */
    uint8_t level; /* 0 to 15 */
};

static inline uint8_t link_pack_set_brightness(uint8_t *payload, const struct link_set_brightness *m)
{
    payload[0] = m->source;
    payload[1] = m->level;
    return LINK_LENGTH_SET_BRIGHTNESS;
}

static inline uint8_t link_unpack_set_brightness(const uint8_t *payload, uint8_t length, struct link_set_brightness *m)
{
    if (length < LINK_LENGTH_SET_BRIGHTNESS) {
        return 0;
    }
    m->source = payload[0];
    m->level = payload[1];
    return 1;
}

/*
 * step_brightness (host to probe): the thesis' increment and decrement of PWM0 and PWM1, stopping
 * at 0 and 15; ack data: the new level.
 */
struct link_step_brightness {
    uint8_t source; /* 0 PWM0, 1 PWM1 */
    int8_t step; /* levels, -15 to 15 */
};

static inline uint8_t link_pack_step_brightness(uint8_t *payload, const struct link_step_brightness *m)
{
    payload[0] = m->source;
    payload[1] = (uint8_t)m->step;
    return LINK_LENGTH_STEP_BRIGHTNESS;
}

static inline uint8_t link_unpack_step_brightness(const uint8_t *payload, uint8_t length, struct link_step_brightness *m)
{
    if (length < LINK_LENGTH_STEP_BRIGHTNESS) {
        return 0;
    }
    m->source = payload[0];
    m->step = (int8_t)payload[1];
    return 1;
}

/* led_test (host to probe): starts or stops a test of the LED module. */
struct link_led_test {
    uint8_t test; /* LINK_TEST_* */
    uint16_t step_ms; /* time of a step, 20 to 10000 */
};

static inline uint8_t link_pack_led_test(uint8_t *payload, const struct link_led_test *m)
{
    payload[0] = m->test;
    link_put_u16(payload + 1, m->step_ms);
    return LINK_LENGTH_LED_TEST;
}

static inline uint8_t link_unpack_led_test(const uint8_t *payload, uint8_t length, struct link_led_test *m)
{
    if (length < LINK_LENGTH_LED_TEST) {
        return 0;
    }
    m->test = payload[0];
    m->step_ms = link_get_u16(payload + 1);
    return 1;
}

/* vibrate (host to probe): runs the vibration motor. */
struct link_vibrate {
    uint8_t duty; /* percent, 0 stops */
    uint16_t duration_ms; /* 0 to 10000 */
};

static inline uint8_t link_pack_vibrate(uint8_t *payload, const struct link_vibrate *m)
{
    payload[0] = m->duty;
    link_put_u16(payload + 1, m->duration_ms);
    return LINK_LENGTH_VIBRATE;
}

static inline uint8_t link_unpack_vibrate(const uint8_t *payload, uint8_t length, struct link_vibrate *m)
{
    if (length < LINK_LENGTH_VIBRATE) {
        return 0;
    }
    m->duty = payload[0];
    m->duration_ms = link_get_u16(payload + 1);
    return 1;
}

/*
 * read_registers (host to probe): reads registers of a device on the I2C bus; ack data: the
 * values.
 */
struct link_read_registers {
    uint8_t address; /* 7-bit address */
    uint8_t reg; /* command byte sent before the repeated START */
    uint8_t count; /* 1 to 16 */
};

static inline uint8_t link_pack_read_registers(uint8_t *payload, const struct link_read_registers *m)
{
    payload[0] = m->address;
    payload[1] = m->reg;
    payload[2] = m->count;
    return LINK_LENGTH_READ_REGISTERS;
}

static inline uint8_t link_unpack_read_registers(const uint8_t *payload, uint8_t length, struct link_read_registers *m)
{
    if (length < LINK_LENGTH_READ_REGISTERS) {
        return 0;
    }
    m->address = payload[0];
    m->reg = payload[1];
    m->count = payload[2];
    return 1;
}

/* write_registers (host to probe): writes registers of a device on the I2C bus. */
struct link_write_registers {
    uint8_t address; /* 7-bit address */
    uint8_t reg; /* command byte */
    uint8_t values_length; /* bytes of values */
    uint8_t values[16]; /* values */
};

static inline uint8_t link_pack_write_registers(uint8_t *payload, const struct link_write_registers *m)
{
    uint8_t length = m->values_length <= 16u ? m->values_length : 16u;

    payload[0] = m->address;
    payload[1] = m->reg;
    link_copy(payload + 2, m->values, length);
    return (uint8_t)(LINK_LENGTH_WRITE_REGISTERS + length);
}

static inline uint8_t link_unpack_write_registers(const uint8_t *payload, uint8_t length, struct link_write_registers *m)
{
    if (length < LINK_LENGTH_WRITE_REGISTERS || length > LINK_LENGTH_WRITE_REGISTERS + 16u) {
        return 0;
    }
    m->address = payload[0];
    m->reg = payload[1];
    m->values_length = (uint8_t)(length - LINK_LENGTH_WRITE_REGISTERS);
    link_copy(m->values, payload + 2, m->values_length);
    return 1;
}

/* reset (host to probe): restarts the probe after the ack has left. */
/* No payload. */

/*
 * authenticate (host to probe): proves that the probe holds its key; ack data: SipHash-2-4 under
 * the key of a byte 1, the nonce and the probe's id, 8 bytes; unsupported without a key.
 */
struct link_authenticate {
    uint8_t nonce[8]; /* drawn at random by the host for this question alone */
};

static inline uint8_t link_pack_authenticate(uint8_t *payload, const struct link_authenticate *m)
{
    link_copy(payload, m->nonce, 8u);
    return LINK_LENGTH_AUTHENTICATE;
}

static inline uint8_t link_unpack_authenticate(const uint8_t *payload, uint8_t length, struct link_authenticate *m)
{
    if (length < LINK_LENGTH_AUTHENTICATE) {
        return 0;
    }
    link_copy(m->nonce, payload, 8u);
    return 1;
}

#endif
