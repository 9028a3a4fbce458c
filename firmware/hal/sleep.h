/*
 * Sleeping and waking, the watchdog's service, and the time awake.
 *
 * An interrupt handler returns a set of wake bits, 0 for "main need not know"; the stub (interrupt.h) ORs them into one
 * byte and clears the low-power bits of the stacked status register. sleep_* test that byte with interrupts off and
 * enter the low-power mode with the same instruction that sets GIE, so no wake-up is lost (SLAU144 "Entering and
 * Exiting Low-Power Modes").
 *
 * Mode: LPM3 (DCO, MCLK, SMCLK off; ACLK on), or LPM0 while somebody holds SMCLK: motor PWM and I2C transfers. The UART
 * needs no hold: USCI activates SMCLK itself when a start bit arrives or a byte is to be sent (SLAU144 "Using the USCI
 * Module in UART Mode With Low-Power Modes"). firmware/README.md says which image sleeps how deep and why.
 *
 * Time awake is counted by Timer1 (1 MHz, from SMCLK) from the return of the sleep instruction to the next sleep. Not
 * counted: handlers that do not wake main, the handler that does (about 10 us), the 2 us in which the DCO starts, and
 * whatever exceeds 10 ms in one stretch.
 */
#ifndef EARL_HAL_SLEEP_H
#define EARL_HAL_SLEEP_H

#include <stdint.h>

enum wake {
    WAKE_TIMER = 0x01,  /* a deadline of timer.h may have come; also a few times a minute without one */
    WAKE_UART = 0x02,   /* a frame delimiter arrived, the ring fills up, or there is room to send again */
    WAKE_BUTTON = 0x04, /* edge on the button */
    WAKE_PORT2 = 0x08,  /* ADXL345 INT1 rose, or the bridge's state changed */
    WAKE_I2C = 0x10,    /* taken by i2c.c */
    WAKE_ADC = 0x20     /* taken by adc.c */
};

/* Who needs SMCLK while the CPU sleeps. */
enum sleep_hold { SLEEP_HOLD_PWM = 0x01, SLEEP_HOLD_I2C = 0x02 };

/*
 * For main only, once per pass: services the watchdog, measures the VLO when that is due, sleeps until the next
 * deadline polled with timer_due in this pass or until an interrupt wakes, and returns the wake bits (possibly none),
 * cleared. Returns at once when bits are pending. Returns after 16384 ACLK ticks (0.8 to 4 s) at the latest.
 */
uint8_t sleep_until_event(void);

/*
 * For hal: sleeps until one of the bits of `mask` is set and clears those; leaves all others for main. Services
 * nothing: whoever waits must have armed a timeout that sets a bit of `mask`.
 */
void sleep_wait(uint8_t mask);

/* For hal: sets or clears wake bits as if an interrupt had, or had not. */
void sleep_note(uint8_t bits);
void sleep_forget(uint8_t bits);

/* Hold and release are idempotent per holder; call from main. */
void sleep_hold(enum sleep_hold holder);
void sleep_release(enum sleep_hold holder);

/* Starts the awake counter (Timer1). Called by hal_init. */
void sleep_init(void);

/* Milliseconds awake since start. */
uint32_t sleep_awake_ms(void);

#endif
