/*
 * ADC10: one conversion at a time against the internal 1.5 V reference, corrected with the factory constants in
 * information segment A (gain, offset, reference factor; SLAU144 "TLV structure"). Integer arithmetic.
 *
 * Readings are taken between adc_on, which waits 37 us for the reference (it needs 30, SLAS735), and adc_off. Each
 * sleeps in LPM3 while the ADC converts on its own oscillator. Without a TLV tag (segment A erased) readings are
 * uncorrected and the temperature uses the data sheet's typical 3.55 mV/K and 0.986 V. Call from main only.
 */
#ifndef EARL_HAL_ADC_H
#define EARL_HAL_ADC_H

#include <stdint.h>

#define ADC_FULL_SCALE    32736u   /* 1023 steps, with five fractional bits */
#define ADC_FULL_SCALE_UV 1500000u /* what that is in microvolts */

/* Reference and ADC on and off. */
void adc_on(void);
void adc_off(void);

/* Corrected reading of an input A0-A7, 0 to ADC_FULL_SCALE. The pin's digital buffer is off from then on. */
uint16_t adc_reading(uint8_t channel);

/* Chip temperature in 0.01 degrees Celsius, from the sensor's factory readings at 30 and 85 degrees; a step is 0.4 K.
 */
int16_t adc_temperature_centi(void);

/*
 * Supply voltage in millivolts from (Vcc/2) on A11 against 1.5 V, which ends at 3000 mV; above that a second conversion
 * against 2.5 V, which the data sheet allows from 2.9 V on. The LaunchPad supplies about 3.5 V.
 */
uint16_t adc_supply_mv(void);

#endif
