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

#define CHANNEL_TEMPERATURE  10u
#define CHANNEL_HALF_SUPPLY  11u
#define FULL_SCALE           1023u
#define TLV_TAG_ADC10        0x08u /* TAG_ADC10_1 */
#define REFERENCE_LOOPS      80u   /* 4 cycles each: 40 us, the reference needs 30 */
#define TEMPERATURE_READINGS 4u

static bool calibrated(void) {
    return TLV_ADC10_TAG == TLV_TAG_ADC10;
}

static void reference_on(uint16_t level) {
    ADC10CTL0 = SREF_1 | ADC10SHT_3 | ADC10SR | REFON | ADC10ON | ADC10IE | level;
    for (uint16_t i = REFERENCE_LOOPS; i != 0; i--)
        __asm__ volatile("nop");
}

static void reference_off(void) {
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

/* value × factor / 2^15, rounded. */
static uint16_t scale(uint16_t value, uint16_t factor) {
    return high_half((multiply16(factor, value) + 0x4000u) << 1);
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

uint32_t adc_microvolts(uint8_t channel) {
    ADC10AE0 |= (uint8_t)(1u << channel);
    reference_on(0);
    uint16_t reading = convert(channel);
    reference_off();
    return multiply16(46921u, correct(reading, CAL_ADC_15VREF_FACTOR)) >> 10; /* 1500000 uV / (1023 << 5) */
}

int16_t adc_temperature_centi(void) {
    uint16_t sum = 0;
    reference_on(0);
    for (uint8_t i = TEMPERATURE_READINGS; i != 0; i--)
        sum += convert(CHANNEL_TEMPERATURE);
    reference_off();
    /* From 30 degrees on by the factory's readings; else 3.55 mV/K and 0.986 V at 0 degrees, which is step 673. */
    bool known = calibrated();
    uint16_t span = CAL_ADC_15T85 - CAL_ADC_15T30;
    int16_t above = (int16_t)(sum - (known ? CAL_ADC_15T30 : 673u) * TEMPERATURE_READINGS);
    uint16_t magnitude = above < 0 ? (uint16_t)-above : (uint16_t)above;
    uint32_t scaled = multiply16(5500u, magnitude);
    int16_t centi =
        (int16_t)(known ? scaled / (uint16_t)(span * TEMPERATURE_READINGS) : multiply16(10575u, magnitude) >> 10);
    return (int16_t)((known ? 3000 : 0) + (above < 0 ? -centi : centi));
}

uint16_t adc_supply_mv(void) {
    reference_on(0);
    uint16_t reading = convert(CHANNEL_HALF_SUPPLY);
    reference_off();
    if (reading < FULL_SCALE)
        return high_half(multiply16(6006u, correct(reading, CAL_ADC_15VREF_FACTOR))); /* 3000 mV / (1023 << 5) */
    reference_on(REF2_5V);
    reading = convert(CHANNEL_HALF_SUPPLY);
    reference_off();
    return high_half(multiply16(10010u, correct(reading, CAL_ADC_25VREF_FACTOR))); /* 5000 mV */
}

INTERRUPT(adc10) {
    return WAKE_ADC;
}
