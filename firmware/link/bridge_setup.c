/* Set-up of an HM-10, see bridge_setup.h. */
#include "link/bridge_setup.h"

#include "board/earl.h"
#include "hal/uart.h"
#include "link/identity.h"
#include "link/messages.gen.h"

#define START_MS  1200u /* a module starts in half a second */
#define REPLY_MS  250u  /* two commands fit into the low half of a blink */
#define SOON_MS   1u
#define QUESTIONS 3u

enum { WAITS_FOR_START, ASKS_FOR_NAME, SETS_STATE_PIN, SETS_NAME, RESTARTS, IS_DONE };

#define COMMAND_LENGTH 8u
static const uint8_t setup_commands[][COMMAND_LENGTH] = {
    [ASKS_FOR_NAME] = "AT+NAME?",
    [SETS_STATE_PIN] = "AT+PIO11",
    [RESTARTS] = "AT+RESET",
};

/* AT+NAMEEarl01234567 */
static const uint8_t name_prefix[11] = "AT+NAMEEarl";
#define NAME_AT     7u
#define DIGITS_AT   (sizeof name_prefix)
#define NAME_END    (DIGITS_AT + IDENTITY_LENGTH)
#define SCRATCH_AT  (NAME_END + 1u)
#define HALF_OF_ID  (IDENTITY_LENGTH / 2u)
#define NAME_LENGTH (NAME_END - NAME_AT)
_Static_assert(NAME_LENGTH == 12u, "the longest name that an HM-10 takes");
_Static_assert(SCRATCH_AT + IDENTITY_LENGTH == BRIDGE_SETUP_TEXT, "the text and the id behind it");

static uint8_t hex_digit(uint8_t nibble) {
    return (uint8_t)(nibble < 10u ? '0' + nibble : 'a' - 10 + nibble);
}

/* The command that sets the name; ends with a zero, which no name holds. */
static void write_name(uint8_t *text) {
    uint8_t *id = text + SCRATCH_AT;
    uint8_t *digit = text + DIGITS_AT;
    uint8_t i;

    link_copy(text, name_prefix, sizeof name_prefix);
    (void)identity_read(BOARD_IDENTITY, id);
    for (i = HALF_OF_ID; i < IDENTITY_LENGTH; i++) {
        *digit++ = hex_digit(id[i] >> 4);
        *digit++ = hex_digit(id[i] & 15u);
    }
    *digit = 0;
}

/* A reply begins with `O`. The name's first letter stands nowhere else in it, so a mismatch begins anew. */
static void judge(struct bridge_setup *setup, uint8_t *text) {
    const uint8_t *name = text + NAME_AT;
    uint8_t matched = 0;
    uint8_t first = 0;
    uint8_t byte;

    write_name(text);
    while (uart_read(&byte)) {
        if (first == 0) {
            first = byte;
        }
        if (byte != name[matched]) {
            matched = 0;
        }
        matched = (uint8_t)(matched + (byte == name[matched]));
    }
    if (setup->step != ASKS_FOR_NAME) {
        setup->step++;
    } else if (first != 'O') {
        setup->questions++;
        if (setup->questions == QUESTIONS) {
            setup->step = IS_DONE;
        }
    } else {
        setup->step = matched == NAME_LENGTH ? IS_DONE : SETS_STATE_PIN;
    }
}

static void send_command(struct bridge_setup *setup, uint8_t *text) {
    uint8_t byte;

    /* What a module said by itself is no reply. */
    while (uart_read(&byte)) {
    }
    if (setup->step == SETS_NAME) {
        write_name(text);
        uart_send(text, NAME_END);
    } else {
        uart_send(setup_commands[setup->step], COMMAND_LENGTH);
    }
    setup->awaits = 1;
    timer_start(&setup->timer, REPLY_MS);
}

bool bridge_setup_poll(struct bridge_setup *setup, bool connected, uint8_t *text) {
    bool due = timer_due(&setup->timer);

    if (due && setup->awaits) {
        setup->awaits = 0;
        judge(setup, text);
    } else if (due && setup->step == WAITS_FOR_START) {
        setup->step = ASKS_FOR_NAME;
    }
    if (connected || setup->step == IS_DONE) {
        return setup->awaits;
    }
    if (due && uart_idle()) {
        send_command(setup, text);
    } else if (setup->timer.period_ms == TIMER_STOPPED) {
        timer_start(&setup->timer, setup->step == WAITS_FOR_START ? START_MS : SOON_MS);
    }
    return setup->awaits;
}
