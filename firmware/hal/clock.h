/*
 * Clocks and probe time.
 *
 * MCLK = SMCLK = DCO at 8 MHz from the factory constants CALDCO_8MHZ and CALBC1_8MHZ (SLAU144 "Basic Clock Module+";
 * the data sheet asks for 2.1 V or more at 8 MHz). ACLK = VLO: 4 to 20 kHz, typically 12, so it is measured against the
 * DCO.
 *
 * SMCLK is not divided: the UART's divider tables reach 115200 baud only from 8 MHz, and a divider would save nothing
 * that counts, because SMCLK runs only while the DCO does.
 *
 * Probe time is counted by Timer0_A3 on ACLK in continuous mode. The VLO is measured at start and every
 * CLOCK_CALIBRATION_MS by capturing ACLK edges with Timer0's CCI0B (SLAS735, Timer0_A3 signal connections) while the
 * timer runs on SMCLK for 33 edges; those edges are added to the count, so no time is lost. Precision: 1 in 21000.
 *
 * Fallback: if CALBC1_8MHZ or CALDCO_8MHZ reads 0xFF (information segment A erased), no baud rate could be met.
 * clock_init then stays at the DCO's reset frequency (about 1.1 MHz) and blinks the LaunchPad's red LED about five
 * times a second for ever. The remedy is to restore segment A (firmware/README.md).
 *
 * Owner of: DCO, BCSCTL1-3, Timer0 and its CCR0 (calibration), CCR1 (alarm). CCR2 belongs to i2c.c.
 */
#ifndef EARL_HAL_CLOCK_H
#define EARL_HAL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_MCLK_HZ        8000000ul
#define CLOCK_SMCLK_HZ       8000000ul
#define CLOCK_CALIBRATION_MS 30000u
#define CLOCK_LONGEST_TICKS  16384u /* half of the watchdog's period, which runs on the same ACLK */

/* Starts DCO, VLO and Timer0. Called by hal_init with interrupts off. Does not return without calibration constants. */
void clock_init(void);

/*
 * Milliseconds since clock_init; wraps after 49 days, never jumps back. Call from main only. It must be called
 * every 65536 ACLK ticks (3.3 s on the fastest VLO) or oftener: sleep_until_event does that.
 */
uint32_t clock_ms(void);

/*
 * Measures the VLO when CLOCK_CALIBRATION_MS have passed; 33 ACLK periods awake, 2 to 9 ms. Called by
 * sleep_until_event, unless the next deadline is near.
 */
void clock_service(void);

/* Does probe time `due_ms` (low half) come within the time that a measurement takes? */
bool clock_is_near(uint16_t due_ms);

/* The VLO's frequency in hertz as last measured. */
uint16_t clock_vlo_hz(void);

/* Timer0's count, read safely against its asynchronous clock. */
uint16_t clock_count(void);

/* Sets WAKE_TIMER after `ticks` ACLK ticks, 2 to 32767. The alarm is one; arming it again replaces it. */
void clock_alarm_in(uint16_t ticks);

/*
 * Sets WAKE_TIMER when probe time `due_ms` (low half) comes, or after 800 ms if that is sooner. False: it
 * has come already, nothing was armed. "Now" is the time that clock_ms last returned. Probes use timer.h instead.
 */
bool clock_alarm_at(uint16_t due_ms);

#endif
