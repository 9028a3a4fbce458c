/*
 * The light sensor: ambient light on the ADC, and the chip's own temperature and supply voltage.
 *
 * Sends a sample four times a second (set_interval). Between samples it sleeps in LPM3; the ADC runs on its own
 * oscillator, and the UART wakes the clock it needs by itself. The I2C bus is set up for read_registers and
 * write_registers, so that a designer may hang sensors of their own on it.
 */
#include "drivers/light.h"
#include "hal/adc.h"
#include "hal/hal.h"
#include "hal/i2c.h"
#include "hal/sleep.h"
#include "hal/uart.h"
#include "link/link.h"

const struct link_profile probe_profile = {LINK_KIND_LIGHT, LINK_CAP_ILLUMINANCE | LINK_CAP_TEMPERATURE |
                                                                LINK_CAP_SUPPLY | LINK_CAP_REGISTERS};

static void send_sample(struct link *link) {
    struct link_light_sample *sample = link_payload(link);

    sample->illuminance = light_lux();
    sample->temperature = adc_temperature_centi();
    sample->supply = adc_supply_mv();
    link_send(link, LINK_MSG_LIGHT_SAMPLE, LINK_LENGTH_LIGHT_SAMPLE);
}

int main(void) {
    static struct link link;
    struct i2c_device bus;

    hal_init();
    (void)uart_init(UART_BAUD_9600);
    /* Any address will do: each command names its own. */
    (void)i2c_init(&bus, 0);
    link_init(&link);
    for (;;) {
        while (link_poll(&link)) {
            link_answer(&link, LINK_STATUS_UNSUPPORTED);
        }
        if (link_sample_due(&link)) {
            send_sample(&link);
        }
        (void)sleep_until_event();
    }
}
