/*
 * UART on USCI_A0: 8 data bits, no parity, one stop bit; P1.1 receives, P1.2 sends (SLAU144 "USCI, UART Mode").
 *
 * Reception: interrupt to a ring of UART_RX_SIZE. Overflow policy: the new byte is lost and counted as an overrun, as
 * is a byte that the hardware lost (UCOE). A byte with a framing error is dropped and counted in framing_errors. Main
 * is woken by UART_WAKE_BYTE (the frame delimiter) or when the ring is three quarters full, not by every byte.
 *
 * Transmission: uart_write puts a whole frame into the ring of UART_TX_SIZE or nothing; the interrupt empties it.
 *
 * Works in LPM3: USCI activates SMCLK while it receives or sends. Call everything from main only.
 */
#ifndef EARL_HAL_UART_H
#define EARL_HAL_UART_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/status.h"

#define UART_RX_SIZE   48u /* each holds the longest frame of the link, 39 bytes, whole; one place stays empty */
#define UART_TX_SIZE   48u
#define UART_WAKE_BYTE 0x00u

/* Rates with settings in the user's guide's table for 8 MHz and oversampling. The LaunchPad's USB side manages 9600. */
enum uart_baud { UART_BAUD_9600, UART_BAUD_19200, UART_BAUD_38400, UART_BAUD_57600, UART_BAUD_115200 };

/* Counted since uart_init; they wrap. Read them through uart_counters. */
struct uart_counters {
    uint32_t rx_bytes;       /* received, framing errors and overruns excluded */
    uint32_t tx_bytes;       /* handed to the transmitter */
    uint16_t overruns;       /* bytes lost in the UART or for lack of room in the ring */
    uint16_t framing_errors; /* bytes with a missing stop bit, breaks included */
};

/* Sets the pins, the rate and the interrupts, empties both rings, clears the counters. BAD_ARGUMENT: no such rate. */
enum status uart_init(enum uart_baud baud);

/* Takes the oldest received byte. False: none. */
bool uart_read(uint8_t *byte);

/* Queues all `length` bytes and returns true, or none and returns false. At most UART_TX_SIZE - 1. */
bool uart_write(const uint8_t *bytes, uint8_t length);

/* Bytes that uart_write would take now. If it is not all of them, main is woken when the ring has run empty. */
uint8_t uart_tx_room(void);

/*
 * Sleeps until the last queued byte has left the pin; at 9600 baud at most 51 ms. Bounded by the clock: false when the
 * transmitter did not become idle in 150 ms. Timers polled before are not kept.
 */
bool uart_drain(void);

/* A consistent copy of the counters. */
void uart_counters(struct uart_counters *copy);

#endif
