/* Stand-ins for hal, see fake_hal.h. hal/timer.c is the real one. */
#include "test/fake_hal.h"

#include <string.h>

#include "hal/adc.h"
#include "hal/bridge.h"
#include "hal/clock.h"
#include "hal/port.h"
#include "hal/pwm.h"
#include "hal/reset.h"
#include "hal/sleep.h"
#include "hal/uart.h"

struct fake_hal fake;
_Alignas(2) uint8_t stand_in_identity[28];

void fake_reset(void) {
    memset(&fake, 0, sizeof fake);
    fake.tx_frames = FAKE_ENDLESS;
    memset(stand_in_identity, 0xff, sizeof stand_in_identity);
}

uint32_t clock_ms(void) {
    return fake.now_ms;
}

bool uart_read(uint8_t *byte) {
    if (fake.rx_tail == fake.rx_head) {
        return false;
    }
    *byte = fake.rx[fake.rx_tail++];
    return true;
}

bool uart_idle(void) {
    return fake.tx_frames != 0;
}

void uart_send(const uint8_t *bytes, uint8_t length) {
    if (fake.tx_frames == 0) {
        fake.tx_torn++;
    } else if (fake.tx_frames != FAKE_ENDLESS) {
        fake.tx_frames--;
    }
    memcpy(fake.tx + fake.tx_length, bytes, length);
    fake.tx_length += length;
}

void uart_drain(void) {
    fake.drained = true;
}

const struct uart_counters *uart_counters(void) {
    static const struct uart_counters counters = {0x01020304, 0x05060708, 42};

    return &counters;
}

enum reset_cause reset_cause(void) {
    return RESET_PIN;
}
uint16_t reset_boots(void) {
    return 0x0304;
}
uint16_t reset_stack_high_water(void) {
    return 0x0102;
}
void reset_software(void) {
    longjmp(fake.on_reset, 1);
}
uint32_t sleep_awake_ms(void) {
    return 0x0a0b0c0d;
}

void port_led_driver_enable(bool on) {
    fake.led_enabled = on;
}
bool bridge_connected(void) {
    return !fake.bridge_idle;
}
bool port_motion_level(void) {
    return fake.motion_level;
}

enum status pwm_set_duty(uint8_t percent) {
    if (percent > 100) {
        return STATUS_BAD_ARGUMENT;
    }
    fake.duty = percent;
    return STATUS_OK;
}

uint16_t adc_reading(uint8_t channel) {
    (void)channel;
    return fake.reading;
}
