/*
 * UART on USCI_A0: 8 data bits, no parity, one stop bit; P1.1 receives, P1.2 sends (SLAU144 "USCI, UART Mode").
 *
 * Reception: interrupt to a ring of UART_RX_SIZE. Overflow policy: the new byte is lost and counted, as is a byte
 * that the hardware lost (UCOE), and one with a framing error. Main
 * is woken by UART_WAKE_BYTE (the frame delimiter) or when the ring is three quarters full, not by every byte.
 *
 * Transmission: one frame at a time from the caller's buffer, which the interrupt empties.
 *
 * Works in LPM3: USCI activates SMCLK while it receives or sends. Call everything from main only.
 */
#ifndef EARL_HAL_UART_H
#define EARL_HAL_UART_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/status.h"

#define UART_RX_SIZE   64u /* the longest frame of the link has 39 bytes */
#define UART_WAKE_BYTE 0x00u

/* Rates with settings in the user's guide's table for 8 MHz and oversampling. The LaunchPad's USB side manages 9600. */
enum uart_baud { UART_BAUD_9600, UART_BAUD_19200, UART_BAUD_38400, UART_BAUD_57600, UART_BAUD_115200 };

/* Counted since start; they wrap. */
struct uart_counters {
    uint32_t rx_bytes; /* taken by uart_read; lost ones are not among them */
    uint32_t tx_bytes; /* of frames given to uart_send */
    uint16_t lost;     /* for lack of room in the UART or the ring, or without a stop bit */
};

/* Sets the pins, the rate and the interrupts, empties the ring. BAD_ARGUMENT: no such rate. */
enum status uart_init(enum uart_baud baud);

/* Takes the oldest received byte. False: none. */
bool uart_read(uint8_t *byte);

/* May uart_send be called? If not, main will be woken when it may. */
bool uart_idle(void);

/* Sends `length` bytes, 1 to 255, of a buffer that must stay as it is until uart_idle is true again. Only when idle. */
void uart_send(const uint8_t *bytes, uint8_t length);

/* Waits, awake, until the last byte has left the pin, but not longer than 60 ms: at 9600 baud for two bytes. */
void uart_drain(void);

/* `lost` is counted by the interrupt, by one instruction, so that a read is never torn. */
const struct uart_counters *uart_counters(void);

#endif
