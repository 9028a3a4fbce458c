/*
 * ADC10: see adc.h. SLAU144 "ADC10" and "TLV structure" (calibration equations), SLAS735 "10-Bit ADC".
 *
 * Corrected readings are carried with five fractional bits, because gain, reference factor and offset move them by
 * fractions of a step. Clock: ADC10OSC / 4, so that 64 clocks sample for 40 us or more, which the temperature sensor
 * (30 us) and a 2 kOhm source both need.
 */
#include "hal/adc.h"

#include <stdbool.h>

#include "board/earl.h"
#include "hal/interrupt.h"
#include "hal/sleep.h"
#include "runtime/multiply.h"

#define CHANNEL_TEMPERATURE 10u
#define CHANNEL_HALF_SUPPLY 11u
#define FULL_SCALE          1023u
#define TLV_TAG_ADC10       0x08u /* TAG_ADC10_1 */
#define REFERENCE_LOOPS     100u  /* 3 cycles each: 37 us, the reference needs 30 */

/* value × factor / 2^15, rounded. */
static uint16_t scale(uint16_t value, uint16_t factor) {
    return high_half((multiply16(factor, value) + 0x4000u) << 1);
}

static bool calibrated(void) {
    return TLV_ADC10_TAG == TLV_TAG_ADC10;
}

static void reference_on(uint16_t level) {
    ADC10CTL0 = SREF_1 | ADC10SHT_3 | ADC10SR | REFON | ADC10ON | ADC10IE | level;
    uint16_t loops = REFERENCE_LOOPS;
    __asm__ volatile("1:\tdec %0\n\tjnz 1b" : "+r"(loops) : : "cc");
}

void adc_on(void) {
    reference_on(0);
}

void adc_off(void) {
    ADC10CTL0 &= (uint16_t)~ENC;
    ADC10CTL0 = 0;
}

static uint16_t convert(uint8_t channel) {
    ADC10CTL0 &= (uint16_t)~ENC;
    ADC10CTL1 = (uint16_t)((uint16_t)channel << INCH_SHIFT) | ADC10DIV_3;
    ADC10CTL0 |= ENC | ADC10SC;
    sleep_wait(WAKE_ADC);
    return ADC10MEM;
}

/* The reading with five fractional bits, corrected as SLAU144 says: reference, gain, offset. */
static uint16_t correct(uint16_t reading, uint16_t reference_factor) {
    uint16_t value = (uint16_t)(reading << 5);
    if (!calibrated())
        return value;
    value = scale(scale(value, reference_factor), CAL_ADC_GAIN_FACTOR);
    int16_t offset = (int16_t)(CAL_ADC_OFFSET << 5);
    if (offset < 0 && value < (uint16_t)-offset)
        return 0;
    return value + (uint16_t)offset;
}

uint16_t adc_reading(uint8_t channel) {
    ADC10AE0 |= (uint8_t)(1u << channel);
    return correct(convert(channel), CAL_ADC_15VREF_FACTOR);
}

int16_t adc_temperature_centi(void) {
    /* From 30 degrees on by the factory's readings; else 3.55 mV/K and 0.986 V at 0 degrees, which is step 673. */
    int16_t origin = 0;
    uint16_t from = 673;
    uint16_t kelvin_per_step_q16 = 27068;
    if (calibrated()) {
        origin = 3000;
        from = CAL_ADC_15T30;
        kelvin_per_step_q16 = fraction16(55, CAL_ADC_15T85 - CAL_ADC_15T30);
    }
    int16_t above = (int16_t)(convert(CHANNEL_TEMPERATURE) - from);
    bool below = above < 0;
    if (below)
        above = -above;
    int16_t centi = (int16_t)high_half(multiply16(kelvin_per_step_q16, (uint16_t)above * 100u));
    return (int16_t)(origin + (below ? -centi : centi));
}

uint16_t adc_supply_mv(void) {
    uint16_t reading = convert(CHANNEL_HALF_SUPPLY);
    if (reading < FULL_SCALE)
        return high_half(multiply16(6006u, correct(reading, CAL_ADC_15VREF_FACTOR))); /* 3000 mV / (1023 << 5) */
    adc_off();
    reference_on(REF2_5V);
    reading = convert(CHANNEL_HALF_SUPPLY);
    adc_off();
    reference_on(0);
    return high_half(multiply16(10010u, correct(reading, CAL_ADC_25VREF_FACTOR))); /* 5000 mV */
}

INTERRUPT(adc10) {
    return WAKE_ADC;
}
