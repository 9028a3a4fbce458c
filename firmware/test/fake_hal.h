/*
 * Stand-ins for clock, UART, reset, sleep and pins, for tests of what is above hal: time stands still until a test
 * moves it, the UART's ends are arrays, a software reset is counted.
 */
#ifndef TEST_FAKE_HAL_H
#define TEST_FAKE_HAL_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#define FAKE_UART_SIZE 4096u
#define FAKE_ENDLESS   255u

struct fake_hal {
    uint32_t now_ms;
    uint8_t rx[FAKE_UART_SIZE]; /* what the code under test will receive */
    unsigned rx_head, rx_tail;
    uint8_t tx[FAKE_UART_SIZE]; /* what it has sent */
    unsigned tx_length;
    uint8_t tx_frames; /* that are sent before the UART is busy */
    unsigned tx_torn;  /* frames that were sent while it was */
    bool drained;      /* uart_drain was called */
    jmp_buf on_reset;  /* where reset_software goes */
    bool led_enabled;  /* EN of the TCA6507 */
    bool motion_level; /* INT1 */
    bool bridge_idle;  /* a module is there, and nobody is connected */
    uint8_t duty;      /* of the motor */
    uint16_t reading;  /* of every ADC input */
};

extern struct fake_hal fake;

/** Everything to its start. */
void fake_reset(void);

#endif
