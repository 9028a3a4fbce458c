; From reset to main, the vector table, and the common way out of every interrupt.
;
; Accepted by GNU as and by clang's assembler alike. At reset: stop the watchdog, set the stack pointer, paint the free RAM
; (reset.c measures the stack's high-water mark by it), clear .bss, leave .noinit alone, call main. There is no .data: the
; linker script refuses initialised variables.
; Vectors: SLAS735 "Interrupt Vector Addresses". Handlers are weak (interrupt.h): a vector that no linked module claims
; returns at once, as erratum USCI29 asks; its interrupt is never enabled.

  .set WDTCTL, 0x0120
  .set WDT_STOP, 0x5A80          ; WDTPW | WDTHOLD
  .set STACK_PAINT, 0x5A5A       ; reset.c knows this pattern

  .section .text.startup_reset,"ax",@progbits
  .global reset_handler
  .type reset_handler,@function
reset_handler:
  mov #WDT_STOP, &WDTCTL
  mov #__stack_top, r1

  mov #__stack_bottom, r12
paint:
  cmp r1, r12
  jhs clear
  mov #STACK_PAINT, 0(r12)
  add #2, r12
  jmp paint

clear:
  mov #__bss_start, r12
clear_word:
  cmp #__bss_end, r12
  jhs run
  mov #0, 0(r12)
  add #2, r12
  jmp clear_word

run:
  call #main
; main never returns; if it does, a watchdog key violation restarts the chip.
  mov #0, &WDTCTL
  .size reset_handler, . - reset_handler

; GCC's objects name these to pull in pieces of its own start-up code, which the loop above replaces.
  .global __crt0_movedata
  .global __crt0_init_bss
  .set __crt0_movedata, reset_handler
  .set __crt0_init_bss, reset_handler

; A stub of interrupt.h comes here with R11 to R15 saved and its handler's wake bits in R12. The stacked status register
; is above the five registers.
  .section .text.interrupt_exit,"ax",@progbits
  .global interrupt_exit
  .type interrupt_exit,@function
interrupt_exit:
  tst.b r12
  jz restore
  bis.b r12, &sleep_wake_bits
  bic #0x00F0, 10(r1)            ; CPUOFF, OSCOFF, SCG0, SCG1: stay awake
restore:
  pop r11
  pop r12
  pop r13
  pop r14
  pop r15
  reti
  .size interrupt_exit, . - interrupt_exit

; Default of every vector. INTERRUPT (interrupt.h) defines the strong symbol in the module that owns the vector.
  .section .text.interrupt_unused,"ax",@progbits
  .weak isr_port1
  .weak isr_port2
  .weak isr_adc10
  .weak isr_usci_tx
  .weak isr_usci_rx
  .weak isr_timer0_a1
  .weak isr_timer0_a0
  .weak isr_timer1_a1
  .weak isr_timer1_a0
  .global interrupt_unused
  .type interrupt_unused,@function
isr_port1:
isr_port2:
isr_adc10:
isr_usci_tx:
isr_usci_rx:
isr_timer0_a1:
isr_timer0_a0:
isr_timer1_a1:
isr_timer1_a0:
interrupt_unused:
  reti
  .size interrupt_unused, . - interrupt_unused

  .section .vectors,"a",@progbits
  .global vectors
  .type vectors,@object
vectors:
  .word interrupt_unused         ; 0xFFE0 reserved (erratum USCI29)
  .word interrupt_unused         ; 0xFFE2 reserved
  .word isr_port1                ; 0xFFE4
  .word isr_port2                ; 0xFFE6
  .word interrupt_unused         ; 0xFFE8 reserved
  .word isr_adc10                ; 0xFFEA
  .word isr_usci_tx              ; 0xFFEC
  .word isr_usci_rx              ; 0xFFEE
  .word isr_timer0_a1            ; 0xFFF0
  .word isr_timer0_a0            ; 0xFFF2
  .word interrupt_unused         ; 0xFFF4 watchdog in interval mode
  .word interrupt_unused         ; 0xFFF6 comparator
  .word isr_timer1_a1            ; 0xFFF8
  .word isr_timer1_a0            ; 0xFFFA
  .word interrupt_unused         ; 0xFFFC NMI
  .word reset_handler            ; 0xFFFE
  .size vectors, . - vectors
