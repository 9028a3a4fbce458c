/*
 * Interrupt handlers that both compilers treat alike.
 *
 * GCC's and clang's interrupt attributes number vectors differently, and only GCC can patch the stacked status register
 * on exit. So a handler is a plain C function that returns wake bits (sleep.h), and INTERRUPT makes an assembly stub
 * for it: save R11-R15 (what the MSP430 EABI lets a callee clobber, SLAA534), call, leave through interrupt_exit
 * (startup.s), which ORs the bits into sleep_wake_bits and clears CPUOFF, OSCOFF, SCG0, SCG1 in the stacked status
 * register.
 *
 * The vector table (startup.s) names each stub weakly: a peripheral that an image does not link leaves its vector at a
 * RETI, which is also what erratum USCI29 asks of the vectors that are never used.
 *
 * Stack of an interrupt: 4 (PC, SR) + 10 (registers) + 2 (call) + the handler's own.
 */
#ifndef EARL_HAL_INTERRUPT_H
#define EARL_HAL_INTERRUPT_H

#include <stdint.h>

/* Called by assembly, which the compiler does not read when it sees a whole image at once. */
#ifdef __clang__
#define KEPT __attribute__((used))
#else
#define KEPT __attribute__((used, externally_visible))
#endif

/* `name` is one of: port1 port2 adc10 usci_tx usci_rx timer0_a1 timer0_a0 timer1_a1 timer1_a0 (startup.s). */
#define INTERRUPT(name)                                                                                                \
    KEPT uint8_t name##_interrupt(void);                                                                               \
    __asm__(".section .text.isr_" #name ",\"ax\",@progbits\n"                                                          \
            ".global isr_" #name "\n"                                                                                  \
            ".type isr_" #name ",@function\n"                                                                          \
            "isr_" #name ":\n"                                                                                         \
            "  push r15\n"                                                                                             \
            "  push r14\n"                                                                                             \
            "  push r13\n"                                                                                             \
            "  push r12\n"                                                                                             \
            "  push r11\n"                                                                                             \
            "  call #" #name "_interrupt\n"                                                                            \
            "  br #interrupt_exit\n"                                                                                   \
            ".size isr_" #name ", . - isr_" #name "\n"                                                                 \
            ".text\n");                                                                                                \
    uint8_t name##_interrupt(void)

/*
 * Set or clear bits of a byte in memory by one instruction, so that no handler that changes other bits of it can come
 * in between. C promises that of no operator.
 */
#define BITS_SET(register8, bits)   __asm__ volatile("bis.b %1, %0" : "+m"(register8) : "ri"((uint8_t)(bits)) : "cc")
#define BITS_CLEAR(register8, bits) __asm__ volatile("bic.b %1, %0" : "+m"(register8) : "ri"((uint8_t)(bits)) : "cc")

/* Run a few statements with interrupts off; they may nest. */
static inline uint16_t interrupts_off(void) {
    uint16_t sr;
    __asm__ volatile("mov r2, %0\n\tdint\n\tnop" : "=r"(sr) : : "memory");
    return sr;
}

static inline void interrupts_restore(uint16_t sr) {
    __asm__ volatile("bis %0, r2\n\tnop" : : "r"(sr & 0x0008u) : "memory", "cc");
}

#endif
