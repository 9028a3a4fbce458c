/*
 * I2C master on USCI_B0: see i2c.h. SLAU144 "USCI, I2C Mode", master transmitter and master receiver.
 *
 * A transfer is: start_*, the interrupts move bytes, main sleeps until WAKE_I2C, then waits the last bits of STOP out
 * by polling (about 0.1 ms; USCI has no interrupt for the end of a master's STOP). Every poll ends when the timeout's
 * interrupt writes a status, so none is endless.
 *
 * LPM0 during a transfer: SLAU144 says that USCI activates SMCLK by itself in I2C master mode too, so LPM3 should do;
 * the saving would be below 1 uA at four transfers a second, and LPM0 does not depend on it.
 *
 * Errata (SLAZ440):
 *   USCI25  TXIFG stays set after a NACK: the NACK's handler clears it.
 *   USCI29  a flag that the module clears while its interrupt is being entered vectors to a reserved entry: every
 * unused vector returns (startup.s). USCI30  a byte left in RXBUF until the 7th bit of the next one, 70 us, may cause a
 * START: handlers here take below 15 us and interrupts are never off for longer than 10 us. USCI34  (multi-master) and
 * USCI26: Earl is the only master; a lost arbitration is reported and USCI set up anew. USCI35  set-up and hold time of
 * a (repeated) START are shorter than standard mode asks for above 50 kHz: the devices here are fast-mode parts
 * (TCA6507, ADXL345 to 400 kHz: 0.6 us), for which the half bit of 5 us is enough.
 */
#include "hal/i2c.h"

#include <stdbool.h>

#include "board/earl.h"
#include "hal/clock.h"
#include "hal/interrupt.h"
#include "hal/sleep.h"

#define SCL_HZ         100000ul
#define PENDING        0xFFu
#define HALF_BIT_LOOPS 10u /* about 5 us at 8 MHz */

static struct {
    const uint8_t *out;
    uint8_t *in;
    uint8_t out_left;
    uint8_t in_left;
    volatile uint8_t status; /* PENDING, or how the transfer ended */
    uint16_t errors;
} transfer;

static void half_bit(void) {
    for (uint8_t i = HALF_BIT_LOOPS; i != 0; i--)
        __asm__ volatile("nop");
}

/* USCI in reset, its pins released to GPIO inputs; their outputs are low, so that DIR alone pulls a line. */
static void i2c_detach(void) {
    BITS_CLEAR(IE2, UCB0TXIE | UCB0RXIE);
    UCB0CTL1 = UCSWRST;
    P1SEL &= (uint8_t) ~(BOARD_SCL | BOARD_SDA);
    P1SEL2 &= (uint8_t) ~(BOARD_SCL | BOARD_SDA);
    P1OUT &= (uint8_t) ~(BOARD_SCL | BOARD_SDA);
    P1DIR &= (uint8_t) ~(BOARD_SCL | BOARD_SDA);
}

static void i2c_attach(void) {
    UCB0CTL1 = UCSSEL_2 | UCSWRST;
    UCB0CTL0 = UCMST | UCMODE_3 | UCSYNC;
    UCB0BR0 = (uint8_t)(CLOCK_SMCLK_HZ / SCL_HZ); /* BR1 is 0 from every reset */
    P1SEL |= BOARD_SCL | BOARD_SDA;
    P1SEL2 |= BOARD_SCL | BOARD_SDA;
    UCB0CTL1 &= (uint8_t)~UCSWRST;
    UCB0I2CIE = UCNACKIE | UCALIE;
}

static void pull(uint8_t line) {
    P1DIR |= line;
    half_bit();
}

static void release(uint8_t line) {
    P1DIR &= (uint8_t)~line;
    half_bit();
}

enum status i2c_recover(void) {
    i2c_detach();
    half_bit();
    for (uint8_t pulses = 9; pulses != 0 && (P1IN & BOARD_SDA) == 0; pulses--) {
        pull(BOARD_SCL);
        release(BOARD_SCL);
    }
    pull(BOARD_SCL); /* STOP: SDA rises while SCL is high */
    pull(BOARD_SDA);
    release(BOARD_SCL);
    release(BOARD_SDA);
    bool free = (P1IN & (BOARD_SCL | BOARD_SDA)) == (BOARD_SCL | BOARD_SDA);
    i2c_attach();
    return free ? STATUS_OK : STATUS_TIMEOUT;
}

enum status i2c_init(struct i2c_device *device, uint8_t address) {
    if (address > 0x7Fu)
        return STATUS_BAD_ARGUMENT;
    device->address = address;
    i2c_detach();
    half_bit();
    if ((P1IN & (BOARD_SCL | BOARD_SDA)) != (BOARD_SCL | BOARD_SDA))
        return i2c_recover();
    i2c_attach();
    return STATUS_OK;
}

/* The first failure stays, except that a timeout overrides all: it means that not even STOP could be sent. */
static uint8_t i2c_finish(enum status status) {
    if (status == STATUS_TIMEOUT || transfer.status == PENDING || transfer.status == STATUS_OK)
        transfer.status = (uint8_t)status;
    return WAKE_I2C;
}

static bool running(void) {
    return transfer.status == PENDING;
}

static void i2c_begin(const struct i2c_device *device) {
    transfer.status = PENDING;
    UCB0I2CSA = device->address;
    BITS_CLEAR(IFG2, UCB0TXIFG | UCB0RXIFG); /* a stale flag would load the first byte before START */
    sleep_hold(SLEEP_HOLD_I2C);
    TA0CCTL2 = 0;
    TA0CCR2 = clock_count() + I2C_TIMEOUT_TICKS;
    TA0CCTL2 = CCIE;
}

/* Waits for STOP, during which the last byte's NACK or the timeout may still come, and cleans up after a failure. */
static enum status i2c_end(void) {
    while ((UCB0CTL1 & UCTXSTP) && (transfer.status == STATUS_OK || transfer.status == STATUS_NACK)) {
    }
    TA0CCTL2 = 0;
    BITS_CLEAR(IE2, UCB0TXIE | UCB0RXIE);
    sleep_release(SLEEP_HOLD_I2C);
    sleep_forget(WAKE_I2C);
    enum status status = (enum status)transfer.status;
    if (status != STATUS_OK && transfer.errors != 0xFFFFu)
        transfer.errors++;
    if (status == STATUS_TIMEOUT)
        (void)i2c_recover();
    if (status == STATUS_ARBITRATION) {
        i2c_detach();
        i2c_attach();
    }
    return status;
}

/*
 * A single byte to read needs STOP requested while it is on the bus: after the address, whose end only UCTXSTT tells
 * (SLAU144 "I2C Master Receiver Mode").
 */
static void request_stop_of_single_byte(void) {
    while ((UCB0CTL1 & UCTXSTT) && running()) {
    }
    if (running())
        UCB0CTL1 |= UCTXSTP;
}

static void start_reading(void) {
    UCB0CTL1 &= (uint8_t)~UCTR;
    UCB0CTL1 |= UCTXSTT;
}

enum status i2c_write_read(const struct i2c_device *device, const uint8_t *out, uint8_t out_length, uint8_t *in,
                           uint8_t in_length) {
    if (out_length == 0 && in_length == 0)
        return STATUS_BAD_ARGUMENT;
    transfer.out = out;
    transfer.in = in;
    transfer.out_left = out_length;
    transfer.in_left = in_length;
    i2c_begin(device);
    if (out_length != 0) {
        BITS_SET(IE2, UCB0TXIE | UCB0RXIE);
        UCB0CTL1 |= UCTR | UCTXSTT;
        if (in_length != 0)
            sleep_wait(WAKE_I2C); /* the repeated START has been requested */
    } else {
        BITS_SET(IE2, UCB0RXIE);
        start_reading();
    }
    if (in_length == 1 && running())
        request_stop_of_single_byte();
    while (running())
        sleep_wait(WAKE_I2C);
    return i2c_end();
}

enum status i2c_write(const struct i2c_device *device, const uint8_t *bytes, uint8_t length) {
    return i2c_write_read(device, bytes, length, 0, 0);
}

enum status i2c_read(const struct i2c_device *device, uint8_t *bytes, uint8_t length) {
    return i2c_write_read(device, 0, 0, bytes, length);
}

enum status i2c_present(const struct i2c_device *device) {
    i2c_begin(device);
    transfer.status = STATUS_OK;
    UCB0I2CIE = UCALIE; /* the NACK's handler would ask for a second STOP */
    UCB0CTL1 |= UCTR | UCTXSTT | UCTXSTP;
    enum status status = i2c_end();
    IFG2 &= (uint8_t)~UCB0TXIFG;
    bool refused = (UCB0STAT & UCNACKIFG) != 0;
    UCB0STAT &= (uint8_t)~UCNACKIFG;
    UCB0I2CIE = UCNACKIE | UCALIE;
    return status == STATUS_OK && refused ? STATUS_NACK : status;
}

uint16_t i2c_errors(void) {
    return transfer.errors;
}

static uint8_t receive_byte(void) {
    if (transfer.in_left == 2)
        UCB0CTL1 |= UCTXSTP; /* the byte now on the bus is the last */
    uint8_t byte = UCB0RXBUF;
    if (transfer.in_left != 0) {
        *transfer.in++ = byte;
        transfer.in_left--;
    }
    return transfer.in_left == 0 ? i2c_finish(STATUS_OK) : 0;
}

static uint8_t transmit_byte(void) {
    if (transfer.out_left != 0) {
        transfer.out_left--;
        UCB0TXBUF = *transfer.out++;
        return 0;
    }
    IFG2 &= (uint8_t)~UCB0TXIFG;
    IE2 &= (uint8_t)~UCB0TXIE;
    if (transfer.in_left != 0) {
        start_reading();
        return WAKE_I2C;
    }
    UCB0CTL1 |= UCTXSTP;
    return i2c_finish(STATUS_OK);
}

uint8_t i2c_data_interrupt(void) {
    return (IFG2 & UCB0RXIFG) ? receive_byte() : transmit_byte();
}

uint8_t i2c_state_interrupt(void) {
    if (UCB0STAT & UCALIFG) {
        UCB0STAT &= (uint8_t)~UCALIFG;
        return i2c_finish(STATUS_ARBITRATION);
    }
    UCB0STAT &= (uint8_t)~UCNACKIFG;
    if (transfer.status == PENDING)
        UCB0CTL1 |= UCTXSTP; /* else STOP has been requested with the last byte */
    IE2 &= (uint8_t)~UCB0TXIE;
    IFG2 &= (uint8_t)~UCB0TXIFG;
    return i2c_finish(STATUS_NACK);
}

uint8_t i2c_timeout_interrupt(void) {
    return i2c_finish(STATUS_TIMEOUT);
}
