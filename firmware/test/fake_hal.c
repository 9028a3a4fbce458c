/* Stand-ins for hal, see fake_hal.h. hal/timer.c is the real one. */
#include "test/fake_hal.h"

#include <string.h>

#include "hal/adc.h"
#include "hal/clock.h"
#include "hal/port.h"
#include "hal/pwm.h"
#include "hal/reset.h"
#include "hal/sleep.h"
#include "hal/uart.h"

struct fake_hal fake;
uint8_t stand_in_identity[12];

void fake_reset(void) {
    memset(&fake, 0, sizeof fake);
    fake.tx_room = 255;
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

bool uart_write(const uint8_t *bytes, uint8_t length) {
    if (length > fake.tx_room) {
        fake.tx_refused++;
        return false;
    }
    if (fake.tx_room != 255) {
        fake.tx_room = (uint8_t)(fake.tx_room - length);
    }
    memcpy(fake.tx + fake.tx_length, bytes, length);
    fake.tx_length += length;
    return true;
}

uint8_t uart_tx_room(void) {
    return fake.tx_room;
}

bool uart_drain(void) {
    fake.drained = true;
    return true;
}

void uart_counters(struct uart_counters *copy) {
    copy->rx_bytes = 0x01020304;
    copy->tx_bytes = 0x05060708;
    copy->overruns = 40;
    copy->framing_errors = 2;
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

uint32_t adc_microvolts(uint8_t channel) {
    (void)channel;
    return fake.microvolts;
}
