/* Ambient light sensor, see light.h. */
#include "drivers/light.h"
#include "board/earl.h"
#include "hal/adc.h"

uint16_t light_lux_of(uint32_t microvolts) {
    return (uint16_t)((microvolts + BOARD_LIGHT_UV_PER_LUX / 2u) / BOARD_LIGHT_UV_PER_LUX);
}

uint16_t light_lux(void) {
    return light_lux_of(adc_microvolts(BOARD_LIGHT_CHANNEL));
}
