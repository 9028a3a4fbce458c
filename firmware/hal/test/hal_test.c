/*
 * An image that hal.test.ts drives over the UART to try the hal on the emulator. Not a probe; never released.
 *
 * A command is a letter, its arguments, and 0x00, which wakes main. A reply is the letter and the result, big-endian.
 * At start it sends 'h' (reset cause, boots); on its own it sends 'T' (probe time) at the interval asked for and 'B'
 * (button event).
 */
#include "board/earl.h"
#include "hal/adc.h"
#include "hal/button.h"
#include "hal/clock.h"
#include "hal/hal.h"
#include "hal/i2c.h"
#include "hal/pwm.h"
#include "hal/reset.h"
#include "hal/sleep.h"
#include "hal/timer.h"
#include "hal/uart.h"
#include "link/siphash.h"

#define LONGEST_REPLY   24u
#define LONGEST_COMMAND 9u /* 'm' and two 32-bit numbers */

int main(void);

static struct timer ticks;
static struct button button;
static uint8_t reply[LONGEST_REPLY];
static uint8_t reply_length;
static uint8_t command[LONGEST_COMMAND];

static void put(uint8_t byte) {
    reply[reply_length++] = byte;
}

static void put16(uint16_t value) {
    put((uint8_t)(value >> 8));
    put((uint8_t)value);
}

static void put32(uint32_t value) {
    put16((uint16_t)(value >> 16));
    put16((uint16_t)value);
}

static uint32_t argument32(uint8_t at) {
    uint32_t value = 0;
    for (uint8_t i = 0; i < 4; i++)
        value = value << 8 | command[at + i];
    return value;
}

static void start_reply(uint8_t letter) {
    while (!uart_idle())
        sleep_wait(WAKE_UART);
    sleep_note(WAKE_UART); /* a command may have come meanwhile */
    reply_length = 0;
    put(letter);
}

static void send_reply(void) {
    uart_send(reply, reply_length);
}

static void send_start(void) {
    start_reply('h');
    put((uint8_t)reset_cause());
    put16(reset_boots());
    send_reply();
}

static uint8_t arguments_of(uint8_t letter) {
    switch (letter) {
    case 'a':
    case 'p':
    case 'n':
    case 'z':
    case 'S':
        return 1;
    case 'I':
        return 2;
    case 'w':
    case 'r':
        return 3;
    case 'm':
        return 8;
    default:
        return 0;
    }
}

/* Volatile, so that the compiler calls its runtime library instead of computing or simplifying. */
static void do_arithmetic(void) {
    volatile uint32_t a = argument32(1);
    volatile uint32_t b = argument32(5);
    volatile uint16_t c = (uint16_t)a;
    volatile uint16_t d = (uint16_t)b;
    put32(a * b);
    put32(a / b);
    put32(a % b);
    put16(c * d);
    put16(c / d);
    put16(c % d);
}

static void read_device(void) {
    struct i2c_device device;
    uint8_t bytes[8] = {0};
    (void)i2c_init(&device, command[1]);
    put((uint8_t)(command[2] == 0xFF ? i2c_read(&device, bytes, command[3])
                                     : i2c_write_read(&device, &command[2], 1, bytes, command[3])));
    for (uint8_t i = 0; i < command[3]; i++)
        put(bytes[i]);
}

static void write_device(void) {
    struct i2c_device device;
    (void)i2c_init(&device, command[1]);
    put((uint8_t)i2c_write(&device, &command[2], 2));
}

static void find_device(void) {
    struct i2c_device device;
    enum status status = i2c_init(&device, command[1]);
    put((uint8_t)(status == STATUS_OK ? i2c_present(&device) : status));
}

static void count_uart(void) {
    const struct uart_counters *counters = uart_counters();
    put32(counters->rx_bytes);
    put32(counters->tx_bytes);
    put16(counters->lost);
}

#define LONGEST_MESSAGE 63u /* of the reference vectors */

/* The MAC of the bytes 00 01 02 .. under the key 00 .. 0f. */
static void authenticate_message(uint8_t length) {
    static uint16_t state[SIPHASH_STATE_WORDS];
    static _Alignas(2) uint8_t message[LONGEST_MESSAGE + 1u];
    static _Alignas(2) uint8_t key[SIPHASH_KEY_LENGTH];
    uint8_t end = (uint8_t)(length | (SIPHASH_BLOCK_LENGTH - 1u));
    for (uint8_t i = 0; i < end; i++)
        message[i] = i < length ? i : 0;
    message[end] = length;
    for (uint8_t i = 0; i < sizeof key; i++)
        key[i] = i;
    siphash(state, key, message, (uint8_t)((end + 1u) / SIPHASH_BLOCK_LENGTH));
    for (uint8_t i = 0; i < SIPHASH_LENGTH; i++)
        put(((const uint8_t *)state)[i]);
}

/* Reads nothing for a while, as a main loop that is busy elsewhere. */
static void stay_busy(uint8_t ms) {
    uint32_t start = clock_ms();
    while (clock_ms() - start < ms) {
    }
}

static void execute(void) {
    start_reply(command[0]);
    switch (command[0]) {
    case 'v':
        put16(clock_vlo_hz());
        break;
    case 't':
        put32(clock_ms());
        break;
    case 'I':
        timer_start_periodic(&ticks, (uint16_t)(command[1] << 8 | command[2]));
        break;
    case 'a':
        adc_on();
        put16(adc_reading(command[1]));
        adc_off();
        break;
    case 'c':
        adc_on();
        put16((uint16_t)adc_temperature_centi());
        adc_off();
        break;
    case 's':
        adc_on();
        put16(adc_supply_mv());
        adc_off();
        break;
    case 'p':
        put((uint8_t)pwm_set_duty(command[1]));
        break;
    case 'n':
        find_device();
        break;
    case 'w':
        write_device();
        break;
    case 'r':
        read_device();
        break;
    case 'e':
        put16(i2c_errors());
        break;
    case 'k':
        put16(reset_stack_high_water());
        break;
    case 'm':
        do_arithmetic();
        break;
    case 'u':
        count_uart();
        break;
    case 'z':
        stay_busy(command[1]);
        break;
    case 'S':
        authenticate_message(command[1]);
        break;
    case 'A':
        put32(sleep_awake_ms());
        break;
    case 'R':
        uart_drain();
        reset_software();
    case 'x':
        for (;;) {
        }
    default:
        put('?');
        break;
    }
    send_reply();
}

static void receive(void) {
    static uint8_t length;
    uint8_t byte;
    while (uart_read(&byte)) {
        if (length == 0 && byte == 0)
            continue;
        command[length++] = byte;
        if (length <= arguments_of(command[0]))
            continue;
        length = 0;
        execute();
    }
}

int main(void) {
    hal_init();
    (void)uart_init(UART_BAUD_9600);
    button_init(&button);
    send_start();
    for (;;) {
        (void)sleep_until_event();
        receive();
        enum button_event event = button_poll(&button);
        if (event != BUTTON_NONE) {
            start_reply('B');
            put((uint8_t)event);
            send_reply();
        }
        if (timer_due(&ticks)) {
            start_reply('T');
            put32(clock_ms());
            send_reply();
        }
    }
}
