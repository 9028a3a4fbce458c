/*
 * The light sensor: ambient light on the ADC, and the chip's own temperature and supply voltage.
 *
 * Sends a sample four times a second (set_interval), of which temperature and supply are up to a second old. Between
 * samples it sleeps in LPM3; the ADC runs on its own oscillator, and the UART wakes the clock it needs by itself. The
 * I2C bus is set up for read_registers and write_registers, so that a designer may hang sensors of their own on it.
 */
#include "drivers/light.h"
#include "hal/adc.h"
#include "hal/clock.h"
#include "hal/hal.h"
#include "hal/i2c.h"
#include "hal/sleep.h"
#include "hal/uart.h"
#include "link/link.h"

#define SLOW_MS 990u /* a little less than four samples */

const struct link_profile probe_profile = {LINK_KIND_LIGHT, LINK_CAP_ILLUMINANCE | LINK_CAP_TEMPERATURE |
                                                                LINK_CAP_SUPPLY | LINK_CAP_REGISTERS};

struct probe {
    struct link link;
    uint16_t measured_ms; /* when temperature and supply were, low half of probe time */
    int16_t temperature;
    uint16_t supply;
};

/* What changes slowly is measured once a second; the samples until then repeat it. */
static void send_sample(struct probe *probe) {
    struct link_light_sample *sample = link_payload(&probe->link);
    uint16_t now_ms = (uint16_t)clock_ms();

    adc_on();
    sample->illuminance = light_lux();
    if ((uint16_t)(now_ms - probe->measured_ms) >= SLOW_MS) {
        probe->measured_ms = now_ms;
        probe->temperature = adc_temperature_centi();
        probe->supply = adc_supply_mv();
    }
    adc_off();
    sample->temperature = probe->temperature;
    sample->supply = probe->supply;
    link_send(&probe->link, LINK_MSG_LIGHT_SAMPLE, LINK_LENGTH_LIGHT_SAMPLE);
}

int main(void) {
    static struct probe probe;
    struct i2c_device bus;

    hal_init();
    (void)uart_init(UART_BAUD_9600);
    /* Any address will do: each command names its own. */
    (void)i2c_init(&bus, 0);
    link_init(&probe.link);
    probe.measured_ms = (uint16_t)-SLOW_MS;
    for (;;) {
        while (link_poll(&probe.link)) {
            link_answer(&probe.link, LINK_STATUS_UNSUPPORTED);
        }
        if (link_sample_due(&probe.link)) {
            send_sample(&probe);
        }
        (void)sleep_until_event();
    }
}
