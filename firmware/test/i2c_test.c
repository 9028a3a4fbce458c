/*
 * hal/i2c.c against a model of USCI_B0's registers in I2C master mode (SLAU144): a refusal and a lost arbitration at
 * every byte, a line that is held, the recovery of the bus. Bytes, not bits; the emulator has the bits.
 */
#include <stdio.h>
#include <string.h>

#include "board/earl.h"
#include "hal/clock.h"
#include "hal/i2c.h"
#include "hal/interrupt.h"
#include "hal/sleep.h"
#include "test/runner.h"

/* The UART's share of the vectors. */
uint8_t uart_receive_interrupt(void);
uint8_t uart_transmit_interrupt(void);
uint8_t uart_receive_interrupt(void) {
    return 0;
}
uint8_t uart_transmit_interrupt(void) {
    return 0;
}

#define STEPS_PER_BYTE 30u
#define TIMEOUT_STEPS  20000u
#define NEVER          99
#define EMPTY          0x100u /* of TXBUF */
#define FOR_EVER       1000

uint8_t usci_rx_interrupt(void);
uint8_t usci_tx_interrupt(void);
uint8_t i2c_timeout_interrupt(void);

uint16_t interrupts_enabled = 8;

enum phase { IDLE, ADDRESS, SENDING, RECEIVING, REFUSED };

static struct {
    uint16_t r[REGISTERS];
    enum phase phase;
    unsigned steps, deadline;
    int in_handler, shifting, scl_was_low, sda_was_low;
    unsigned stops; /* that the program made by hand: SDA rose while SCL was high */
    uint16_t shift;
    int index; /* of the byte on the bus, addresses included, since the START that began it all */
    int nack_at, lose_at;
    int held_from;  /* SCL stays low from this byte on */
    int sda_clocks; /* a slave holds SDA until it has seen so many clocks */
    uint8_t wake, holds;
    uint8_t in; /* next byte that the slave sends */
    char log[400];
} m;

static void note(const char *format, unsigned value) {
    size_t length = strlen(m.log);

    snprintf(m.log + length, sizeof m.log - length, format, value);
}

/* --- the bus ------------------------------------------------------------------------------------------------------ */

static void stop(void) {
    note("P", 0);
    m.r[R_CTL1] &= (uint16_t)~UCTXSTP;
    m.phase = IDLE;
}

static void start(void) {
    note("S", 0);
    m.phase = ADDRESS;
    m.r[R_STAT] &= (uint16_t)~UCNACKIFG;
    if (m.r[R_CTL1] & UCTR) {
        /* What a refused transfer left in TXBUF is not sent: with START the buffer counts as empty. */
        m.r[R_TXBUF] = EMPTY;
        m.r[R_IFG2] |= UCB0TXIFG;
    }
}

static int lost(void) {
    if (m.index != m.lose_at) {
        return 0;
    }
    m.r[R_STAT] |= UCALIFG;
    m.r[R_CTL0] &= (uint16_t)~UCMST;
    m.r[R_CTL1] &= (uint16_t) ~(UCTXSTT | UCTXSTP);
    m.phase = IDLE;
    return 1;
}

static int refused(void) {
    if (m.index++ != m.nack_at) {
        return 0;
    }
    note("n", 0);
    m.r[R_STAT] |= UCNACKIFG;
    m.phase = REFUSED;
    return 1;
}

static void address_ends(void) {
    int transmits = (m.r[R_CTL1] & UCTR) != 0;
    int loaded = m.r[R_TXBUF] != EMPTY;

    if (transmits && !loaded && !(m.r[R_CTL1] & UCTXSTP)) {
        return; /* SCL is held low until there is something to send */
    }
    if (lost()) {
        return;
    }
    note(" %02X", (unsigned)(m.r[R_SA] << 1 | !transmits));
    m.r[R_CTL1] &= (uint16_t)~UCTXSTT;
    if (refused()) {
        return;
    }
    m.phase = transmits ? SENDING : RECEIVING;
    if (transmits && !loaded) {
        stop();
    }
}

static void sending(void) {
    if (m.shifting) {
        if (lost()) {
            m.shifting = 0;
            return;
        }
        m.shifting = 0;
        note(" %02x", m.shift);
        if (refused()) {
            return;
        }
    }
    if (m.r[R_CTL1] & UCTXSTP) {
        stop();
    } else if (m.r[R_CTL1] & UCTXSTT) {
        start();
    } else if (m.r[R_TXBUF] != EMPTY) {
        m.shift = m.r[R_TXBUF];
        m.shifting = 1;
        m.r[R_TXBUF] = EMPTY;
        m.r[R_IFG2] |= UCB0TXIFG;
    }
}

static void receiving(void) {
    if (m.r[R_IFG2] & UCB0RXIFG) {
        return; /* SCL is held low until RXBUF has been read */
    }
    m.index++;
    m.r[R_RXBUF] = m.in++;
    m.r[R_IFG2] |= UCB0RXIFG;
    note(" r%02x", m.r[R_RXBUF]);
    if (m.r[R_CTL1] & UCTXSTP) {
        stop();
    }
}

static void byte_time(void) {
    if (m.r[R_CTL1] & UCSWRST) {
        m.phase = IDLE;
        m.shifting = 0;
        m.r[R_CTL1] &= (uint16_t) ~(UCTXSTT | UCTXSTP);
        m.r[R_IFG2] &= (uint16_t) ~(UCB0TXIFG | UCB0RXIFG);
        m.r[R_TXBUF] = EMPTY;
        return;
    }
    if (m.sda_clocks > 0 || m.index >= m.held_from) {
        return;
    }
    switch (m.phase) {
    case IDLE:
        /* Who lost the bus is a slave, until UCMST is set again. */
        if ((m.r[R_CTL0] & UCMST) && (m.r[R_CTL1] & UCTXSTT)) {
            start();
        }
        break;
    case ADDRESS:
        address_ends();
        break;
    case SENDING:
        sending();
        break;
    case RECEIVING:
        receiving();
        break;
    case REFUSED:
        if (m.r[R_CTL1] & UCTXSTP) {
            stop();
        }
        break;
    }
}

/* --- the chip ----------------------------------------------------------------------------------------------------- */

static void pins(void) {
    int scl_low = (m.r[R_P1DIR] & BOARD_SCL) && !(m.r[R_P1SEL] & BOARD_SCL);
    int sda_low = (m.r[R_P1DIR] & BOARD_SDA) && !(m.r[R_P1SEL] & BOARD_SDA);

    if (m.scl_was_low && !scl_low && m.sda_clocks > 0 && m.sda_clocks != FOR_EVER) {
        m.sda_clocks--;
    }
    if (m.sda_was_low && !sda_low && !m.scl_was_low && !scl_low) {
        m.stops++;
    }
    m.scl_was_low = scl_low;
    m.sda_was_low = sda_low;
    m.r[R_P1IN] =
        (uint16_t)((scl_low || m.held_from < 0 ? 0 : BOARD_SCL) | (sda_low || m.sda_clocks > 0 ? 0 : BOARD_SDA));
}

static void handlers(void) {
    if (m.in_handler || !interrupts_enabled) {
        return;
    }
    m.in_handler = 1;
    if (m.r[R_STAT] & m.r[R_I2CIE] & (UCNACKIFG | UCALIFG)) {
        m.wake |= usci_rx_interrupt();
    }
    if (m.r[R_IFG2] & m.r[R_IE2] & (UCB0TXIFG | UCB0RXIFG)) {
        m.wake |= usci_tx_interrupt();
    }
    if (!(m.r[R_CCTL2] & CCIE)) {
        m.deadline = 0;
    } else if (m.deadline == 0) {
        m.deadline = m.steps + TIMEOUT_STEPS;
    } else if (m.steps > m.deadline) {
        m.r[R_CCTL2] &= (uint16_t)~CCIE;
        m.wake |= i2c_timeout_interrupt();
    }
    m.in_handler = 0;
}

static void step(void) {
    m.steps++;
    if (m.r[R_TXBUF] != EMPTY && m.phase != IDLE) {
        m.r[R_IFG2] &= (uint16_t)~UCB0TXIFG;
    }
    pins();
    if (m.steps % STEPS_PER_BYTE == 0 && !m.in_handler) {
        byte_time();
    }
    handlers();
}

volatile uint16_t *usci_register(enum usci_name name) {
    step();
    if (name == R_RXBUF) {
        m.r[R_IFG2] &= (uint16_t)~UCB0RXIFG;
    }
    return &m.r[name];
}

void sleep_wait(uint8_t mask) {
    while (!(m.wake & mask)) {
        step();
    }
    m.wake &= (uint8_t)~mask;
}

void sleep_forget(uint8_t mask) {
    m.wake &= (uint8_t)~mask;
}
void sleep_hold(enum sleep_hold holder) {
    m.holds |= (uint8_t)holder;
}
void sleep_release(enum sleep_hold holder) {
    m.holds &= (uint8_t)~holder;
}
uint16_t clock_count(void) {
    return 0;
}
uint16_t clock_ticks(uint16_t ms) {
    return (uint16_t)(12 * ms);
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static struct i2c_device device;
static const uint8_t out[5] = {0x10, 1, 2, 3, 4};
static uint8_t in[8];

static void begin(void) {
    m.index = 0;
    m.nack_at = m.lose_at = m.held_from = NEVER;
    m.in = 0xa0;
    m.log[0] = 0;
    memset(in, 0, sizeof in);
}

static void power_on(void) {
    memset(&m, 0, sizeof m);
    m.r[R_TXBUF] = EMPTY;
    begin();
    CHECK_EQ(i2c_init(&device, 0x45), STATUS_OK);
}

static void check_log(const char *wanted) {
    if (!CHECK(strcmp(m.log, wanted) == 0)) {
        printf("  bus saw \"%s\", wanted \"%s\"\n", m.log, wanted);
    }
}

/* After whatever happened: the next transfer works, nobody holds SMCLK, the timeout is off. */
static void check_works(void) {
    begin();
    CHECK_EQ(m.holds, 0);
    CHECK_EQ(m.r[R_CCTL2] & CCIE, 0);
    CHECK_EQ(i2c_write(&device, out, 2), STATUS_OK);
    check_log("S 8A 10 01P");
    CHECK_EQ(m.holds, 0);
}

TEST(writes) {
    power_on();
    CHECK_EQ(i2c_write(&device, out, 5), STATUS_OK);
    check_log("S 8A 10 01 02 03 04P");
    check_works();
    begin();
    CHECK_EQ(i2c_write(&device, out, 1), STATUS_OK);
    check_log("S 8A 10P");
    CHECK_EQ(i2c_errors(), 0);
}

TEST(writes_and_reads) {
    static const char *logs[] = {"", "S 8A 10S 8B ra0P", "S 8A 10S 8B ra0 ra1P", "S 8A 10S 8B ra0 ra1 ra2P"};
    uint8_t count;

    for (count = 1; count <= 3; count++) {
        uint8_t i;

        power_on();
        CHECK_EQ(i2c_write_read(&device, out, 1, in, count), STATUS_OK);
        check_log(logs[count]);
        for (i = 0; i < 8; i++) {
            CHECK_EQ(in[i], i < count ? 0xa0 + i : 0);
        }
        check_works();
    }
}

TEST(reads) {
    power_on();
    CHECK_EQ(i2c_read(&device, in, 1), STATUS_OK);
    check_log("S 8B ra0P");
    begin();
    CHECK_EQ(i2c_read(&device, in, 4), STATUS_OK);
    check_log("S 8B ra0 ra1 ra2 ra3P");
    check_works();
}

TEST(presence) {
    power_on();
    CHECK_EQ(i2c_present(&device), STATUS_OK);
    check_log("S 8AP");
    begin();
    m.nack_at = 0;
    CHECK_EQ(i2c_present(&device), STATUS_NACK);
    check_log("S 8AnP");
    check_works();
}

TEST(refusal_at_every_byte_of_a_write) {
    static const char *logs[] = {"S 8AnP",          "S 8A 10nP",          "S 8A 10 01nP",
                                 "S 8A 10 01 02nP", "S 8A 10 01 02 03nP", "S 8A 10 01 02 03 04nP"};
    int byte;

    for (byte = 0; byte < 6; byte++) {
        uint16_t errors = i2c_errors();

        power_on();
        m.nack_at = byte;
        CHECK_EQ(i2c_write(&device, out, 5), STATUS_NACK);
        check_log(logs[byte]);
        CHECK_EQ(i2c_errors(), errors + 1);
        check_works();
    }
}

TEST(refusal_before_and_after_the_repeated_start) {
    static const char *logs[] = {"S 8AnP", "S 8A 10nP", "S 8A 10S 8BnP"};
    uint8_t count;
    int byte;

    for (count = 1; count <= 3; count++) {
        for (byte = 0; byte < 3; byte++) {
            power_on();
            m.nack_at = byte;
            CHECK_EQ(i2c_write_read(&device, out, 1, in, count), STATUS_NACK);
            /* A refused last byte may meet a START that was asked for already; then that address follows. */
            if (byte != 1) {
                check_log(logs[byte]);
            }
            CHECK(m.log[strlen(m.log) - 1] == 'P');
            check_works();
        }
    }
}

TEST(lost_arbitration_at_every_byte) {
    int byte;

    for (byte = 0; byte < 6; byte++) {
        uint16_t errors = i2c_errors();

        power_on();
        m.lose_at = byte;
        CHECK_EQ(i2c_write(&device, out, 5), STATUS_ARBITRATION);
        CHECK_EQ(i2c_errors(), errors + 1);
        check_works();
    }
}

/* A slave that stretches SCL for ever from some byte on: the transfer ends by the timeout. */
TEST(stretched_for_ever) {
    int byte;

    for (byte = 0; byte < 6; byte++) {
        uint16_t errors = i2c_errors();

        power_on();
        m.held_from = byte;
        CHECK_EQ(i2c_write(&device, out, 5), STATUS_TIMEOUT);
        CHECK_EQ(i2c_errors(), errors + 1);
        check_works();
        power_on();
        m.held_from = byte;
        if (byte < 5) {
            CHECK_EQ(i2c_write_read(&device, out, 1, in, 3), STATUS_TIMEOUT);
        }
        check_works();
    }
}

TEST(a_slave_in_the_middle_of_a_byte_is_clocked_free) {
    int clocks;

    for (clocks = 1; clocks <= 9; clocks++) {
        power_on();
        m.sda_clocks = clocks;
        CHECK_EQ(i2c_init(&device, 0x45), STATUS_OK);
        CHECK_EQ(m.sda_clocks, 0);
        check_works();
        m.sda_clocks = clocks;
        CHECK_EQ(i2c_write(&device, out, 2), STATUS_TIMEOUT);
        CHECK_EQ(m.sda_clocks, 0);
        check_works();
    }
}

TEST(a_bus_that_stays_low_is_reported) {
    power_on();
    m.sda_clocks = FOR_EVER;
    CHECK_EQ(i2c_init(&device, 0x45), STATUS_TIMEOUT);
    CHECK_EQ(i2c_recover(), STATUS_TIMEOUT);
    CHECK_EQ(i2c_write(&device, out, 2), STATUS_TIMEOUT);
    m.sda_clocks = 0;
    check_works();
}

/* The slave that was clocked free may have seen a START and waits for its end. */
TEST(recovery_ends_with_a_stop) {
    int clocks;

    for (clocks = 0; clocks <= 9; clocks++) {
        power_on();
        m.sda_clocks = clocks;
        m.stops = 0;
        CHECK_EQ(i2c_recover(), STATUS_OK);
        CHECK_EQ(m.stops, 1);
        check_works();
    }
}

TEST(bad_arguments) {
    power_on();
    CHECK_EQ(i2c_init(&device, 0x80), STATUS_BAD_ARGUMENT);
    CHECK_EQ(i2c_write_read(&device, out, 0, in, 0), STATUS_BAD_ARGUMENT);
    check_works();
}

int main(void) {
    RUN(writes);
    RUN(writes_and_reads);
    RUN(reads);
    RUN(presence);
    RUN(refusal_at_every_byte_of_a_write);
    RUN(refusal_before_and_after_the_repeated_start);
    RUN(lost_arbitration_at_every_byte);
    RUN(stretched_for_ever);
    RUN(a_slave_in_the_middle_of_a_byte_is_clocked_free);
    RUN(a_bus_that_stays_low_is_reported);
    RUN(recovery_ends_with_a_stop);
    RUN(bad_arguments);
    return runner_finish("i2c");
}
