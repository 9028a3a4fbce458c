/*
 * Reset cause, boot counter, watchdog, stack high-water mark: see reset.h. SLAU144 "System Resets" (IFG1) and "Watchdog
 * Timer+". The software-reset marker and the boot counter stand in .noinit; the counter carries its complement, because
 * RAM holds noise after power-up and PORIFG alone would not catch a brown-out that spoils the RAM.
 */
#include "hal/reset.h"

#include "board/msp430g2553.h"

#define SOFTWARE_MARKER 0x5EADu
#define STACK_PAINT     0x5Au /* startup.s */

static struct {
    uint16_t marker;
    uint16_t boots;
    uint16_t boots_complement;
} volatile survivor __attribute__((section(".noinit")));

static uint8_t cause;

extern const uint8_t __stack_bottom[];
extern const uint8_t __stack_top[];

static enum reset_cause cause_of(uint8_t flags) {
    if (flags & PORIFG)
        return RESET_POWER_ON;
    if (flags & RSTIFG)
        return RESET_PIN;
    if (flags & WDTIFG)
        return survivor.marker == SOFTWARE_MARKER ? RESET_SOFTWARE : RESET_WATCHDOG;
    return RESET_UNKNOWN;
}

void reset_init(void) {
    cause = (uint8_t)cause_of(IFG1);
    IFG1 &= (uint8_t) ~(PORIFG | RSTIFG | WDTIFG);
    survivor.marker = 0;
    if (cause == RESET_POWER_ON || (survivor.boots ^ survivor.boots_complement) != 0xFFFFu)
        survivor.boots = 0;
    if (survivor.boots != 0xFFFFu)
        survivor.boots++;
    survivor.boots_complement = (uint16_t)~survivor.boots;
}

enum reset_cause reset_cause(void) {
    return (enum reset_cause)cause;
}

uint16_t reset_boots(void) {
    return survivor.boots;
}

void reset_software(void) {
    survivor.marker = SOFTWARE_MARKER;
    for (;;)
        WDTCTL = 0; /* without the password: PUC with WDTIFG set */
}

void reset_watchdog(void) {
    WDTCTL = WDTPW | WDTCNTCL | WDTSSEL;
}

uint16_t reset_stack_high_water(void) {
    const uint8_t *byte = __stack_bottom;
    while (byte < __stack_top && *byte == STACK_PAINT)
        byte++;
    return (uint16_t)(__stack_top - byte);
}
