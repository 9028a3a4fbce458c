/*
 * Generated from test/vectors/messages.json by tools/codegen (make codegen). Do not edit.
 *
 * Golden vectors of the link protocol for tests on the host compiler. pack writes the vector's message into a payload
 * and returns the length; matches unpacks a payload and returns 1 when every field has the vector's value.
 */
#ifndef LINK_VECTORS_GEN_H
#define LINK_VECTORS_GEN_H

#include <stdint.h>
#include <string.h>

#include "../link/messages.gen.h"

struct link_vector {
    const char *title;
    uint8_t type;
    uint16_t sequence;
    const uint8_t *packet; /* header, payload, CRC */
    uint8_t packet_length;
    const uint8_t *wire; /* COBS and the delimiter */
    uint8_t wire_length;
    uint8_t (*pack)(uint8_t *payload);
    uint8_t (*matches)(const uint8_t *payload, uint8_t length);
};

/* The first four are the framer's, the others the codec's. */
enum link_vector_error {
    LINK_ERROR_COBS,
    LINK_ERROR_LENGTH,
    LINK_ERROR_CRC,
    LINK_ERROR_VERSION,
    LINK_ERROR_UNKNOWN_TYPE,
    LINK_ERROR_SHORT_PAYLOAD,
    LINK_ERROR_LONG_DATA,
};

struct link_invalid_vector {
    const char *title;
    enum link_vector_error error;
    const uint8_t *wire;
    uint16_t wire_length;
};

#define LINK_VECTOR_COUNT(table) (sizeof(table) / sizeof(table)[0])

/* hello of a provisioned ball, answer to session 0x1234 */
static const uint8_t valid_0_packet[] = {
    0x41, 0x02, 0x01, 0x01, 0x00, 0x01, 0x00, 0xea, 0xe1, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xe3,
    0x80, 0x01, 0x00, 0xfa, 0x00, 0x34, 0x12, 0x00, 0x8a, 0x58,
};
static const uint8_t valid_0_wire[] = {
    0x05, 0x41, 0x02, 0x01, 0x01, 0x02, 0x01, 0x03, 0xea, 0xe1, 0x01, 0x01, 0x01, 0x01, 0x05, 0x01,
    0xe3, 0x80, 0x01, 0x02, 0xfa, 0x03, 0x34, 0x12, 0x03, 0x8a, 0x58, 0x00,
};

static const struct link_hello valid_0_message = {
    .kind = 1u,
    .version_major = 0u,
    .version_minor = 1u,
    .version_patch = 0u,
    .id = {234, 225, 0, 0, 0, 0, 0, 1},
    .capabilities = 32995u,
    .boots = 1u,
    .interval_ms = 250u,
    .session = 4660u,
    .reset_cause = 0u,
};

static inline uint8_t valid_0_pack(uint8_t *payload)
{
    return link_pack_hello(payload, &valid_0_message);
}

static inline uint8_t valid_0_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_hello *expected = &valid_0_message;
    struct link_hello m;

    return link_unpack_hello(payload, length, &m)
        && m.kind == expected->kind
        && m.version_major == expected->version_major
        && m.version_minor == expected->version_minor
        && m.version_patch == expected->version_patch
        && memcmp(m.id, expected->id, sizeof m.id) == 0
        && m.capabilities == expected->capabilities
        && m.boots == expected->boots
        && m.interval_ms == expected->interval_ms
        && m.session == expected->session
        && m.reset_cause == expected->reset_cause;
}

/* hello after start without an id */
static const uint8_t valid_1_packet[] = {
    0x41, 0x00, 0x00, 0x02, 0x01, 0x02, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x8c,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xa5, 0xff,
};
static const uint8_t valid_1_wire[] = {
    0x02, 0x41, 0x01, 0x05, 0x02, 0x01, 0x02, 0x03, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x02,
    0x8c, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x04, 0xff, 0xa5, 0xff, 0x00,
};

static const struct link_hello valid_1_message = {
    .kind = 2u,
    .version_major = 1u,
    .version_minor = 2u,
    .version_patch = 3u,
    .id = {0, 0, 0, 0, 0, 0, 0, 0},
    .capabilities = 140u,
    .boots = 0u,
    .interval_ms = 0u,
    .session = 0u,
    .reset_cause = 255u,
};

static inline uint8_t valid_1_pack(uint8_t *payload)
{
    return link_pack_hello(payload, &valid_1_message);
}

static inline uint8_t valid_1_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_hello *expected = &valid_1_message;
    struct link_hello m;

    return link_unpack_hello(payload, length, &m)
        && m.kind == expected->kind
        && m.version_major == expected->version_major
        && m.version_minor == expected->version_minor
        && m.version_patch == expected->version_patch
        && memcmp(m.id, expected->id, sizeof m.id) == 0
        && m.capabilities == expected->capabilities
        && m.boots == expected->boots
        && m.interval_ms == expected->interval_ms
        && m.session == expected->session
        && m.reset_cause == expected->reset_cause;
}

/* hello with every field at its largest */
static const uint8_t valid_2_packet[] = {
    0x41, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfa, 0xd4,
};
static const uint8_t valid_2_wire[] = {
    0x1b, 0x41, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfa, 0xd4, 0x00,
};

static const struct link_hello valid_2_message = {
    .kind = 255u,
    .version_major = 255u,
    .version_minor = 255u,
    .version_patch = 255u,
    .id = {255, 255, 255, 255, 255, 255, 255, 255},
    .capabilities = 65535u,
    .boots = 65535u,
    .interval_ms = 65535u,
    .session = 65535u,
    .reset_cause = 255u,
};

static inline uint8_t valid_2_pack(uint8_t *payload)
{
    return link_pack_hello(payload, &valid_2_message);
}

static inline uint8_t valid_2_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_hello *expected = &valid_2_message;
    struct link_hello m;

    return link_unpack_hello(payload, length, &m)
        && m.kind == expected->kind
        && m.version_major == expected->version_major
        && m.version_minor == expected->version_minor
        && m.version_patch == expected->version_patch
        && memcmp(m.id, expected->id, sizeof m.id) == 0
        && m.capabilities == expected->capabilities
        && m.boots == expected->boots
        && m.interval_ms == expected->interval_ms
        && m.session == expected->session
        && m.reset_cause == expected->reset_cause;
}

/* ball at rest */
static const uint8_t valid_3_packet[] = {
    0x42, 0x07, 0x00, 0xe8, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0xac, 0xb9,
};
static const uint8_t valid_3_wire[] = {
    0x03, 0x42, 0x07, 0x03, 0xe8, 0x03, 0x01, 0x01, 0x01, 0x01, 0x03, 0xac, 0xb9, 0x00,
};

static const struct link_ball_sample valid_3_message = {
    .time_ms = 1000ul,
    .presses = 0u,
    .pressed = 0u,
};

static inline uint8_t valid_3_pack(uint8_t *payload)
{
    return link_pack_ball_sample(payload, &valid_3_message);
}

static inline uint8_t valid_3_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_ball_sample *expected = &valid_3_message;
    struct link_ball_sample m;

    return link_unpack_ball_sample(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.presses == expected->presses
        && m.pressed == expected->pressed;
}

/* ball pressed, below freezing */
static const uint8_t valid_4_packet[] = {
    0x42, 0x00, 0x01, 0x04, 0x03, 0x02, 0x01, 0x01, 0x02, 0x01, 0x18, 0x76,
};
static const uint8_t valid_4_wire[] = {
    0x02, 0x42, 0x0b, 0x01, 0x04, 0x03, 0x02, 0x01, 0x01, 0x02, 0x01, 0x18, 0x76, 0x00,
};

static const struct link_ball_sample valid_4_message = {
    .time_ms = 16909060ul,
    .presses = 513u,
    .pressed = 1u,
};

static inline uint8_t valid_4_pack(uint8_t *payload)
{
    return link_pack_ball_sample(payload, &valid_4_message);
}

static inline uint8_t valid_4_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_ball_sample *expected = &valid_4_message;
    struct link_ball_sample m;

    return link_unpack_ball_sample(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.presses == expected->presses
        && m.pressed == expected->pressed;
}

/* ball sample with extremes */
static const uint8_t valid_5_packet[] = {
    0x42, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x75, 0x67,
};
static const uint8_t valid_5_wire[] = {
    0x0d, 0x42, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x75, 0x67, 0x00,
};

static const struct link_ball_sample valid_5_message = {
    .time_ms = 4294967295ul,
    .presses = 65535u,
    .pressed = 255u,
};

static inline uint8_t valid_5_pack(uint8_t *payload)
{
    return link_pack_ball_sample(payload, &valid_5_message);
}

static inline uint8_t valid_5_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_ball_sample *expected = &valid_5_message;
    struct link_ball_sample m;

    return link_unpack_ball_sample(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.presses == expected->presses
        && m.pressed == expected->pressed;
}

/* ball sample, all zero */
static const uint8_t valid_6_packet[] = {
    0x42, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xa9, 0x4d,
};
static const uint8_t valid_6_wire[] = {
    0x02, 0x42, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x03, 0xa9, 0x4d, 0x00,
};

static const struct link_ball_sample valid_6_message = {
    .time_ms = 0ul,
    .presses = 0u,
    .pressed = 0u,
};

static inline uint8_t valid_6_pack(uint8_t *payload)
{
    return link_pack_ball_sample(payload, &valid_6_message);
}

static inline uint8_t valid_6_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_ball_sample *expected = &valid_6_message;
    struct link_ball_sample m;

    return link_unpack_ball_sample(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.presses == expected->presses
        && m.pressed == expected->pressed;
}

/* arm lying still */
static const uint8_t valid_7_packet[] = {
    0x43, 0x2c, 0x01, 0xfa, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xe8, 0x03, 0xe0, 0x1b,
};
static const uint8_t valid_7_wire[] = {
    0x05, 0x43, 0x2c, 0x01, 0xfa, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x05, 0xe8, 0x03, 0xe0, 0x1b,
    0x00,
};

static const struct link_arm_sample valid_7_message = {
    .time_ms = 250ul,
    .x = 0,
    .y = 0,
    .z = 1000,
};

static inline uint8_t valid_7_pack(uint8_t *payload)
{
    return link_pack_arm_sample(payload, &valid_7_message);
}

static inline uint8_t valid_7_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_arm_sample *expected = &valid_7_message;
    struct link_arm_sample m;

    return link_unpack_arm_sample(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.x == expected->x
        && m.y == expected->y
        && m.z == expected->z;
}

/* arm sample, largest and smallest */
static const uint8_t valid_8_packet[] = {
    0x43, 0x01, 0x00, 0x00, 0x00, 0x00, 0x80, 0xff, 0x7f, 0x00, 0x80, 0xff, 0xff, 0x60, 0x1f,
};
static const uint8_t valid_8_wire[] = {
    0x03, 0x43, 0x01, 0x01, 0x01, 0x01, 0x04, 0x80, 0xff, 0x7f, 0x06, 0x80, 0xff, 0xff, 0x60, 0x1f,
    0x00,
};

static const struct link_arm_sample valid_8_message = {
    .time_ms = 2147483648ul,
    .x = 32767,
    .y = -32767 - 1,
    .z = -1,
};

static inline uint8_t valid_8_pack(uint8_t *payload)
{
    return link_pack_arm_sample(payload, &valid_8_message);
}

static inline uint8_t valid_8_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_arm_sample *expected = &valid_8_message;
    struct link_arm_sample m;

    return link_unpack_arm_sample(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.x == expected->x
        && m.y == expected->y
        && m.z == expected->z;
}

/* arm sample with zero bytes inside words */
static const uint8_t valid_9_packet[] = {
    0x43, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0xff, 0x01, 0x00, 0x2c, 0x03,
};
static const uint8_t valid_9_wire[] = {
    0x03, 0x43, 0x01, 0x01, 0x02, 0x01, 0x01, 0x01, 0x02, 0x01, 0x03, 0xff, 0x01, 0x03, 0x2c, 0x03,
    0x00,
};

static const struct link_arm_sample valid_9_message = {
    .time_ms = 256ul,
    .x = 256,
    .y = -256,
    .z = 1,
};

static inline uint8_t valid_9_pack(uint8_t *payload)
{
    return link_pack_arm_sample(payload, &valid_9_message);
}

static inline uint8_t valid_9_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_arm_sample *expected = &valid_9_message;
    struct link_arm_sample m;

    return link_unpack_arm_sample(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.x == expected->x
        && m.y == expected->y
        && m.z == expected->z;
}

/* light, 412 lx at 23.1 degrees */
static const uint8_t valid_10_packet[] = {
    0x44, 0x02, 0x00, 0x40, 0xe2, 0x01, 0x00, 0x9c, 0x01, 0x06, 0x09, 0xab, 0x0b, 0x53, 0x63,
};
static const uint8_t valid_10_wire[] = {
    0x03, 0x44, 0x02, 0x04, 0x40, 0xe2, 0x01, 0x09, 0x9c, 0x01, 0x06, 0x09, 0xab, 0x0b, 0x53, 0x63,
    0x00,
};

static const struct link_light_sample valid_10_message = {
    .time_ms = 123456ul,
    .illuminance = 412u,
    .temperature = 2310,
    .supply = 2987u,
};

static inline uint8_t valid_10_pack(uint8_t *payload)
{
    return link_pack_light_sample(payload, &valid_10_message);
}

static inline uint8_t valid_10_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_light_sample *expected = &valid_10_message;
    struct link_light_sample m;

    return link_unpack_light_sample(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.illuminance == expected->illuminance
        && m.temperature == expected->temperature
        && m.supply == expected->supply;
}

/* light sample, all ones */
static const uint8_t valid_11_packet[] = {
    0x44, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x50, 0xb4,
};
static const uint8_t valid_11_wire[] = {
    0x10, 0x44, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x50, 0xb4,
    0x00,
};

static const struct link_light_sample valid_11_message = {
    .time_ms = 4294967295ul,
    .illuminance = 65535u,
    .temperature = -1,
    .supply = 65535u,
};

static inline uint8_t valid_11_pack(uint8_t *payload)
{
    return link_pack_light_sample(payload, &valid_11_message);
}

static inline uint8_t valid_11_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_light_sample *expected = &valid_11_message;
    struct link_light_sample m;

    return link_unpack_light_sample(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.illuminance == expected->illuminance
        && m.temperature == expected->temperature
        && m.supply == expected->supply;
}

/* event: motion of 1.25 g */
static const uint8_t valid_12_packet[] = {
    0x45, 0x03, 0x00, 0x88, 0x13, 0x00, 0x00, 0xe2, 0x04, 0x01, 0x93, 0x82,
};
static const uint8_t valid_12_wire[] = {
    0x03, 0x45, 0x03, 0x03, 0x88, 0x13, 0x01, 0x06, 0xe2, 0x04, 0x01, 0x93, 0x82, 0x00,
};

static const struct link_event valid_12_message = {
    .time_ms = 5000ul,
    .value = 1250u,
    .event = 1u,
};

static inline uint8_t valid_12_pack(uint8_t *payload)
{
    return link_pack_event(payload, &valid_12_message);
}

static inline uint8_t valid_12_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_event *expected = &valid_12_message;
    struct link_event m;

    return link_unpack_event(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.value == expected->value
        && m.event == expected->event;
}

/* event: button released */
static const uint8_t valid_13_packet[] = {
    0x45, 0x04, 0x00, 0x89, 0x13, 0x00, 0x00, 0xff, 0xff, 0x04, 0xf5, 0x15,
};
static const uint8_t valid_13_wire[] = {
    0x03, 0x45, 0x04, 0x03, 0x89, 0x13, 0x01, 0x06, 0xff, 0xff, 0x04, 0xf5, 0x15, 0x00,
};

static const struct link_event valid_13_message = {
    .time_ms = 5001ul,
    .value = 65535u,
    .event = 4u,
};

static inline uint8_t valid_13_pack(uint8_t *payload)
{
    return link_pack_event(payload, &valid_13_message);
}

static inline uint8_t valid_13_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_event *expected = &valid_13_message;
    struct link_event m;

    return link_unpack_event(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.value == expected->value
        && m.event == expected->event;
}

/* led_state, a blinking colour */
static const uint8_t valid_14_packet[] = {
    0x46, 0x05, 0x00, 0x28, 0x00, 0x00, 0x00, 0x3f, 0x15, 0x00, 0x44, 0x33, 0x22, 0x11, 0xf0, 0x0f,
    0x80, 0x68, 0xe2,
};
static const uint8_t valid_14_wire[] = {
    0x03, 0x46, 0x05, 0x02, 0x28, 0x01, 0x01, 0x03, 0x3f, 0x15, 0x0a, 0x44, 0x33, 0x22, 0x11, 0xf0,
    0x0f, 0x80, 0x68, 0xe2, 0x00,
};

static const struct link_led_state valid_14_message = {
    .time_ms = 40ul,
    .registers = {63, 21, 0, 68, 51, 34, 17, 240, 15, 128},
};

static inline uint8_t valid_14_pack(uint8_t *payload)
{
    return link_pack_led_state(payload, &valid_14_message);
}

static inline uint8_t valid_14_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_led_state *expected = &valid_14_message;
    struct link_led_state m;

    return link_unpack_led_state(payload, length, &m)
        && m.time_ms == expected->time_ms
        && memcmp(m.registers, expected->registers, sizeof m.registers) == 0;
}

/* led_state, all zero */
static const uint8_t valid_15_packet[] = {
    0x46, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0xa4, 0xdd,
};
static const uint8_t valid_15_wire[] = {
    0x02, 0x46, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
    0x01, 0x03, 0xa4, 0xdd, 0x00,
};

static const struct link_led_state valid_15_message = {
    .time_ms = 0ul,
    .registers = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
};

static inline uint8_t valid_15_pack(uint8_t *payload)
{
    return link_pack_led_state(payload, &valid_15_message);
}

static inline uint8_t valid_15_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_led_state *expected = &valid_15_message;
    struct link_led_state m;

    return link_unpack_led_state(payload, length, &m)
        && m.time_ms == expected->time_ms
        && memcmp(m.registers, expected->registers, sizeof m.registers) == 0;
}

/* ack ok, no data */
static const uint8_t valid_16_packet[] = {
    0x47, 0x09, 0x00, 0x09, 0x00, 0x00, 0xac, 0x9a,
};
static const uint8_t valid_16_wire[] = {
    0x03, 0x47, 0x09, 0x02, 0x09, 0x01, 0x03, 0xac, 0x9a, 0x00,
};

static const struct link_ack valid_16_message = {
    .command_sequence = 9u,
    .status = 0u,
    .data_length = 0,
    .data = {0},
};

static inline uint8_t valid_16_pack(uint8_t *payload)
{
    return link_pack_ack(payload, &valid_16_message);
}

static inline uint8_t valid_16_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_ack *expected = &valid_16_message;
    struct link_ack m;

    return link_unpack_ack(payload, length, &m)
        && m.command_sequence == expected->command_sequence
        && m.status == expected->status
        && m.data_length == expected->data_length && memcmp(m.data, expected->data, m.data_length) == 0;
}

/* ack of an I2C NACK */
static const uint8_t valid_17_packet[] = {
    0x47, 0x0a, 0x00, 0xfe, 0xff, 0x04, 0xc7, 0x51,
};
static const uint8_t valid_17_wire[] = {
    0x03, 0x47, 0x0a, 0x06, 0xfe, 0xff, 0x04, 0xc7, 0x51, 0x00,
};

static const struct link_ack valid_17_message = {
    .command_sequence = 65534u,
    .status = 4u,
    .data_length = 0,
    .data = {0},
};

static inline uint8_t valid_17_pack(uint8_t *payload)
{
    return link_pack_ack(payload, &valid_17_message);
}

static inline uint8_t valid_17_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_ack *expected = &valid_17_message;
    struct link_ack m;

    return link_unpack_ack(payload, length, &m)
        && m.command_sequence == expected->command_sequence
        && m.status == expected->status
        && m.data_length == expected->data_length && memcmp(m.data, expected->data, m.data_length) == 0;
}

/* ack with the most data, no zero */
static const uint8_t valid_18_packet[] = {
    0x47, 0x0b, 0x0b, 0x0c, 0x0c, 0xff, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
    0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x5b, 0xfa,
};
static const uint8_t valid_18_wire[] = {
    0x19, 0x47, 0x0b, 0x0b, 0x0c, 0x0c, 0xff, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
    0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x5b, 0xfa, 0x00,
};

static const struct link_ack valid_18_message = {
    .command_sequence = 3084u,
    .status = 255u,
    .data_length = 16,
    .data = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
};

static inline uint8_t valid_18_pack(uint8_t *payload)
{
    return link_pack_ack(payload, &valid_18_message);
}

static inline uint8_t valid_18_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_ack *expected = &valid_18_message;
    struct link_ack m;

    return link_unpack_ack(payload, length, &m)
        && m.command_sequence == expected->command_sequence
        && m.status == expected->status
        && m.data_length == expected->data_length && memcmp(m.data, expected->data, m.data_length) == 0;
}

/* ack with the most data, all zero */
static const uint8_t valid_19_packet[] = {
    0x47, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc7, 0x5b,
};
static const uint8_t valid_19_wire[] = {
    0x02, 0x47, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
    0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x03, 0xc7, 0x5b, 0x00,
};

static const struct link_ack valid_19_message = {
    .command_sequence = 0u,
    .status = 0u,
    .data_length = 16,
    .data = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
};

static inline uint8_t valid_19_pack(uint8_t *payload)
{
    return link_pack_ack(payload, &valid_19_message);
}

static inline uint8_t valid_19_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_ack *expected = &valid_19_message;
    struct link_ack m;

    return link_unpack_ack(payload, length, &m)
        && m.command_sequence == expected->command_sequence
        && m.status == expected->status
        && m.data_length == expected->data_length && memcmp(m.data, expected->data, m.data_length) == 0;
}

/* ack no_session */
static const uint8_t valid_20_packet[] = {
    0x47, 0x01, 0x00, 0x02, 0x00, 0x08, 0x78, 0xe9,
};
static const uint8_t valid_20_wire[] = {
    0x03, 0x47, 0x01, 0x02, 0x02, 0x04, 0x08, 0x78, 0xe9, 0x00,
};

static const struct link_ack valid_20_message = {
    .command_sequence = 2u,
    .status = 8u,
    .data_length = 0,
    .data = {0},
};

static inline uint8_t valid_20_pack(uint8_t *payload)
{
    return link_pack_ack(payload, &valid_20_message);
}

static inline uint8_t valid_20_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_ack *expected = &valid_20_message;
    struct link_ack m;

    return link_unpack_ack(payload, length, &m)
        && m.command_sequence == expected->command_sequence
        && m.status == expected->status
        && m.data_length == expected->data_length && memcmp(m.data, expected->data, m.data_length) == 0;
}

/* counters, all zero */
static const uint8_t valid_21_packet[] = {
    0x48, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0xd1, 0x55,
};
static const uint8_t valid_21_wire[] = {
    0x02, 0x48, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
    0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
    0x01, 0x01, 0x03, 0xd1, 0x55, 0x00,
};

static const struct link_counters valid_21_message = {
    .time_ms = 0ul,
    .awake_ms = 0ul,
    .rx_bytes = 0ul,
    .tx_bytes = 0ul,
    .crc_errors = 0u,
    .frame_errors = 0u,
    .overruns = 0u,
    .tx_dropped = 0u,
    .i2c_errors = 0u,
    .boots = 0u,
    .stack_high_water = 0u,
    .reset_cause = 0u,
};

static inline uint8_t valid_21_pack(uint8_t *payload)
{
    return link_pack_counters(payload, &valid_21_message);
}

static inline uint8_t valid_21_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_counters *expected = &valid_21_message;
    struct link_counters m;

    return link_unpack_counters(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.awake_ms == expected->awake_ms
        && m.rx_bytes == expected->rx_bytes
        && m.tx_bytes == expected->tx_bytes
        && m.crc_errors == expected->crc_errors
        && m.frame_errors == expected->frame_errors
        && m.overruns == expected->overruns
        && m.tx_dropped == expected->tx_dropped
        && m.i2c_errors == expected->i2c_errors
        && m.boots == expected->boots
        && m.stack_high_water == expected->stack_high_water
        && m.reset_cause == expected->reset_cause;
}

/* counters, all ones: a long run without a zero */
static const uint8_t valid_22_packet[] = {
    0x48, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0x2d, 0x2e,
};
static const uint8_t valid_22_wire[] = {
    0x25, 0x48, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0x2d, 0x2e, 0x00,
};

static const struct link_counters valid_22_message = {
    .time_ms = 4294967295ul,
    .awake_ms = 4294967295ul,
    .rx_bytes = 4294967295ul,
    .tx_bytes = 4294967295ul,
    .crc_errors = 65535u,
    .frame_errors = 65535u,
    .overruns = 65535u,
    .tx_dropped = 65535u,
    .i2c_errors = 65535u,
    .boots = 65535u,
    .stack_high_water = 65535u,
    .reset_cause = 255u,
};

static inline uint8_t valid_22_pack(uint8_t *payload)
{
    return link_pack_counters(payload, &valid_22_message);
}

static inline uint8_t valid_22_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_counters *expected = &valid_22_message;
    struct link_counters m;

    return link_unpack_counters(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.awake_ms == expected->awake_ms
        && m.rx_bytes == expected->rx_bytes
        && m.tx_bytes == expected->tx_bytes
        && m.crc_errors == expected->crc_errors
        && m.frame_errors == expected->frame_errors
        && m.overruns == expected->overruns
        && m.tx_dropped == expected->tx_dropped
        && m.i2c_errors == expected->i2c_errors
        && m.boots == expected->boots
        && m.stack_high_water == expected->stack_high_water
        && m.reset_cause == expected->reset_cause;
}

/* counters after a while */
static const uint8_t valid_23_packet[] = {
    0x48, 0x2b, 0x2a, 0x80, 0xee, 0x36, 0x00, 0x39, 0x30, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00,
    0x00, 0x10, 0x00, 0x01, 0x00, 0x02, 0x00, 0x03, 0x00, 0x04, 0x00, 0x05, 0x00, 0x06, 0x00, 0x85,
    0x00, 0x02, 0x14, 0xa4,
};
static const uint8_t valid_23_wire[] = {
    0x07, 0x48, 0x2b, 0x2a, 0x80, 0xee, 0x36, 0x03, 0x39, 0x30, 0x01, 0x01, 0x02, 0x10, 0x01, 0x01,
    0x01, 0x02, 0x10, 0x02, 0x01, 0x02, 0x02, 0x02, 0x03, 0x02, 0x04, 0x02, 0x05, 0x02, 0x06, 0x02,
    0x85, 0x04, 0x02, 0x14, 0xa4, 0x00,
};

static const struct link_counters valid_23_message = {
    .time_ms = 3600000ul,
    .awake_ms = 12345ul,
    .rx_bytes = 4096ul,
    .tx_bytes = 1048576ul,
    .crc_errors = 1u,
    .frame_errors = 2u,
    .overruns = 3u,
    .tx_dropped = 4u,
    .i2c_errors = 5u,
    .boots = 6u,
    .stack_high_water = 133u,
    .reset_cause = 2u,
};

static inline uint8_t valid_23_pack(uint8_t *payload)
{
    return link_pack_counters(payload, &valid_23_message);
}

static inline uint8_t valid_23_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_counters *expected = &valid_23_message;
    struct link_counters m;

    return link_unpack_counters(payload, length, &m)
        && m.time_ms == expected->time_ms
        && m.awake_ms == expected->awake_ms
        && m.rx_bytes == expected->rx_bytes
        && m.tx_bytes == expected->tx_bytes
        && m.crc_errors == expected->crc_errors
        && m.frame_errors == expected->frame_errors
        && m.overruns == expected->overruns
        && m.tx_dropped == expected->tx_dropped
        && m.i2c_errors == expected->i2c_errors
        && m.boots == expected->boots
        && m.stack_high_water == expected->stack_high_water
        && m.reset_cause == expected->reset_cause;
}

/* hello_request */
static const uint8_t valid_24_packet[] = {
    0x60, 0x00, 0x00, 0x34, 0x12, 0xf2, 0xf3,
};
static const uint8_t valid_24_wire[] = {
    0x02, 0x60, 0x01, 0x05, 0x34, 0x12, 0xf2, 0xf3, 0x00,
};

static const struct link_hello_request valid_24_message = {
    .session = 4660u,
};

static inline uint8_t valid_24_pack(uint8_t *payload)
{
    return link_pack_hello_request(payload, &valid_24_message);
}

static inline uint8_t valid_24_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_hello_request *expected = &valid_24_message;
    struct link_hello_request m;

    return link_unpack_hello_request(payload, length, &m)
        && m.session == expected->session;
}

/* hello_request, largest session */
static const uint8_t valid_25_packet[] = {
    0x60, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x91,
};
static const uint8_t valid_25_wire[] = {
    0x08, 0x60, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x91, 0x00,
};

static const struct link_hello_request valid_25_message = {
    .session = 65535u,
};

static inline uint8_t valid_25_pack(uint8_t *payload)
{
    return link_pack_hello_request(payload, &valid_25_message);
}

static inline uint8_t valid_25_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_hello_request *expected = &valid_25_message;
    struct link_hello_request m;

    return link_unpack_hello_request(payload, length, &m)
        && m.session == expected->session;
}

/* ping, sequence 0 */
static const uint8_t valid_26_packet[] = {
    0x61, 0x00, 0x00, 0xc7, 0x60,
};
static const uint8_t valid_26_wire[] = {
    0x02, 0x61, 0x01, 0x03, 0xc7, 0x60, 0x00,
};

static inline uint8_t valid_26_pack(uint8_t *payload)
{
    (void)payload;
    return 0;
}

static inline uint8_t valid_26_matches(const uint8_t *payload, uint8_t length)
{
    (void)payload;
    (void)length;
    return 1;
}

/* ping, sequence 0xffff */
static const uint8_t valid_27_packet[] = {
    0x61, 0xff, 0xff, 0xc8, 0x7d,
};
static const uint8_t valid_27_wire[] = {
    0x06, 0x61, 0xff, 0xff, 0xc8, 0x7d, 0x00,
};

static inline uint8_t valid_27_pack(uint8_t *payload)
{
    (void)payload;
    return 0;
}

static inline uint8_t valid_27_matches(const uint8_t *payload, uint8_t length)
{
    (void)payload;
    (void)length;
    return 1;
}

/* ping whose CRC has a zero low byte */
static const uint8_t valid_28_packet[] = {
    0x61, 0x20, 0x01, 0x00, 0x76,
};
static const uint8_t valid_28_wire[] = {
    0x04, 0x61, 0x20, 0x01, 0x02, 0x76, 0x00,
};

static inline uint8_t valid_28_pack(uint8_t *payload)
{
    (void)payload;
    return 0;
}

static inline uint8_t valid_28_matches(const uint8_t *payload, uint8_t length)
{
    (void)payload;
    (void)length;
    return 1;
}

/* ping whose CRC has a zero high byte */
static const uint8_t valid_29_packet[] = {
    0x61, 0x22, 0x00, 0x43, 0x00,
};
static const uint8_t valid_29_wire[] = {
    0x03, 0x61, 0x22, 0x02, 0x43, 0x01, 0x00,
};

static inline uint8_t valid_29_pack(uint8_t *payload)
{
    (void)payload;
    return 0;
}

static inline uint8_t valid_29_matches(const uint8_t *payload, uint8_t length)
{
    (void)payload;
    (void)length;
    return 1;
}

/* ping whose CRC is zero */
static const uint8_t valid_30_packet[] = {
    0x61, 0x9d, 0x77, 0x00, 0x00,
};
static const uint8_t valid_30_wire[] = {
    0x04, 0x61, 0x9d, 0x77, 0x01, 0x01, 0x00,
};

static inline uint8_t valid_30_pack(uint8_t *payload)
{
    (void)payload;
    return 0;
}

static inline uint8_t valid_30_matches(const uint8_t *payload, uint8_t length)
{
    (void)payload;
    (void)length;
    return 1;
}

/* get_counters */
static const uint8_t valid_31_packet[] = {
    0x62, 0x01, 0x00, 0xa6, 0x0a,
};
static const uint8_t valid_31_wire[] = {
    0x03, 0x62, 0x01, 0x03, 0xa6, 0x0a, 0x00,
};

static inline uint8_t valid_31_pack(uint8_t *payload)
{
    (void)payload;
    return 0;
}

static inline uint8_t valid_31_matches(const uint8_t *payload, uint8_t length)
{
    (void)payload;
    (void)length;
    return 1;
}

/* set_interval to 50 Hz */
static const uint8_t valid_32_packet[] = {
    0x63, 0x02, 0x00, 0x14, 0x00, 0xdd, 0xc4,
};
static const uint8_t valid_32_wire[] = {
    0x03, 0x63, 0x02, 0x02, 0x14, 0x03, 0xdd, 0xc4, 0x00,
};

static const struct link_set_interval valid_32_message = {
    .interval_ms = 20u,
};

static inline uint8_t valid_32_pack(uint8_t *payload)
{
    return link_pack_set_interval(payload, &valid_32_message);
}

static inline uint8_t valid_32_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_set_interval *expected = &valid_32_message;
    struct link_set_interval m;

    return link_unpack_set_interval(payload, length, &m)
        && m.interval_ms == expected->interval_ms;
}

/* set_interval to 0.1 Hz */
static const uint8_t valid_33_packet[] = {
    0x63, 0x03, 0x00, 0x10, 0x27, 0x28, 0x2a,
};
static const uint8_t valid_33_wire[] = {
    0x03, 0x63, 0x03, 0x05, 0x10, 0x27, 0x28, 0x2a, 0x00,
};

static const struct link_set_interval valid_33_message = {
    .interval_ms = 10000u,
};

static inline uint8_t valid_33_pack(uint8_t *payload)
{
    return link_pack_set_interval(payload, &valid_33_message);
}

static inline uint8_t valid_33_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_set_interval *expected = &valid_33_message;
    struct link_set_interval m;

    return link_unpack_set_interval(payload, length, &m)
        && m.interval_ms == expected->interval_ms;
}

/* set_color, steady orange on both LEDs */
static const uint8_t valid_34_packet[] = {
    0x64, 0x04, 0x00, 0x03, 0xff, 0x88, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x25, 0x62,
};
static const uint8_t valid_34_wire[] = {
    0x03, 0x64, 0x04, 0x04, 0x03, 0xff, 0x88, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
    0x03, 0x25, 0x62, 0x00,
};

static const struct link_set_color valid_34_message = {
    .leds = 3u,
    .red = 255u,
    .green = 136u,
    .blue = 0u,
    .effect = 0u,
    .fade_on_ms = 0u,
    .on_ms = 0u,
    .fade_off_ms = 0u,
    .off_ms = 0u,
};

static inline uint8_t valid_34_pack(uint8_t *payload)
{
    return link_pack_set_color(payload, &valid_34_message);
}

static inline uint8_t valid_34_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_set_color *expected = &valid_34_message;
    struct link_set_color m;

    return link_unpack_set_color(payload, length, &m)
        && m.leds == expected->leds
        && m.red == expected->red
        && m.green == expected->green
        && m.blue == expected->blue
        && m.effect == expected->effect
        && m.fade_on_ms == expected->fade_on_ms
        && m.on_ms == expected->on_ms
        && m.fade_off_ms == expected->fade_off_ms
        && m.off_ms == expected->off_ms;
}

/* set_color, blinking lower LED, longest times */
static const uint8_t valid_35_packet[] = {
    0x64, 0x05, 0x00, 0x01, 0x01, 0x02, 0x03, 0x01, 0xc0, 0x3f, 0xbf, 0x3f, 0x00, 0x01, 0xff, 0x00,
    0xa1, 0x12,
};
static const uint8_t valid_35_wire[] = {
    0x03, 0x64, 0x05, 0x0a, 0x01, 0x01, 0x02, 0x03, 0x01, 0xc0, 0x3f, 0xbf, 0x3f, 0x03, 0x01, 0xff,
    0x03, 0xa1, 0x12, 0x00,
};

static const struct link_set_color valid_35_message = {
    .leds = 1u,
    .red = 1u,
    .green = 2u,
    .blue = 3u,
    .effect = 1u,
    .fade_on_ms = 16320u,
    .on_ms = 16319u,
    .fade_off_ms = 256u,
    .off_ms = 255u,
};

static inline uint8_t valid_35_pack(uint8_t *payload)
{
    return link_pack_set_color(payload, &valid_35_message);
}

static inline uint8_t valid_35_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_set_color *expected = &valid_35_message;
    struct link_set_color m;

    return link_unpack_set_color(payload, length, &m)
        && m.leds == expected->leds
        && m.red == expected->red
        && m.green == expected->green
        && m.blue == expected->blue
        && m.effect == expected->effect
        && m.fade_on_ms == expected->fade_on_ms
        && m.on_ms == expected->on_ms
        && m.fade_off_ms == expected->fade_off_ms
        && m.off_ms == expected->off_ms;
}

/* set_outputs, each code once */
static const uint8_t valid_36_packet[] = {
    0x65, 0x06, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0xda, 0xeb,
};
static const uint8_t valid_36_wire[] = {
    0x03, 0x65, 0x06, 0x01, 0x09, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0xda, 0xeb, 0x00,
};

static const struct link_set_outputs valid_36_message = {
    .codes = {0, 1, 2, 3, 4, 5, 6},
};

static inline uint8_t valid_36_pack(uint8_t *payload)
{
    return link_pack_set_outputs(payload, &valid_36_message);
}

static inline uint8_t valid_36_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_set_outputs *expected = &valid_36_message;
    struct link_set_outputs m;

    return link_unpack_set_outputs(payload, length, &m)
        && memcmp(m.codes, expected->codes, sizeof m.codes) == 0;
}

/* set_outputs, blink bank 1 */
static const uint8_t valid_37_packet[] = {
    0x65, 0x07, 0x00, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0xe9, 0x52,
};
static const uint8_t valid_37_wire[] = {
    0x03, 0x65, 0x07, 0x0a, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0xe9, 0x52, 0x00,
};

static const struct link_set_outputs valid_37_message = {
    .codes = {7, 7, 7, 7, 7, 7, 7},
};

static inline uint8_t valid_37_pack(uint8_t *payload)
{
    return link_pack_set_outputs(payload, &valid_37_message);
}

static inline uint8_t valid_37_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_set_outputs *expected = &valid_37_message;
    struct link_set_outputs m;

    return link_unpack_set_outputs(payload, length, &m)
        && memcmp(m.codes, expected->codes, sizeof m.codes) == 0;
}

/* set_brightness of PWM0 to full */
static const uint8_t valid_38_packet[] = {
    0x66, 0x08, 0x00, 0x00, 0x0f, 0x79, 0xb1,
};
static const uint8_t valid_38_wire[] = {
    0x03, 0x66, 0x08, 0x01, 0x04, 0x0f, 0x79, 0xb1, 0x00,
};

static const struct link_set_brightness valid_38_message = {
    .source = 0u,
    .level = 15u,
};

static inline uint8_t valid_38_pack(uint8_t *payload)
{
    return link_pack_set_brightness(payload, &valid_38_message);
}

static inline uint8_t valid_38_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_set_brightness *expected = &valid_38_message;
    struct link_set_brightness m;

    return link_unpack_set_brightness(payload, length, &m)
        && m.source == expected->source
        && m.level == expected->level;
}

/* set_brightness, master off */
static const uint8_t valid_39_packet[] = {
    0x66, 0x09, 0x00, 0x02, 0x00, 0x40, 0x50,
};
static const uint8_t valid_39_wire[] = {
    0x03, 0x66, 0x09, 0x02, 0x02, 0x03, 0x40, 0x50, 0x00,
};

static const struct link_set_brightness valid_39_message = {
    .source = 2u,
    .level = 0u,
};

static inline uint8_t valid_39_pack(uint8_t *payload)
{
    return link_pack_set_brightness(payload, &valid_39_message);
}

static inline uint8_t valid_39_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_set_brightness *expected = &valid_39_message;
    struct link_set_brightness m;

    return link_unpack_set_brightness(payload, length, &m)
        && m.source == expected->source
        && m.level == expected->level;
}

/* step_brightness down by 15 */
static const uint8_t valid_40_packet[] = {
    0x67, 0x0a, 0x00, 0x01, 0xf1, 0xa0, 0xcb,
};
static const uint8_t valid_40_wire[] = {
    0x03, 0x67, 0x0a, 0x05, 0x01, 0xf1, 0xa0, 0xcb, 0x00,
};

static const struct link_step_brightness valid_40_message = {
    .source = 1u,
    .step = -15,
};

static inline uint8_t valid_40_pack(uint8_t *payload)
{
    return link_pack_step_brightness(payload, &valid_40_message);
}

static inline uint8_t valid_40_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_step_brightness *expected = &valid_40_message;
    struct link_step_brightness m;

    return link_unpack_step_brightness(payload, length, &m)
        && m.source == expected->source
        && m.step == expected->step;
}

/* step_brightness, smallest and largest */
static const uint8_t valid_41_packet[] = {
    0x67, 0x0b, 0x00, 0x00, 0x80, 0x93, 0xe0,
};
static const uint8_t valid_41_wire[] = {
    0x03, 0x67, 0x0b, 0x01, 0x04, 0x80, 0x93, 0xe0, 0x00,
};

static const struct link_step_brightness valid_41_message = {
    .source = 0u,
    .step = -128,
};

static inline uint8_t valid_41_pack(uint8_t *payload)
{
    return link_pack_step_brightness(payload, &valid_41_message);
}

static inline uint8_t valid_41_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_step_brightness *expected = &valid_41_message;
    struct link_step_brightness m;

    return link_unpack_step_brightness(payload, length, &m)
        && m.source == expected->source
        && m.step == expected->step;
}

/* step_brightness up */
static const uint8_t valid_42_packet[] = {
    0x67, 0x0c, 0x00, 0x00, 0x7f, 0x4e, 0xaf,
};
static const uint8_t valid_42_wire[] = {
    0x03, 0x67, 0x0c, 0x01, 0x04, 0x7f, 0x4e, 0xaf, 0x00,
};

static const struct link_step_brightness valid_42_message = {
    .source = 0u,
    .step = 127,
};

static inline uint8_t valid_42_pack(uint8_t *payload)
{
    return link_pack_step_brightness(payload, &valid_42_message);
}

static inline uint8_t valid_42_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_step_brightness *expected = &valid_42_message;
    struct link_step_brightness m;

    return link_unpack_step_brightness(payload, length, &m)
        && m.source == expected->source
        && m.step == expected->step;
}

/* led_test stop */
static const uint8_t valid_43_packet[] = {
    0x68, 0x0d, 0x00, 0x00, 0x00, 0x00, 0x30, 0x7d,
};
static const uint8_t valid_43_wire[] = {
    0x03, 0x68, 0x0d, 0x01, 0x01, 0x01, 0x03, 0x30, 0x7d, 0x00,
};

static const struct link_led_test valid_43_message = {
    .test = 0u,
    .step_ms = 0u,
};

static inline uint8_t valid_43_pack(uint8_t *payload)
{
    return link_pack_led_test(payload, &valid_43_message);
}

static inline uint8_t valid_43_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_led_test *expected = &valid_43_message;
    struct link_led_test m;

    return link_unpack_led_test(payload, length, &m)
        && m.test == expected->test
        && m.step_ms == expected->step_ms;
}

/* led_test count, 20 ms steps */
static const uint8_t valid_44_packet[] = {
    0x68, 0x0e, 0x00, 0x02, 0x14, 0x00, 0x35, 0x32,
};
static const uint8_t valid_44_wire[] = {
    0x03, 0x68, 0x0e, 0x03, 0x02, 0x14, 0x03, 0x35, 0x32, 0x00,
};

static const struct link_led_test valid_44_message = {
    .test = 2u,
    .step_ms = 20u,
};

static inline uint8_t valid_44_pack(uint8_t *payload)
{
    return link_pack_led_test(payload, &valid_44_message);
}

static inline uint8_t valid_44_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_led_test *expected = &valid_44_message;
    struct link_led_test m;

    return link_unpack_led_test(payload, length, &m)
        && m.test == expected->test
        && m.step_ms == expected->step_ms;
}

/* vibrate at 80 percent for half a second */
static const uint8_t valid_45_packet[] = {
    0x69, 0x0f, 0x00, 0x50, 0xf4, 0x01, 0xf9, 0xed,
};
static const uint8_t valid_45_wire[] = {
    0x03, 0x69, 0x0f, 0x06, 0x50, 0xf4, 0x01, 0xf9, 0xed, 0x00,
};

static const struct link_vibrate valid_45_message = {
    .duty = 80u,
    .duration_ms = 500u,
};

static inline uint8_t valid_45_pack(uint8_t *payload)
{
    return link_pack_vibrate(payload, &valid_45_message);
}

static inline uint8_t valid_45_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_vibrate *expected = &valid_45_message;
    struct link_vibrate m;

    return link_unpack_vibrate(payload, length, &m)
        && m.duty == expected->duty
        && m.duration_ms == expected->duration_ms;
}

/* vibrate stop */
static const uint8_t valid_46_packet[] = {
    0x69, 0x10, 0x00, 0x00, 0x00, 0x00, 0xb0, 0x1d,
};
static const uint8_t valid_46_wire[] = {
    0x03, 0x69, 0x10, 0x01, 0x01, 0x01, 0x03, 0xb0, 0x1d, 0x00,
};

static const struct link_vibrate valid_46_message = {
    .duty = 0u,
    .duration_ms = 0u,
};

static inline uint8_t valid_46_pack(uint8_t *payload)
{
    return link_pack_vibrate(payload, &valid_46_message);
}

static inline uint8_t valid_46_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_vibrate *expected = &valid_46_message;
    struct link_vibrate m;

    return link_unpack_vibrate(payload, length, &m)
        && m.duty == expected->duty
        && m.duration_ms == expected->duration_ms;
}

/* read_registers, all of a TCA6507 */
static const uint8_t valid_47_packet[] = {
    0x6a, 0x11, 0x00, 0x45, 0x10, 0x0a, 0x65, 0x2d,
};
static const uint8_t valid_47_wire[] = {
    0x03, 0x6a, 0x11, 0x06, 0x45, 0x10, 0x0a, 0x65, 0x2d, 0x00,
};

static const struct link_read_registers valid_47_message = {
    .address = 69u,
    .reg = 16u,
    .count = 10u,
};

static inline uint8_t valid_47_pack(uint8_t *payload)
{
    return link_pack_read_registers(payload, &valid_47_message);
}

static inline uint8_t valid_47_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_read_registers *expected = &valid_47_message;
    struct link_read_registers m;

    return link_unpack_read_registers(payload, length, &m)
        && m.address == expected->address
        && m.reg == expected->reg
        && m.count == expected->count;
}

/* write_registers without values */
static const uint8_t valid_48_packet[] = {
    0x6b, 0x12, 0x00, 0x45, 0x00, 0xd9, 0xe0,
};
static const uint8_t valid_48_wire[] = {
    0x03, 0x6b, 0x12, 0x02, 0x45, 0x03, 0xd9, 0xe0, 0x00,
};

static const struct link_write_registers valid_48_message = {
    .address = 69u,
    .reg = 0u,
    .values_length = 0,
    .values = {0},
};

static inline uint8_t valid_48_pack(uint8_t *payload)
{
    return link_pack_write_registers(payload, &valid_48_message);
}

static inline uint8_t valid_48_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_write_registers *expected = &valid_48_message;
    struct link_write_registers m;

    return link_unpack_write_registers(payload, length, &m)
        && m.address == expected->address
        && m.reg == expected->reg
        && m.values_length == expected->values_length && memcmp(m.values, expected->values, m.values_length) == 0;
}

/* write_registers with the most values */
static const uint8_t valid_49_packet[] = {
    0x6b, 0x13, 0x00, 0x45, 0x10, 0x00, 0x01, 0x00, 0x02, 0x00, 0x03, 0x00, 0x04, 0x00, 0x05, 0x00,
    0x06, 0x00, 0x07, 0x00, 0x08, 0x42, 0x20,
};
static const uint8_t valid_49_wire[] = {
    0x03, 0x6b, 0x13, 0x03, 0x45, 0x10, 0x02, 0x01, 0x02, 0x02, 0x02, 0x03, 0x02, 0x04, 0x02, 0x05,
    0x02, 0x06, 0x02, 0x07, 0x04, 0x08, 0x42, 0x20, 0x00,
};

static const struct link_write_registers valid_49_message = {
    .address = 69u,
    .reg = 16u,
    .values_length = 16,
    .values = {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8},
};

static inline uint8_t valid_49_pack(uint8_t *payload)
{
    return link_pack_write_registers(payload, &valid_49_message);
}

static inline uint8_t valid_49_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_write_registers *expected = &valid_49_message;
    struct link_write_registers m;

    return link_unpack_write_registers(payload, length, &m)
        && m.address == expected->address
        && m.reg == expected->reg
        && m.values_length == expected->values_length && memcmp(m.values, expected->values, m.values_length) == 0;
}

/* reset */
static const uint8_t valid_50_packet[] = {
    0x6c, 0x00, 0x80, 0x1e, 0xb3,
};
static const uint8_t valid_50_wire[] = {
    0x02, 0x6c, 0x04, 0x80, 0x1e, 0xb3, 0x00,
};

static inline uint8_t valid_50_pack(uint8_t *payload)
{
    (void)payload;
    return 0;
}

static inline uint8_t valid_50_matches(const uint8_t *payload, uint8_t length)
{
    (void)payload;
    (void)length;
    return 1;
}

/* authenticate */
static const uint8_t valid_51_packet[] = {
    0x6d, 0x2e, 0x00, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x18, 0x7c,
};
static const uint8_t valid_51_wire[] = {
    0x03, 0x6d, 0x2e, 0x01, 0x0a, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x18, 0x7c, 0x00,
};

static const struct link_authenticate valid_51_message = {
    .nonce = {0, 17, 34, 51, 68, 85, 102, 119},
};

static inline uint8_t valid_51_pack(uint8_t *payload)
{
    return link_pack_authenticate(payload, &valid_51_message);
}

static inline uint8_t valid_51_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_authenticate *expected = &valid_51_message;
    struct link_authenticate m;

    return link_unpack_authenticate(payload, length, &m)
        && memcmp(m.nonce, expected->nonce, sizeof m.nonce) == 0;
}

/* authenticate with a nonce of zeros */
static const uint8_t valid_52_packet[] = {
    0x6d, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x19, 0xf0,
};
static const uint8_t valid_52_wire[] = {
    0x04, 0x6d, 0xff, 0xff, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x03, 0x19, 0xf0, 0x00,
};

static const struct link_authenticate valid_52_message = {
    .nonce = {0, 0, 0, 0, 0, 0, 0, 0},
};

static inline uint8_t valid_52_pack(uint8_t *payload)
{
    return link_pack_authenticate(payload, &valid_52_message);
}

static inline uint8_t valid_52_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_authenticate *expected = &valid_52_message;
    struct link_authenticate m;

    return link_unpack_authenticate(payload, length, &m)
        && memcmp(m.nonce, expected->nonce, sizeof m.nonce) == 0;
}

/* authenticate with a nonce of ones */
static const uint8_t valid_53_packet[] = {
    0x6d, 0x00, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xe2, 0x5c,
};
static const uint8_t valid_53_wire[] = {
    0x02, 0x6d, 0x0c, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xe2, 0x5c, 0x00,
};

static const struct link_authenticate valid_53_message = {
    .nonce = {255, 255, 255, 255, 255, 255, 255, 255},
};

static inline uint8_t valid_53_pack(uint8_t *payload)
{
    return link_pack_authenticate(payload, &valid_53_message);
}

static inline uint8_t valid_53_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_authenticate *expected = &valid_53_message;
    struct link_authenticate m;

    return link_unpack_authenticate(payload, length, &m)
        && memcmp(m.nonce, expected->nonce, sizeof m.nonce) == 0;
}

/* ack of authenticate */
static const uint8_t valid_54_packet[] = {
    0x47, 0x09, 0x00, 0x2e, 0x00, 0x00, 0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72, 0x43, 0x0f,
};
static const uint8_t valid_54_wire[] = {
    0x03, 0x47, 0x09, 0x02, 0x2e, 0x01, 0x0b, 0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72, 0x43,
    0x0f, 0x00,
};

static const struct link_ack valid_54_message = {
    .command_sequence = 46u,
    .status = 0u,
    .data_length = 8,
    .data = {49, 14, 14, 221, 71, 219, 111, 114},
};

static inline uint8_t valid_54_pack(uint8_t *payload)
{
    return link_pack_ack(payload, &valid_54_message);
}

static inline uint8_t valid_54_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_ack *expected = &valid_54_message;
    struct link_ack m;

    return link_unpack_ack(payload, length, &m)
        && m.command_sequence == expected->command_sequence
        && m.status == expected->status
        && m.data_length == expected->data_length && memcmp(m.data, expected->data, m.data_length) == 0;
}

/* hello of a ball that authenticates */
static const uint8_t valid_55_packet[] = {
    0x41, 0x03, 0x00, 0x01, 0x00, 0x03, 0x00, 0x02, 0xc0, 0xff, 0xee, 0x00, 0x00, 0x00, 0x01, 0x83,
    0x81, 0x02, 0x00, 0xfa, 0x00, 0xef, 0xbe, 0x01, 0x1e, 0x68,
};
static const uint8_t valid_55_wire[] = {
    0x03, 0x41, 0x03, 0x02, 0x01, 0x02, 0x03, 0x05, 0x02, 0xc0, 0xff, 0xee, 0x01, 0x01, 0x05, 0x01,
    0x83, 0x81, 0x02, 0x02, 0xfa, 0x06, 0xef, 0xbe, 0x01, 0x1e, 0x68, 0x00,
};

static const struct link_hello valid_55_message = {
    .kind = 1u,
    .version_major = 0u,
    .version_minor = 3u,
    .version_patch = 0u,
    .id = {2, 192, 255, 238, 0, 0, 0, 1},
    .capabilities = 33155u,
    .boots = 2u,
    .interval_ms = 250u,
    .session = 48879u,
    .reset_cause = 1u,
};

static inline uint8_t valid_55_pack(uint8_t *payload)
{
    return link_pack_hello(payload, &valid_55_message);
}

static inline uint8_t valid_55_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_hello *expected = &valid_55_message;
    struct link_hello m;

    return link_unpack_hello(payload, length, &m)
        && m.kind == expected->kind
        && m.version_major == expected->version_major
        && m.version_minor == expected->version_minor
        && m.version_patch == expected->version_patch
        && memcmp(m.id, expected->id, sizeof m.id) == 0
        && m.capabilities == expected->capabilities
        && m.boots == expected->boots
        && m.interval_ms == expected->interval_ms
        && m.session == expected->session
        && m.reset_cause == expected->reset_cause;
}

/* hello with eleven appended bytes: the longest packet */
static const uint8_t tolerated_0_packet[] = {
    0x41, 0x02, 0x00, 0x01, 0x00, 0x01, 0x00, 0xea, 0xe1, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xe3,
    0x80, 0x01, 0x00, 0xfa, 0x00, 0x34, 0x12, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
    0x09, 0x0a, 0x0b, 0xc5, 0xbc,
};
static const uint8_t tolerated_0_wire[] = {
    0x03, 0x41, 0x02, 0x02, 0x01, 0x02, 0x01, 0x03, 0xea, 0xe1, 0x01, 0x01, 0x01, 0x01, 0x05, 0x01,
    0xe3, 0x80, 0x01, 0x02, 0xfa, 0x03, 0x34, 0x12, 0x0e, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
    0x08, 0x09, 0x0a, 0x0b, 0xc5, 0xbc, 0x00,
};

static const struct link_hello tolerated_0_message = {
    .kind = 1u,
    .version_major = 0u,
    .version_minor = 1u,
    .version_patch = 0u,
    .id = {234, 225, 0, 0, 0, 0, 0, 1},
    .capabilities = 32995u,
    .boots = 1u,
    .interval_ms = 250u,
    .session = 4660u,
    .reset_cause = 0u,
};

static inline uint8_t tolerated_0_pack(uint8_t *payload)
{
    return link_pack_hello(payload, &tolerated_0_message);
}

static inline uint8_t tolerated_0_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_hello *expected = &tolerated_0_message;
    struct link_hello m;

    return link_unpack_hello(payload, length, &m)
        && m.kind == expected->kind
        && m.version_major == expected->version_major
        && m.version_minor == expected->version_minor
        && m.version_patch == expected->version_patch
        && memcmp(m.id, expected->id, sizeof m.id) == 0
        && m.capabilities == expected->capabilities
        && m.boots == expected->boots
        && m.interval_ms == expected->interval_ms
        && m.session == expected->session
        && m.reset_cause == expected->reset_cause;
}

/* hello with eleven appended zeros */
static const uint8_t tolerated_1_packet[] = {
    0x41, 0x03, 0x00, 0x01, 0x00, 0x01, 0x00, 0xea, 0xe1, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xe3,
    0x80, 0x01, 0x00, 0xfa, 0x00, 0x34, 0x12, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x6a, 0xd2,
};
static const uint8_t tolerated_1_wire[] = {
    0x03, 0x41, 0x03, 0x02, 0x01, 0x02, 0x01, 0x03, 0xea, 0xe1, 0x01, 0x01, 0x01, 0x01, 0x05, 0x01,
    0xe3, 0x80, 0x01, 0x02, 0xfa, 0x03, 0x34, 0x12, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
    0x01, 0x01, 0x01, 0x03, 0x6a, 0xd2, 0x00,
};

static const struct link_hello tolerated_1_message = {
    .kind = 1u,
    .version_major = 0u,
    .version_minor = 1u,
    .version_patch = 0u,
    .id = {234, 225, 0, 0, 0, 0, 0, 1},
    .capabilities = 32995u,
    .boots = 1u,
    .interval_ms = 250u,
    .session = 4660u,
    .reset_cause = 0u,
};

static inline uint8_t tolerated_1_pack(uint8_t *payload)
{
    return link_pack_hello(payload, &tolerated_1_message);
}

static inline uint8_t tolerated_1_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_hello *expected = &tolerated_1_message;
    struct link_hello m;

    return link_unpack_hello(payload, length, &m)
        && m.kind == expected->kind
        && m.version_major == expected->version_major
        && m.version_minor == expected->version_minor
        && m.version_patch == expected->version_patch
        && memcmp(m.id, expected->id, sizeof m.id) == 0
        && m.capabilities == expected->capabilities
        && m.boots == expected->boots
        && m.interval_ms == expected->interval_ms
        && m.session == expected->session
        && m.reset_cause == expected->reset_cause;
}

/* ping with an appended byte */
static const uint8_t tolerated_2_packet[] = {
    0x61, 0x04, 0x00, 0xaa, 0xc6, 0x63,
};
static const uint8_t tolerated_2_wire[] = {
    0x03, 0x61, 0x04, 0x04, 0xaa, 0xc6, 0x63, 0x00,
};

static inline uint8_t tolerated_2_pack(uint8_t *payload)
{
    (void)payload;
    return 0;
}

static inline uint8_t tolerated_2_matches(const uint8_t *payload, uint8_t length)
{
    (void)payload;
    (void)length;
    return 1;
}

/* authenticate with four bytes appended */
static const uint8_t tolerated_3_packet[] = {
    0x6d, 0x2e, 0x00, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x01, 0x00, 0x02, 0x00, 0x53,
    0xf7,
};
static const uint8_t tolerated_3_wire[] = {
    0x03, 0x6d, 0x2e, 0x01, 0x09, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x01, 0x02, 0x02, 0x03,
    0x53, 0xf7, 0x00,
};

static const struct link_authenticate tolerated_3_message = {
    .nonce = {0, 17, 34, 51, 68, 85, 102, 119},
};

static inline uint8_t tolerated_3_pack(uint8_t *payload)
{
    return link_pack_authenticate(payload, &tolerated_3_message);
}

static inline uint8_t tolerated_3_matches(const uint8_t *payload, uint8_t length)
{
    const struct link_authenticate *expected = &tolerated_3_message;
    struct link_authenticate m;

    return link_unpack_authenticate(payload, length, &m)
        && memcmp(m.nonce, expected->nonce, sizeof m.nonce) == 0;
}

/* one bit of the CRC wrong */
static const uint8_t invalid_0_wire[] = {
    0x03, 0x61, 0x01, 0x03, 0xf6, 0x52, 0x00,
};

/* one bit of the type wrong */
static const uint8_t invalid_1_wire[] = {
    0x03, 0x63, 0x01, 0x03, 0xf6, 0x53, 0x00,
};

/* CRC in big-endian order */
static const uint8_t invalid_2_wire[] = {
    0x03, 0x61, 0x01, 0x03, 0x53, 0xf6, 0x00,
};

/* CRC with start value 0 */
static const uint8_t invalid_3_wire[] = {
    0x03, 0x61, 0x01, 0x03, 0x6a, 0x9f, 0x00,
};

/* last payload byte lost */
static const uint8_t invalid_4_wire[] = {
    0x03, 0x63, 0x02, 0x04, 0x14, 0xdd, 0xc4, 0x00,
};

/* four bytes: no room for header and CRC */
static const uint8_t invalid_5_wire[] = {
    0x03, 0x61, 0x01, 0x02, 0xf6, 0x00,
};

/* a single code byte */
static const uint8_t invalid_6_wire[] = {
    0x01, 0x00,
};

/* payload of 33 bytes with a good CRC */
static const uint8_t invalid_7_wire[] = {
    0x03, 0x41, 0x02, 0x24, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c,
    0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c,
    0x1d, 0x1e, 0x1f, 0x20, 0x21, 0x04, 0xc8, 0x00,
};

/* 200 bytes of noise before the delimiter */
static const uint8_t invalid_8_wire[] = {
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10,
    0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20,
    0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x30,
    0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x40,
    0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50,
    0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0x60,
    0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70,
    0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f, 0x80,
    0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90,
    0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0,
    0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xb0,
    0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf, 0xc0,
    0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0x00,
};

/* block that runs past the end */
static const uint8_t invalid_9_wire[] = {
    0xff, 0x61, 0x00,
};

/* last block one byte too long */
static const uint8_t invalid_10_wire[] = {
    0x07, 0x61, 0x01, 0x01, 0x02, 0x03, 0x00,
};

/* frame cut in the middle */
static const uint8_t invalid_11_wire[] = {
    0x03, 0x63, 0x02, 0x02, 0x00,
};

/* version 0 */
static const uint8_t invalid_12_wire[] = {
    0x03, 0x21, 0x01, 0x03, 0x5b, 0x4e, 0x00,
};

/* version 2 */
static const uint8_t invalid_13_wire[] = {
    0x03, 0xa1, 0x01, 0x03, 0x01, 0x75, 0x00,
};

/* version 3 */
static const uint8_t invalid_14_wire[] = {
    0x03, 0xe1, 0x01, 0x03, 0xac, 0x68, 0x00,
};

/* type 0, which nobody defined */
static const uint8_t invalid_15_wire[] = {
    0x03, 0x40, 0x01, 0x01, 0x02, 0xe2, 0x00,
};

/* type 63, which nobody defined */
static const uint8_t invalid_16_wire[] = {
    0x03, 0x7f, 0x01, 0x04, 0x01, 0x4a, 0x35, 0x00,
};

/* hello one byte short */
static const uint8_t invalid_17_wire[] = {
    0x03, 0x41, 0x01, 0x02, 0x01, 0x02, 0x01, 0x03, 0xea, 0xe1, 0x01, 0x01, 0x01, 0x01, 0x04, 0x01,
    0xe3, 0x80, 0x02, 0x01, 0x02, 0xfa, 0x04, 0x34, 0x0e, 0x14, 0x00,
};

/* set_interval without its interval */
static const uint8_t invalid_18_wire[] = {
    0x03, 0x63, 0x01, 0x03, 0x96, 0x3d, 0x00,
};

/* ack with half a sequence number */
static const uint8_t invalid_19_wire[] = {
    0x03, 0x47, 0x01, 0x04, 0x01, 0x60, 0x9c, 0x00,
};

/* write_registers with 17 values */
static const uint8_t invalid_20_wire[] = {
    0x03, 0x6b, 0x01, 0x03, 0x45, 0x10, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
    0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x03, 0xf5, 0xb8, 0x00,
};

/* ack with 17 bytes of data */
static const uint8_t invalid_21_wire[] = {
    0x03, 0x47, 0x01, 0x02, 0x01, 0x01, 0x01, 0x13, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
    0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x10, 0x11, 0x00,
};

/* authenticate one byte short */
static const uint8_t invalid_22_wire[] = {
    0x03, 0x6d, 0x01, 0x01, 0x09, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x57, 0x51, 0x00,
};

/* Encode to these bytes and decode from them. */
static const struct link_vector link_valid_vectors[] = {
    {"hello of a provisioned ball, answer to session 0x1234", LINK_MSG_HELLO, 258u, valid_0_packet, sizeof valid_0_packet, valid_0_wire, sizeof valid_0_wire, valid_0_pack, valid_0_matches},
    {"hello after start without an id", LINK_MSG_HELLO, 0u, valid_1_packet, sizeof valid_1_packet, valid_1_wire, sizeof valid_1_wire, valid_1_pack, valid_1_matches},
    {"hello with every field at its largest", LINK_MSG_HELLO, 65535u, valid_2_packet, sizeof valid_2_packet, valid_2_wire, sizeof valid_2_wire, valid_2_pack, valid_2_matches},
    {"ball at rest", LINK_MSG_BALL_SAMPLE, 7u, valid_3_packet, sizeof valid_3_packet, valid_3_wire, sizeof valid_3_wire, valid_3_pack, valid_3_matches},
    {"ball pressed, below freezing", LINK_MSG_BALL_SAMPLE, 256u, valid_4_packet, sizeof valid_4_packet, valid_4_wire, sizeof valid_4_wire, valid_4_pack, valid_4_matches},
    {"ball sample with extremes", LINK_MSG_BALL_SAMPLE, 65535u, valid_5_packet, sizeof valid_5_packet, valid_5_wire, sizeof valid_5_wire, valid_5_pack, valid_5_matches},
    {"ball sample, all zero", LINK_MSG_BALL_SAMPLE, 0u, valid_6_packet, sizeof valid_6_packet, valid_6_wire, sizeof valid_6_wire, valid_6_pack, valid_6_matches},
    {"arm lying still", LINK_MSG_ARM_SAMPLE, 300u, valid_7_packet, sizeof valid_7_packet, valid_7_wire, sizeof valid_7_wire, valid_7_pack, valid_7_matches},
    {"arm sample, largest and smallest", LINK_MSG_ARM_SAMPLE, 1u, valid_8_packet, sizeof valid_8_packet, valid_8_wire, sizeof valid_8_wire, valid_8_pack, valid_8_matches},
    {"arm sample with zero bytes inside words", LINK_MSG_ARM_SAMPLE, 1u, valid_9_packet, sizeof valid_9_packet, valid_9_wire, sizeof valid_9_wire, valid_9_pack, valid_9_matches},
    {"light, 412 lx at 23.1 degrees", LINK_MSG_LIGHT_SAMPLE, 2u, valid_10_packet, sizeof valid_10_packet, valid_10_wire, sizeof valid_10_wire, valid_10_pack, valid_10_matches},
    {"light sample, all ones", LINK_MSG_LIGHT_SAMPLE, 65535u, valid_11_packet, sizeof valid_11_packet, valid_11_wire, sizeof valid_11_wire, valid_11_pack, valid_11_matches},
    {"event: motion of 1.25 g", LINK_MSG_EVENT, 3u, valid_12_packet, sizeof valid_12_packet, valid_12_wire, sizeof valid_12_wire, valid_12_pack, valid_12_matches},
    {"event: button released", LINK_MSG_EVENT, 4u, valid_13_packet, sizeof valid_13_packet, valid_13_wire, sizeof valid_13_wire, valid_13_pack, valid_13_matches},
    {"led_state, a blinking colour", LINK_MSG_LED_STATE, 5u, valid_14_packet, sizeof valid_14_packet, valid_14_wire, sizeof valid_14_wire, valid_14_pack, valid_14_matches},
    {"led_state, all zero", LINK_MSG_LED_STATE, 0u, valid_15_packet, sizeof valid_15_packet, valid_15_wire, sizeof valid_15_wire, valid_15_pack, valid_15_matches},
    {"ack ok, no data", LINK_MSG_ACK, 9u, valid_16_packet, sizeof valid_16_packet, valid_16_wire, sizeof valid_16_wire, valid_16_pack, valid_16_matches},
    {"ack of an I2C NACK", LINK_MSG_ACK, 10u, valid_17_packet, sizeof valid_17_packet, valid_17_wire, sizeof valid_17_wire, valid_17_pack, valid_17_matches},
    {"ack with the most data, no zero", LINK_MSG_ACK, 2827u, valid_18_packet, sizeof valid_18_packet, valid_18_wire, sizeof valid_18_wire, valid_18_pack, valid_18_matches},
    {"ack with the most data, all zero", LINK_MSG_ACK, 0u, valid_19_packet, sizeof valid_19_packet, valid_19_wire, sizeof valid_19_wire, valid_19_pack, valid_19_matches},
    {"ack no_session", LINK_MSG_ACK, 1u, valid_20_packet, sizeof valid_20_packet, valid_20_wire, sizeof valid_20_wire, valid_20_pack, valid_20_matches},
    {"counters, all zero", LINK_MSG_COUNTERS, 0u, valid_21_packet, sizeof valid_21_packet, valid_21_wire, sizeof valid_21_wire, valid_21_pack, valid_21_matches},
    {"counters, all ones: a long run without a zero", LINK_MSG_COUNTERS, 65535u, valid_22_packet, sizeof valid_22_packet, valid_22_wire, sizeof valid_22_wire, valid_22_pack, valid_22_matches},
    {"counters after a while", LINK_MSG_COUNTERS, 10795u, valid_23_packet, sizeof valid_23_packet, valid_23_wire, sizeof valid_23_wire, valid_23_pack, valid_23_matches},
    {"hello_request", LINK_MSG_HELLO_REQUEST, 0u, valid_24_packet, sizeof valid_24_packet, valid_24_wire, sizeof valid_24_wire, valid_24_pack, valid_24_matches},
    {"hello_request, largest session", LINK_MSG_HELLO_REQUEST, 65535u, valid_25_packet, sizeof valid_25_packet, valid_25_wire, sizeof valid_25_wire, valid_25_pack, valid_25_matches},
    {"ping, sequence 0", LINK_MSG_PING, 0u, valid_26_packet, sizeof valid_26_packet, valid_26_wire, sizeof valid_26_wire, valid_26_pack, valid_26_matches},
    {"ping, sequence 0xffff", LINK_MSG_PING, 65535u, valid_27_packet, sizeof valid_27_packet, valid_27_wire, sizeof valid_27_wire, valid_27_pack, valid_27_matches},
    {"ping whose CRC has a zero low byte", LINK_MSG_PING, 288u, valid_28_packet, sizeof valid_28_packet, valid_28_wire, sizeof valid_28_wire, valid_28_pack, valid_28_matches},
    {"ping whose CRC has a zero high byte", LINK_MSG_PING, 34u, valid_29_packet, sizeof valid_29_packet, valid_29_wire, sizeof valid_29_wire, valid_29_pack, valid_29_matches},
    {"ping whose CRC is zero", LINK_MSG_PING, 30621u, valid_30_packet, sizeof valid_30_packet, valid_30_wire, sizeof valid_30_wire, valid_30_pack, valid_30_matches},
    {"get_counters", LINK_MSG_GET_COUNTERS, 1u, valid_31_packet, sizeof valid_31_packet, valid_31_wire, sizeof valid_31_wire, valid_31_pack, valid_31_matches},
    {"set_interval to 50 Hz", LINK_MSG_SET_INTERVAL, 2u, valid_32_packet, sizeof valid_32_packet, valid_32_wire, sizeof valid_32_wire, valid_32_pack, valid_32_matches},
    {"set_interval to 0.1 Hz", LINK_MSG_SET_INTERVAL, 3u, valid_33_packet, sizeof valid_33_packet, valid_33_wire, sizeof valid_33_wire, valid_33_pack, valid_33_matches},
    {"set_color, steady orange on both LEDs", LINK_MSG_SET_COLOR, 4u, valid_34_packet, sizeof valid_34_packet, valid_34_wire, sizeof valid_34_wire, valid_34_pack, valid_34_matches},
    {"set_color, blinking lower LED, longest times", LINK_MSG_SET_COLOR, 5u, valid_35_packet, sizeof valid_35_packet, valid_35_wire, sizeof valid_35_wire, valid_35_pack, valid_35_matches},
    {"set_outputs, each code once", LINK_MSG_SET_OUTPUTS, 6u, valid_36_packet, sizeof valid_36_packet, valid_36_wire, sizeof valid_36_wire, valid_36_pack, valid_36_matches},
    {"set_outputs, blink bank 1", LINK_MSG_SET_OUTPUTS, 7u, valid_37_packet, sizeof valid_37_packet, valid_37_wire, sizeof valid_37_wire, valid_37_pack, valid_37_matches},
    {"set_brightness of PWM0 to full", LINK_MSG_SET_BRIGHTNESS, 8u, valid_38_packet, sizeof valid_38_packet, valid_38_wire, sizeof valid_38_wire, valid_38_pack, valid_38_matches},
    {"set_brightness, master off", LINK_MSG_SET_BRIGHTNESS, 9u, valid_39_packet, sizeof valid_39_packet, valid_39_wire, sizeof valid_39_wire, valid_39_pack, valid_39_matches},
    {"step_brightness down by 15", LINK_MSG_STEP_BRIGHTNESS, 10u, valid_40_packet, sizeof valid_40_packet, valid_40_wire, sizeof valid_40_wire, valid_40_pack, valid_40_matches},
    {"step_brightness, smallest and largest", LINK_MSG_STEP_BRIGHTNESS, 11u, valid_41_packet, sizeof valid_41_packet, valid_41_wire, sizeof valid_41_wire, valid_41_pack, valid_41_matches},
    {"step_brightness up", LINK_MSG_STEP_BRIGHTNESS, 12u, valid_42_packet, sizeof valid_42_packet, valid_42_wire, sizeof valid_42_wire, valid_42_pack, valid_42_matches},
    {"led_test stop", LINK_MSG_LED_TEST, 13u, valid_43_packet, sizeof valid_43_packet, valid_43_wire, sizeof valid_43_wire, valid_43_pack, valid_43_matches},
    {"led_test count, 20 ms steps", LINK_MSG_LED_TEST, 14u, valid_44_packet, sizeof valid_44_packet, valid_44_wire, sizeof valid_44_wire, valid_44_pack, valid_44_matches},
    {"vibrate at 80 percent for half a second", LINK_MSG_VIBRATE, 15u, valid_45_packet, sizeof valid_45_packet, valid_45_wire, sizeof valid_45_wire, valid_45_pack, valid_45_matches},
    {"vibrate stop", LINK_MSG_VIBRATE, 16u, valid_46_packet, sizeof valid_46_packet, valid_46_wire, sizeof valid_46_wire, valid_46_pack, valid_46_matches},
    {"read_registers, all of a TCA6507", LINK_MSG_READ_REGISTERS, 17u, valid_47_packet, sizeof valid_47_packet, valid_47_wire, sizeof valid_47_wire, valid_47_pack, valid_47_matches},
    {"write_registers without values", LINK_MSG_WRITE_REGISTERS, 18u, valid_48_packet, sizeof valid_48_packet, valid_48_wire, sizeof valid_48_wire, valid_48_pack, valid_48_matches},
    {"write_registers with the most values", LINK_MSG_WRITE_REGISTERS, 19u, valid_49_packet, sizeof valid_49_packet, valid_49_wire, sizeof valid_49_wire, valid_49_pack, valid_49_matches},
    {"reset", LINK_MSG_RESET, 32768u, valid_50_packet, sizeof valid_50_packet, valid_50_wire, sizeof valid_50_wire, valid_50_pack, valid_50_matches},
    {"authenticate", LINK_MSG_AUTHENTICATE, 46u, valid_51_packet, sizeof valid_51_packet, valid_51_wire, sizeof valid_51_wire, valid_51_pack, valid_51_matches},
    {"authenticate with a nonce of zeros", LINK_MSG_AUTHENTICATE, 65535u, valid_52_packet, sizeof valid_52_packet, valid_52_wire, sizeof valid_52_wire, valid_52_pack, valid_52_matches},
    {"authenticate with a nonce of ones", LINK_MSG_AUTHENTICATE, 256u, valid_53_packet, sizeof valid_53_packet, valid_53_wire, sizeof valid_53_wire, valid_53_pack, valid_53_matches},
    {"ack of authenticate", LINK_MSG_ACK, 9u, valid_54_packet, sizeof valid_54_packet, valid_54_wire, sizeof valid_54_wire, valid_54_pack, valid_54_matches},
    {"hello of a ball that authenticates", LINK_MSG_HELLO, 3u, valid_55_packet, sizeof valid_55_packet, valid_55_wire, sizeof valid_55_wire, valid_55_pack, valid_55_matches},
};

/* Decode only: bytes were appended to the payload. */
static const struct link_vector link_tolerated_vectors[] = {
    {"hello with eleven appended bytes: the longest packet", LINK_MSG_HELLO, 2u, tolerated_0_packet, sizeof tolerated_0_packet, tolerated_0_wire, sizeof tolerated_0_wire, tolerated_0_pack, tolerated_0_matches},
    {"hello with eleven appended zeros", LINK_MSG_HELLO, 3u, tolerated_1_packet, sizeof tolerated_1_packet, tolerated_1_wire, sizeof tolerated_1_wire, tolerated_1_pack, tolerated_1_matches},
    {"ping with an appended byte", LINK_MSG_PING, 4u, tolerated_2_packet, sizeof tolerated_2_packet, tolerated_2_wire, sizeof tolerated_2_wire, tolerated_2_pack, tolerated_2_matches},
    {"authenticate with four bytes appended", LINK_MSG_AUTHENTICATE, 46u, tolerated_3_packet, sizeof tolerated_3_packet, tolerated_3_wire, sizeof tolerated_3_wire, tolerated_3_pack, tolerated_3_matches},
};

/* Must be refused. */
static const struct link_invalid_vector link_invalid_vectors[] = {
    {"one bit of the CRC wrong", LINK_ERROR_CRC, invalid_0_wire, sizeof invalid_0_wire},
    {"one bit of the type wrong", LINK_ERROR_CRC, invalid_1_wire, sizeof invalid_1_wire},
    {"CRC in big-endian order", LINK_ERROR_CRC, invalid_2_wire, sizeof invalid_2_wire},
    {"CRC with start value 0", LINK_ERROR_CRC, invalid_3_wire, sizeof invalid_3_wire},
    {"last payload byte lost", LINK_ERROR_CRC, invalid_4_wire, sizeof invalid_4_wire},
    {"four bytes: no room for header and CRC", LINK_ERROR_LENGTH, invalid_5_wire, sizeof invalid_5_wire},
    {"a single code byte", LINK_ERROR_LENGTH, invalid_6_wire, sizeof invalid_6_wire},
    {"payload of 33 bytes with a good CRC", LINK_ERROR_LENGTH, invalid_7_wire, sizeof invalid_7_wire},
    {"200 bytes of noise before the delimiter", LINK_ERROR_LENGTH, invalid_8_wire, sizeof invalid_8_wire},
    {"block that runs past the end", LINK_ERROR_COBS, invalid_9_wire, sizeof invalid_9_wire},
    {"last block one byte too long", LINK_ERROR_COBS, invalid_10_wire, sizeof invalid_10_wire},
    {"frame cut in the middle", LINK_ERROR_COBS, invalid_11_wire, sizeof invalid_11_wire},
    {"version 0", LINK_ERROR_VERSION, invalid_12_wire, sizeof invalid_12_wire},
    {"version 2", LINK_ERROR_VERSION, invalid_13_wire, sizeof invalid_13_wire},
    {"version 3", LINK_ERROR_VERSION, invalid_14_wire, sizeof invalid_14_wire},
    {"type 0, which nobody defined", LINK_ERROR_UNKNOWN_TYPE, invalid_15_wire, sizeof invalid_15_wire},
    {"type 63, which nobody defined", LINK_ERROR_UNKNOWN_TYPE, invalid_16_wire, sizeof invalid_16_wire},
    {"hello one byte short", LINK_ERROR_SHORT_PAYLOAD, invalid_17_wire, sizeof invalid_17_wire},
    {"set_interval without its interval", LINK_ERROR_SHORT_PAYLOAD, invalid_18_wire, sizeof invalid_18_wire},
    {"ack with half a sequence number", LINK_ERROR_SHORT_PAYLOAD, invalid_19_wire, sizeof invalid_19_wire},
    {"write_registers with 17 values", LINK_ERROR_LONG_DATA, invalid_20_wire, sizeof invalid_20_wire},
    {"ack with 17 bytes of data", LINK_ERROR_LONG_DATA, invalid_21_wire, sizeof invalid_21_wire},
    {"authenticate one byte short", LINK_ERROR_SHORT_PAYLOAD, invalid_22_wire, sizeof invalid_22_wire},
};

#endif
