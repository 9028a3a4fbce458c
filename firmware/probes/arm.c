/*
 * The arm band: an ADXL345 accelerometer and a vibration motor.
 *
 * Sends the acceleration four times a second (set_interval) and an event when motion begins and ends, which the ADXL345
 * detects by itself; vibrates on command. While the accelerometer does not answer there are no samples, it is tried
 * again twice a second and i2cErrors counts. Kept between events in LPM3; in LPM0 while the motor's PWM needs SMCLK.
 */
#include "drivers/accelerometer.h"
#include "drivers/motor.h"
#include "hal/hal.h"
#include "hal/port.h"
#include "hal/sleep.h"
#include "hal/uart.h"
#include "link/link.h"
#include "runtime/bytes.h"

#define RETRY_MS 500u

struct probe {
    struct link link;
    struct accelerometer sensor;
    struct motor motor;
    struct timer retry;
};

const struct link_profile probe_profile = {LINK_KIND_ARM, LINK_CAP_ACCELEROMETER | LINK_CAP_MOTOR | LINK_CAP_REGISTERS};

/* Executes the command that waits. */
static uint8_t execute(struct probe *probe) {
    const uint8_t *payload = frame_payload(&probe->link.receiver);

    if (frame_type(&probe->link.receiver) != LINK_MSG_VIBRATE) {
        return LINK_STATUS_UNSUPPORTED;
    }
    return (uint8_t)motor_run(&probe->motor, payload[0], word_at(payload + 1));
}

/* Every pass: a sensor that failed, or never answered, is tried again after a while. */
static void attach_sensor(struct probe *probe) {
    if (probe->sensor.attached) {
        return;
    }
    if (probe->retry.period_ms == TIMER_STOPPED) {
        timer_start(&probe->retry, RETRY_MS);
    }
    if (timer_due(&probe->retry)) {
        (void)accelerometer_attach(&probe->sensor);
    }
}

static void poll_motion(struct probe *probe) {
    enum accelerometer_motion motion;

    /* By level, not by edge: INT1 stays high until the source is read, so nothing is missed while there is no room for
     * an event. */
    if (!probe->sensor.attached || !port_motion_level() || !link_is_free(&probe->link) ||
        accelerometer_poll(&probe->sensor, &motion) != STATUS_OK || motion == ACCELEROMETER_NOTHING) {
        return;
    }
    link_raise(&probe->link, motion == ACCELEROMETER_MOTION ? LINK_EVENT_MOTION : LINK_EVENT_STILL, probe->sensor.peak);
}

static void send_sample(struct probe *probe) {
    struct link_arm_sample *sample = link_payload(&probe->link);

    sample->x = probe->sensor.milli_g[0];
    sample->y = probe->sensor.milli_g[1];
    sample->z = probe->sensor.milli_g[2];
    link_send(&probe->link, LINK_MSG_ARM_SAMPLE, LINK_LENGTH_ARM_SAMPLE);
}

int main(void) {
    static struct probe probe;

    hal_init();
    (void)uart_init(UART_BAUD_9600);
    /* Failures now are seen again, and dealt with, when the sensor is polled. */
    (void)accelerometer_init(&probe.sensor);
    (void)accelerometer_attach(&probe.sensor);
    port_motion_enable(true);
    link_init(&probe.link);
    for (;;) {
        while (link_poll(&probe.link)) {
            link_answer(&probe.link, execute(&probe));
        }
        attach_sensor(&probe);
        motor_poll(&probe.motor);
        poll_motion(&probe);
        if (link_sample_due(&probe.link) && probe.sensor.attached && accelerometer_read(&probe.sensor) == STATUS_OK) {
            send_sample(&probe);
        }
        (void)sleep_until_event();
    }
}
