/* Ambient light sensor, see light.h. */
#include "drivers/light.h"
#include "board/earl.h"
#include "hal/adc.h"
#include "runtime/multiply.h"

/* Lux per unit of a reading, times 65536. */
#define FACTOR_Q16                                                                                                     \
    ((uint16_t)((65536ull * ADC_FULL_SCALE_UV / BOARD_LIGHT_UV_PER_LUX + ADC_FULL_SCALE / 2u) / ADC_FULL_SCALE))

uint16_t light_lux_of(uint16_t reading) {
    return high_half(multiply16(reading, FACTOR_Q16) + 0x8000u);
}

uint16_t light_lux(void) {
    return light_lux_of(adc_reading(BOARD_LIGHT_CHANNEL));
}
