/*
 * UART on USCI_A0: see uart.h. SLAU144 "USCI, UART Mode"; rates from its table of settings for UCOS16 = 1 at 8 MHz.
 *
 * UCRXEIE is set, so that a character with a framing error arrives and can be counted. UCOE is read before UCA0RXBUF,
 * which clears it. The ring is single-producer single-consumer: head is written by the interrupt only, tail by main
 * only, both single bytes that run freely, so neither needs interrupts off.
 */
#include "hal/uart.h"

#include "board/earl.h"
#include "hal/interrupt.h"
#include "hal/sleep.h"

#define DRAIN_POLLS 60000u /* about 60 ms */
#define WAKE_LEVEL  (UART_RX_SIZE * 3u / 4u)

struct baud_setting {
    uint8_t br0;
    uint8_t mctl;
};

/* UCBRx, UCBRFx << 4 | UCBRSx << 1 | UCOS16. */
static const struct baud_setting settings[] = {
    [UART_BAUD_9600] = {52, 1u << 4 | 0u << 1 | UCOS16},  [UART_BAUD_19200] = {26, 1u << 4 | 0u << 1 | UCOS16},
    [UART_BAUD_38400] = {13, 0u << 4 | 0u << 1 | UCOS16}, [UART_BAUD_57600] = {8, 11u << 4 | 0u << 1 | UCOS16},
    [UART_BAUD_115200] = {4, 3u << 4 | 5u << 1 | UCOS16},
};

static struct {
    struct uart_counters counters;
    const uint8_t *tx;
    volatile uint8_t tx_left;
    volatile uint8_t rx_head;
    volatile uint8_t rx_tail;
    volatile uint8_t wake_when_idle; /* WAKE_UART when main waits for the end of a frame */
    uint8_t rx[UART_RX_SIZE];
} uart;

_Static_assert((UART_RX_SIZE & (UART_RX_SIZE - 1u)) == 0, "the ring's places are counted modulo its size");

enum status uart_init(enum uart_baud baud) {
    if ((unsigned)baud >= sizeof settings / sizeof settings[0])
        return STATUS_BAD_ARGUMENT;
    UCA0CTL1 = UCSSEL_2 | UCRXEIE | UCSWRST; /* clears UCA0TXIE, too; CTL0 and BR1 are 0 from every reset */
    uart.tx_left = 0;
    uart.rx_tail = uart.rx_head;
    UCA0BR0 = settings[baud].br0;
    UCA0MCTL = settings[baud].mctl;
    P1SEL |= BOARD_UART_PINS;
    P1SEL2 |= BOARD_UART_PINS;
    UCA0CTL1 &= (uint8_t)~UCSWRST;
    BITS_SET(IE2, UCA0RXIE);
    return STATUS_OK;
}

bool uart_read(uint8_t *byte) {
    uint8_t tail = uart.rx_tail;
    if (tail == uart.rx_head)
        return false;
    *byte = uart.rx[tail % UART_RX_SIZE];
    uart.rx_tail = tail + 1;
    uart.counters.rx_bytes++;
    return true;
}

bool uart_idle(void) {
    if (uart.tx_left == 0)
        return true;
    uart.wake_when_idle = WAKE_UART;
    return uart.tx_left == 0;
}

void uart_send(const uint8_t *bytes, uint8_t length) {
    uart.tx = bytes;
    uart.tx_left = length;
    uart.counters.tx_bytes += length;
    BITS_SET(IE2, UCA0TXIE);
}

void uart_drain(void) {
    for (uint16_t polls = DRAIN_POLLS; polls != 0; polls--)
        if (uart.tx_left == 0 && (IFG2 & UCA0TXIFG) && (UCA0STAT & UCBUSY) == 0)
            return;
}

const struct uart_counters *uart_counters(void) {
    return &uart.counters;
}

uint8_t uart_receive_interrupt(void) {
    uint8_t errors = UCA0STAT;
    uint8_t byte = UCA0RXBUF;
    uint8_t filled = uart.rx_head - uart.rx_tail;
    if (errors & UCOE)
        uart.counters.lost++;
    if ((errors & UCFE) || filled >= UART_RX_SIZE) {
        uart.counters.lost++;
        return WAKE_UART;
    }
    uart.rx[uart.rx_head % UART_RX_SIZE] = byte;
    uart.rx_head++;
    return byte == UART_WAKE_BYTE || filled >= WAKE_LEVEL ? WAKE_UART : 0;
}

/* The last byte goes to the transmitter: the caller may have its buffer back, the next frame follows without a gap. */
uint8_t uart_transmit_interrupt(void) {
    UCA0TXBUF = *uart.tx++;
    if (--uart.tx_left != 0)
        return 0;
    IE2 &= (uint8_t)~UCA0TXIE;
    uint8_t wake = uart.wake_when_idle;
    uart.wake_when_idle = 0;
    return wake;
}
