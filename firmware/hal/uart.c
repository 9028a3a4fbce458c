/*
 * UART on USCI_A0: see uart.h. SLAU144 "USCI, UART Mode"; rates from its table of settings for UCOS16 = 1 at 8 MHz.
 *
 * UCRXEIE is set, so that a character with a framing error arrives and can be counted. UCOE is read before UCA0RXBUF,
 * which clears it. The rings are single-producer single-consumer: head is written by the producer only, tail by the
 * consumer only, both single bytes, so neither needs interrupts off.
 */
#include "hal/uart.h"

#include "board/earl.h"
#include "hal/clock.h"
#include "hal/interrupt.h"
#include "hal/sleep.h"

#define DRAIN_MS   150u
#define WAKE_LEVEL ((int8_t)(UART_RX_SIZE * 3u / 4u))

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
    volatile uint8_t rx_head;
    volatile uint8_t rx_tail;
    volatile uint8_t tx_head;
    volatile uint8_t tx_tail;
    volatile uint8_t wake_when_empty; /* WAKE_UART when main waits for room */
    uint8_t rx[UART_RX_SIZE];
    uint8_t tx[UART_TX_SIZE];
} uart;

extern const uint8_t usci_vectors_linked;

/* Field by field: assigning a whole zero struct would build it on the stack. */
static void forget(void) {
    uint8_t *byte = (uint8_t *)&uart.counters;
    for (uint8_t i = sizeof uart.counters; i != 0; i--)
        *byte++ = 0;
    uart.rx_head = 0;
    uart.rx_tail = 0;
    uart.tx_head = 0;
    uart.tx_tail = 0;
}

static uint8_t after(uint8_t place, uint8_t size) {
    place++;
    return place == size ? 0 : place;
}

enum status uart_init(enum uart_baud baud) {
    if ((unsigned)baud >= sizeof settings / sizeof settings[0] || !usci_vectors_linked)
        return STATUS_BAD_ARGUMENT;
    UCA0CTL1 = UCSWRST;
    forget();
    UCA0CTL0 = 0;
    UCA0CTL1 = UCSSEL_2 | UCRXEIE | UCSWRST;
    UCA0BR0 = settings[baud].br0;
    UCA0BR1 = 0;
    UCA0MCTL = settings[baud].mctl;
    P1SEL |= BOARD_UART_PINS;
    P1SEL2 |= BOARD_UART_PINS;
    UCA0CTL1 &= (uint8_t)~UCSWRST;
    BITS_CLEAR(IE2, UCA0TXIE);
    BITS_SET(IE2, UCA0RXIE);
    return STATUS_OK;
}

bool uart_read(uint8_t *byte) {
    uint8_t tail = uart.rx_tail;
    if (tail == uart.rx_head)
        return false;
    *byte = uart.rx[tail];
    uart.rx_tail = after(tail, UART_RX_SIZE);
    return true;
}

uint8_t uart_tx_room(void) {
    int8_t ahead = (int8_t)(uart.tx_tail - uart.tx_head - 1);
    if (uart.tx_tail != uart.tx_head)
        uart.wake_when_empty = WAKE_UART;
    return (uint8_t)(ahead < 0 ? ahead + (int8_t)UART_TX_SIZE : ahead);
}

bool uart_write(const uint8_t *bytes, uint8_t length) {
    if (length > uart_tx_room())
        return false;
    uint8_t head = uart.tx_head;
    for (; length != 0; length--) {
        uart.tx[head] = *bytes++;
        head = after(head, UART_TX_SIZE);
    }
    uart.tx_head = head;
    BITS_SET(IE2, UCA0TXIE);
    return true;
}

bool uart_drain(void) {
    clock_alarm_in(clock_ticks(DRAIN_MS));
    while (uart.tx_tail != uart.tx_head) {
        uart.wake_when_empty = WAKE_UART;
        sleep_wait(WAKE_UART | WAKE_TIMER);
        if ((TA0CCTL1 & CCIE) == 0)
            break; /* the alarm went off */
    }
    uint16_t since = (uint16_t)clock_ms();
    while ((UCA0STAT & UCBUSY) && (uint16_t)clock_ms() - since < 5u) {
    }
    bool idle = uart.tx_tail == uart.tx_head && (UCA0STAT & UCBUSY) == 0;
    sleep_note(WAKE_UART | WAKE_TIMER); /* what this took may have been meant for main */
    return idle;
}

void uart_counters(struct uart_counters *copy) {
    uint16_t sr = interrupts_off();
    *copy = uart.counters;
    interrupts_restore(sr);
}

static int8_t filled(uint8_t head) {
    int8_t bytes = (int8_t)(head - uart.rx_tail);
    return (int8_t)(bytes < 0 ? bytes + (int8_t)UART_RX_SIZE : bytes);
}

uint8_t uart_receive_interrupt(void) {
    uint8_t errors = UCA0STAT;
    uint8_t byte = UCA0RXBUF;
    uint8_t head = uart.rx_head;
    uint8_t next = after(head, UART_RX_SIZE);
    if (errors & UCOE)
        uart.counters.overruns++;
    if (errors & UCFE) {
        uart.counters.framing_errors++;
        return 0;
    }
    if (next == uart.rx_tail) {
        uart.counters.overruns++;
        return WAKE_UART;
    }
    uart.rx[head] = byte;
    uart.rx_head = next;
    uart.counters.rx_bytes++;
    return byte == UART_WAKE_BYTE || filled(next) >= WAKE_LEVEL ? WAKE_UART : 0;
}

uint8_t uart_transmit_interrupt(void) {
    uint8_t tail = uart.tx_tail;
    if (tail == uart.tx_head) {
        uint8_t wake = uart.wake_when_empty;
        uart.wake_when_empty = 0;
        IE2 &= (uint8_t)~UCA0TXIE;
        return wake;
    }
    UCA0TXBUF = uart.tx[tail];
    uart.tx_tail = after(tail, UART_TX_SIZE);
    uart.counters.tx_bytes++;
    return 0;
}
