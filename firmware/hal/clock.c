/*
 * Clocks and probe time: see clock.h. SLAU144 "Basic Clock Module+", "Timer_A"; SLAS735 Timer0_A3 signal connections.
 *
 * Errata (SLAZ440): BCL12 is avoided by setting the DCO once after reset in the order DCOCTL = 0, BCSCTL1, DCOCTL. TA12
 * (a compare one tick ahead is lost on a slow clock) is avoided by never arming less than two ticks ahead. TAB22 (TACTL
 * may be spoiled by a watchdog reset) is met by writing the whole of TA0CTL with TACLR at start.
 */
#include "hal/clock.h"

#include "board/earl.h"
#include "hal/interrupt.h"
#include "hal/port.h"
#include "hal/sleep.h"
#include "runtime/bytes.h"
#include "runtime/multiply.h"

#define ERASED                 0xFFu
#define PERIODS                32u /* of ACLK in one measurement: 64000 cycles on the slowest VLO still fit 16 bits */
#define TYPICAL_CYCLES         21333u /* 32 periods of 12 kHz, until measured */
#define LONGEST_CALIBRATION_MS 10     /* 35 periods of 4 kHz */
#define LONGEST_MS             800    /* 16384 ticks of 20 kHz */
#define EDGE_POLLS             8000u /* more than the slowest VLO period lasts, so that a dead VLO cannot hang the probe */

static struct {
    uint32_t now_ms;
    uint16_t calibrated_ms;    /* low half of the probe time of the last measurement */
    uint16_t fraction;         /* of a millisecond, in 1/65536 */
    uint16_t count;            /* Timer0 at now_ms */
    uint16_t ms_per_tick_q16;  /* milliseconds per ACLK tick, times 65536 */
    uint16_t ticks_per_ms_q11; /* ACLK ticks per millisecond, times 2048; 20 of them on the fastest VLO */
} clock;

/* At the DCO's reset frequency of about 1.1 MHz this blinks some five times a second. */
__attribute__((noreturn)) static void blink_for_ever(void) {
    for (;;) {
        P1OUT ^= BOARD_LED;
        for (uint16_t i = 0; i < 20000u; i++)
            __asm__ volatile("nop");
    }
}

static void start_dco(void) {
    if (CALBC1_8MHZ == ERASED || CALDCO_8MHZ == ERASED)
        blink_for_ever();
    DCOCTL = 0;
    BCSCTL1 = CALBC1_8MHZ | XT2OFF;
    DCOCTL = CALDCO_8MHZ;
    BCSCTL3 = LFXT1S_2; /* BCSCTL2 is 0 from every reset: DCO, undivided */
}

uint16_t clock_count(void) {
    uint16_t count;
    uint16_t again = TA0R;
    do {
        count = again;
        again = TA0R;
    } while (count != again);
    return count;
}

/* Waits for the next captured edge. False: none came, or one was missed. */
static bool next_edge(uint16_t *at) {
    for (uint16_t polls = EDGE_POLLS; polls != 0; polls--) {
        if ((TA0CCTL0 & CCIFG) == 0)
            continue;
        *at = TA0CCR0;
        bool missed = (TA0CCTL0 & COV) != 0;
        TA0CCTL0 &= (uint16_t) ~(CCIFG | COV);
        return !missed;
    }
    return false;
}

/* SMCLK cycles in PERIODS periods of ACLK, 0 if they could not be measured. Timer0 counts SMCLK meanwhile. */
static uint16_t capture_aclk(uint16_t *edges) {
    uint16_t first = 0;
    uint16_t last = 0;
    TA0CTL = TASSEL_2 | MC_2 | TACLR;
    TA0CCTL0 = CM_1 | CCIS_1 | SCS | CAP;
    for (*edges = 0; *edges <= PERIODS; (*edges)++) {
        if (!next_edge(&last))
            return 0;
        if (*edges == 0)
            first = last;
    }
    return last - first;
}

/*
 * Measures while no alarm is armed. The edges that pass are those by which Timer0 would have counted on; starting right
 * after an edge leaves a whole period to switch its clock without losing one.
 */
static void calibrate(void) {
    uint16_t edges;
    uint16_t start = clock_count();
    for (uint16_t polls = EDGE_POLLS; polls != 0 && clock_count() == start; polls--) {
    }
    start = clock_count();
    uint16_t cycles = capture_aclk(&edges);
    TA0CTL = 0;
    TA0CCTL0 = 0;
    TA0R = start + edges;
    TA0CTL = TASSEL_1 | MC_2;
    if (cycles < 12200u)
        cycles = clock.ms_per_tick_q16 != 0 ? 0 : TYPICAL_CYCLES; /* above 21 kHz is no VLO */
    if (cycles == 0)
        return;
    clock.ms_per_tick_q16 = high_half(multiply16(cycles, 16777u) + 0x8000u); /* cycles / 256000 * 65536 */
    /* SMCLK / 1000 * PERIODS * 2048 / cycles */
    _Static_assert(CLOCK_SMCLK_HZ / 1000u * PERIODS * 2048u == 8000ul * 65536u, "the constants of the next line");
    clock.ticks_per_ms_q11 = fraction16(4000, cycles >> 1);
}

void clock_init(void) {
    start_dco();
    TA0CTL = TASSEL_1 | MC_2 | TACLR;
    calibrate();
    clock.count = clock_count();
}

uint32_t clock_ms(void) {
    uint16_t count = clock_count();
    uint32_t passed = multiply16(clock.ms_per_tick_q16, count - clock.count) + clock.fraction;
    clock.count = count;
    clock.fraction = (uint16_t)passed;
    clock.now_ms += high_half(passed);
    return clock.now_ms;
}

void clock_service(void) {
    if ((uint16_t)(clock_count() - clock.count) > CLOCK_LONGEST_TICKS / 2u)
        (void)clock_ms();
    uint16_t now = (uint16_t)clock.now_ms;
    if ((uint16_t)(now - clock.calibrated_ms) < CLOCK_CALIBRATION_MS)
        return;
    clock.calibrated_ms = now;
    (void)clock_ms(); /* ticks up to here count by the old measurement */
    calibrate();
}

bool clock_is_near(uint16_t due_ms) {
    return (int16_t)(due_ms - (uint16_t)clock.now_ms) <= LONGEST_CALIBRATION_MS;
}

uint16_t clock_vlo_hz(void) {
    return high_half(multiply16(clock.ticks_per_ms_q11, 1000u << 5));
}

/* Two ticks ahead at least (TA12); what is nearer wakes at once. */
static void arm(uint16_t count) {
    TA0CCTL1 = 0;
    TA0CCR1 = count;
    TA0CCTL1 = CCIE;
    if ((int16_t)(count - clock_count()) < 2)
        TA0CCTL1 = CCIE | CCIFG;
}

void clock_alarm_in(uint16_t ticks) {
    arm(clock_count() + ticks);
}

bool clock_alarm_at(uint16_t due_ms) {
    int16_t ahead_ms = (int16_t)(due_ms - (uint16_t)clock.now_ms);
    if (ahead_ms <= 0)
        return false;
    if (ahead_ms > LONGEST_MS)
        ahead_ms = LONGEST_MS;
    /* In 1/32 ms, from what is left of the current one. */
    uint16_t ahead_q5 = (uint16_t)((uint16_t)ahead_ms << 5) - (uint8_t)(high_byte(clock.fraction) >> 3);
    arm(clock.count + high_half(multiply16(clock.ticks_per_ms_q11, ahead_q5)) + 1u);
    return true;
}

/* CCR2 is i2c.c's. */
uint8_t i2c_timeout_interrupt(void);

INTERRUPT(timer0_a1) {
    switch (TA0IV) {
    case TAIV_CCR1:
        TA0CCTL1 = 0;
        return WAKE_TIMER;
    case TAIV_CCR2:
        TA0CCTL2 = 0;
        return i2c_timeout_interrupt();
    default:
        return 0;
    }
}
