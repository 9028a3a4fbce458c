/*
 * The probe's end of the link: hello and sessions, commands and their acks, samples, counters.
 *
 * host/link/messages.ts is the contract, docs/link-protocol.md its prose. What this file promises:
 *
 * - One sequence counter over all packets up. A packet that was dropped for lack of room has used its number, so the
 *   host sees the gap at once.
 * - A command is executed at most once: the last ack is kept and sent again when its sequence number comes again. A new
 *   session forgets it. Until the first hello_request after a start every command is answered with no_session.
 * - Answers (hello, counters, acks) and events are never dropped: no byte is taken from the UART while one waits for
 * room. Samples are: they are counted in tx_dropped.
 * - Line noise is counted, nothing else.
 *
 * The link executes ping, get_counters, set_interval, read_registers, write_registers and reset. All other commands are
 * the probe's. Call everything from main only.
 */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/timer.h"
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
    struct link_ack ack;   /* of the last command */
    struct timer sampling; /* its period is the interval */
    uint16_t sequence;     /* of the next packet up */
    uint16_t session;      /* of the last hello_request, 0 before the first */
    uint16_t crc_errors;
    uint16_t frame_errors;
    uint16_t dropped;         /* samples */
    uint8_t pending;          /* what waits for room */
    uint8_t happened;         /* bits for link_happened */
    uint8_t remembers : 1;    /* `ack` belongs to a command that was executed in this session */
    uint8_t sample_waits : 1; /* due, but no room yet */
};

/* What an image is, defined by its main file. */
struct link_profile {
    uint8_t kind;          /* LINK_KIND_* */
    uint16_t capabilities; /* LINK_CAP_*, without LINK_CAP_PROVISIONED */
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
 * True once per sampling interval, when there is room for the sample: take it then and send it. A sample waits for an
 * answer that is just leaving; it is dropped when the next one is due before there was room. Once per pass.
 */
bool link_sample_due(struct link *link);

/**
 * Sends a sample whose payload is packed at wire + FRAME_PAYLOAD_OFFSET; `wire` has LINK_MAX_WIRE bytes. Without
 * link_sample_due before it, there may be no room: then it is dropped and counted.
 */
void link_send_sample(struct link *link, uint8_t *wire, uint8_t type, uint8_t payload_length);

/** The same for led_state, which must arrive: false when there is no room now; try again in a later pass. */
bool link_send(struct link *link, uint8_t *wire, uint8_t type, uint8_t payload_length);

/**
 * True when link_raise may be called. Look first and only then for what may happen: a button or a sensor keeps its
 * event until there is room.
 */
bool link_may_raise(const struct link *link);

/** Sends an event, stamped with the time of this call. */
void link_raise(struct link *link, uint8_t event, uint16_t value);

#endif
