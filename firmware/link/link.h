/*
 * The probe's end of the link: hello and sessions, commands and their acks, samples, counters.
 *
 * host/link/messages.ts is the contract, docs/link-protocol.md its prose. What this file promises:
 *
 * - One sequence counter over all packets up. A sample that was dropped for lack of time has used its number, so the
 *   host sees the gap at once.
 * - A command is executed at most once: the last ack is kept and sent again when its sequence number comes again. A new
 *   session forgets it. Until the first hello_request after a start every command is answered with no_session.
 * - Answers (hello, counters, acks) and events are never dropped: no byte is taken from the UART while an answer
 *   waits for the line. Samples are: they are counted in tx_dropped.
 * - Line noise is counted, nothing else.
 * - A radio module to which nobody is connected (hal/bridge.h) hears nothing: what would be sent is forgotten and uses
 * no sequence number, no sample is due. After somebody connected the probe waits until the host says something, because
 *   only that tells that the way up is open; then a new stretch of samples begins. On a wire it speaks at once.
 *
 * The link executes ping, get_counters, set_interval, read_registers, write_registers, reset and authenticate. All
 * other commands are the probe's. Call everything from main only.
 */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "board/features.h"
#include "hal/timer.h"
#include "link/bridge_setup.h"
#include "link/frame.h"
#include "link/messages.gen.h"

#define LINK_DEFAULT_INTERVAL_MS 250u
#define LINK_MIN_INTERVAL_MS     20u
#define LINK_MAX_INTERVAL_MS     10000u

/* What the link did that a probe may care about: bits of link_happened. */
#define LINK_GREETED         0x01u /* hello was sent; led_state should follow */
#define LINK_WROTE_REGISTERS 0x02u /* a host wrote to the I2C bus past the drivers */

struct link {
    struct frame_receiver receiver;
    /* The packet that is being made, and then sent by the UART from here. Aligned so that a payload is a struct. */
    _Alignas(uint32_t) uint8_t wire[LINK_MAX_WIRE];
    struct link_ack ack;   /* of the last command */
    struct timer sampling; /* its period is the interval */
    uint16_t sequence;     /* of the next packet up */
    uint16_t session;      /* of the last hello_request, 0 before the first */
    uint16_t crc_errors;
    uint16_t frame_errors;
    uint16_t dropped;         /* samples */
    uint8_t pending;          /* what waits for the line */
    uint8_t happened;         /* bits for link_happened */
    uint8_t remembers : 1;    /* `ack` belongs to a command that was executed in this session */
    uint8_t sample_waits : 1; /* due, but the link was not free yet */
#if FEATURE_BRIDGE
    uint8_t connected : 1; /* as the bridge's state pin says; always on a wire */
    uint8_t open : 1;      /* somebody listens */
    struct bridge_setup setup;
#endif
};

/* What an image is, defined by its main file. */
struct link_profile {
    uint8_t kind;          /* LINK_KIND_* */
    uint16_t capabilities; /* LINK_CAP_*, without LINK_CAP_PROVISIONED and LINK_CAP_AUTHENTICATES */
};
extern const struct link_profile probe_profile;

/** Begins with a hello. The UART and the I2C bus are set up already; `link` is all zeros. */
void link_init(struct link *link);

/**
 * Receives, executes what it can, answers. True when a command for the probe waits: it stands in link->receiver, with a
 * payload at least as long as the message's table says, and wants link_answer before the next call. So, once per pass:
 *
 *     while (link_poll(&link)) {
 *         link_answer(&link, execute(...));
 *     }
 */
bool link_poll(struct link *link);

/** Answers the command with a LINK_STATUS_* and with what is in link->ack.data, if link->ack.data_length was set. */
void link_answer(struct link *link, uint8_t status);

/** LINK_GREETED and the like, since the last call. */
uint8_t link_happened(struct link *link);

/**
 * True once per sampling interval, when the link is free: take the sample then and send it. A sample waits for an
 * answer that is just leaving; it is dropped and counted when the next one is due before the link was free. Once per
 * pass.
 */
bool link_sample_due(struct link *link);

/**
 * May a packet be written and sent? Look before anything that wants to be told: a button or a sensor keeps its event
 * until then. If not, main will be woken when it may.
 */
bool link_is_free(const struct link *link);

/** Only when the link is free: where the payload is to be written, aligned for the structs of messages.gen.h. */
static inline void *link_payload(struct link *link) {
    return link->wire + FRAME_PAYLOAD_OFFSET;
}

/** Only when the link is free: sends what stands in link_payload, with the probe time in its first field. */
void link_send(struct link *link, uint8_t type, uint8_t payload_length);

/** Only when the link is free: sends an event. */
void link_raise(struct link *link, uint8_t event, uint16_t value);

#endif
