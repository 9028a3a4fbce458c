/* Ambient light sensor: a phototransistor into a resistor on an ADC input (board/earl.h says which and how steep). */
#ifndef DRIVERS_LIGHT_H
#define DRIVERS_LIGHT_H

#include <stdint.h>

/** Illuminance in lux, 0 to 1364, where the ADC's reference ends. The ADC is on. */
uint16_t light_lux(void);

/** The conversion alone: an ADC reading (hal/adc.h) to lux, rounded to nearest. */
uint16_t light_lux_of(uint16_t reading);

#endif
