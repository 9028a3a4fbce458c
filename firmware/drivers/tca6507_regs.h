/* Registers of the TCA6507 LED driver (SCPS164, "Register Maps"): constants only. */
#ifndef DRIVERS_TCA6507_REGS_H
#define DRIVERS_TCA6507_REGS_H

#define TCA6507_ADDRESS 0x45u

/* Command byte: register number, and this bit to go on to the next register after each data byte. */
#define TCA6507_AUTO_INCREMENT 0x10u

#define TCA6507_SELECT0           0x00u /* bit n of SELECT2..SELECT0 make the code of output Pn */
#define TCA6507_SELECT1           0x01u
#define TCA6507_SELECT2           0x02u
#define TCA6507_FADE_ON           0x03u /* 0x03 to 0x08: bank 1 in the high nibble, bank 0 in the low one */
#define TCA6507_FULLY_ON          0x04u
#define TCA6507_FADE_OFF          0x05u
#define TCA6507_FIRST_OFF         0x06u
#define TCA6507_SECOND_OFF        0x07u
#define TCA6507_MAXIMUM_INTENSITY 0x08u
#define TCA6507_ONE_SHOT_MASTER   0x09u
#define TCA6507_INITIALIZATION    0x0au /* write only */

#define TCA6507_READABLE_REGISTERS 10u
#define TCA6507_REGISTERS          11u

/* Power-up values (SCPS164, "Control Register Description"). */
#define TCA6507_DEFAULT_TIMES     0x44u
#define TCA6507_DEFAULT_INTENSITY 0xffu
#define TCA6507_DEFAULT_MASTER    0x0fu

/* TCA6507_ONE_SHOT_MASTER. */
#define TCA6507_MASTER_LEVEL_MASK   0x0fu
#define TCA6507_FOLLOW_MASTER(bank) (0x10u << (bank)) /* maximum intensity of the bank is the master's */
#define TCA6507_ONE_SHOT(bank)      (0x40u << (bank)) /* one blink cycle, then off */

/* TCA6507_INITIALIZATION. The data sheet's text on it was not found; Linux' leds-tca6507 restarts a bank's cycle by
 * writing 8 into its nibble, and so do we. */
#define TCA6507_RESTART(bank) (0x08u << (4u * (bank)))

#define TCA6507_OUTPUTS 7u
#define TCA6507_BANKS   2u

/* A bank's half of registers 0x03 to 0x08. */
#define TCA6507_NIBBLE(bank) ((bank) ? 0xf0u : 0x0fu)

/* Codes of an output (SCPS164, "Select Registers"). */
#define TCA6507_CODE_OFF    0u /* 1 is off, too */
#define TCA6507_CODE_PWM0   2u
#define TCA6507_CODE_PWM1   3u
#define TCA6507_CODE_ON     4u
#define TCA6507_CODE_MASTER 5u
#define TCA6507_CODE_BLINK0 6u
#define TCA6507_CODE_BLINK1 7u
#define TCA6507_CODE_MAX    7u

#define TCA6507_LEVEL_MAX 15u

#endif
