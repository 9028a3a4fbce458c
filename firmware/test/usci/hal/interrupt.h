/* Stands in for hal/interrupt.h on a host: handlers are plain functions, which the model calls. */
#ifndef USCI_HAL_INTERRUPT_H
#define USCI_HAL_INTERRUPT_H

#include <stdint.h>

#define INTERRUPT(name)                                                                                                \
    uint8_t name##_interrupt(void);                                                                                    \
    uint8_t name##_interrupt(void)

#define BITS_SET(register8, bits)   ((register8) |= (uint16_t)(bits))
#define BITS_CLEAR(register8, bits) ((register8) &= (uint16_t) ~(bits))

/* 0 while interrupts are off. */
extern uint16_t interrupts_enabled;

static inline uint16_t interrupts_off(void) {
    uint16_t before = interrupts_enabled;

    interrupts_enabled = 0;
    return before;
}

static inline void interrupts_restore(uint16_t before) {
    interrupts_enabled = before;
}

#endif
