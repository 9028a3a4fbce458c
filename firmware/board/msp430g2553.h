/*
 * Registers of the MSP430G2553, as far as Earl uses them.
 *
 * Written from the user's guide SLAU144 (registers and bits) and the data sheet SLAS735 (addresses, interrupt vectors,
 * TLV tags). Names are TI's. What no image uses (comparator, SPI and LIN bits, flash controller) is left out.
 *
 * A register is an lvalue: `P1OUT |= BIT0`. Registers below 0x0100 are bytes, those from 0x0100 on are words.
 */
#ifndef EARL_BOARD_MSP430G2553_H
#define EARL_BOARD_MSP430G2553_H

#include <stdint.h>

#define REGISTER8(address)  (*(volatile uint8_t *)(address))
#define REGISTER16(address) (*(volatile uint16_t *)(address))
#define CONSTANT8(address)  (*(const volatile uint8_t *)(address))
#define CONSTANT16(address) (*(const volatile uint16_t *)(address))

#define BIT0 0x01u
#define BIT1 0x02u
#define BIT2 0x04u
#define BIT3 0x08u
#define BIT4 0x10u
#define BIT5 0x20u
#define BIT6 0x40u
#define BIT7 0x80u

/* Status register, SLAU144 "CPU". */
#define SR_GIE    0x0008u
#define SR_CPUOFF 0x0010u
#define SR_OSCOFF 0x0020u
#define SR_SCG0   0x0040u
#define SR_SCG1   0x0080u
#define SR_LPM0   (SR_CPUOFF)
#define SR_LPM3   (SR_SCG1 | SR_SCG0 | SR_CPUOFF)

/* Special function registers, SLAU144 "System Resets, Interrupts, and Operating Modes". */
#define IE1    REGISTER8(0x0000)
#define IE2    REGISTER8(0x0001)
#define IFG1   REGISTER8(0x0002)
#define IFG2   REGISTER8(0x0003)
#define WDTIFG 0x01u
#define OFIFG  0x02u
#define PORIFG 0x04u
#define RSTIFG 0x08u
#define NMIIFG 0x10u
/* Bits of IE2; the flags in IFG2 have the same places. */
#define UCA0RXIE  0x01u
#define UCA0TXIE  0x02u
#define UCB0RXIE  0x04u
#define UCB0TXIE  0x08u
#define UCA0RXIFG 0x01u
#define UCA0TXIFG 0x02u
#define UCB0RXIFG 0x04u
#define UCB0TXIFG 0x08u

/* Digital I/O. */
#define P1IN   REGISTER8(0x0020)
#define P1OUT  REGISTER8(0x0021)
#define P1DIR  REGISTER8(0x0022)
#define P1IFG  REGISTER8(0x0023)
#define P1IES  REGISTER8(0x0024)
#define P1IE   REGISTER8(0x0025)
#define P1SEL  REGISTER8(0x0026)
#define P1REN  REGISTER8(0x0027)
#define P1SEL2 REGISTER8(0x0041)
#define P2IN   REGISTER8(0x0028)
#define P2OUT  REGISTER8(0x0029)
#define P2DIR  REGISTER8(0x002A)
#define P2IFG  REGISTER8(0x002B)
#define P2IES  REGISTER8(0x002C)
#define P2IE   REGISTER8(0x002D)
#define P2SEL  REGISTER8(0x002E)
#define P2REN  REGISTER8(0x002F)
#define P2SEL2 REGISTER8(0x0042)
#define P3IN   REGISTER8(0x0018)
#define P3OUT  REGISTER8(0x0019)
#define P3DIR  REGISTER8(0x001A)
#define P3SEL  REGISTER8(0x001B)
#define P3REN  REGISTER8(0x0010)
#define P3SEL2 REGISTER8(0x0043)

/* Basic Clock Module+. */
#define BCSCTL3  REGISTER8(0x0053)
#define DCOCTL   REGISTER8(0x0056)
#define BCSCTL1  REGISTER8(0x0057)
#define BCSCTL2  REGISTER8(0x0058)
#define XT2OFF   0x80u /* BCSCTL1 */
#define LFXT1S_2 0x20u /* BCSCTL3: ACLK from the VLO */

/* USCI_A0, UART mode. */
#define UCA0CTL0  REGISTER8(0x0060)
#define UCA0CTL1  REGISTER8(0x0061)
#define UCA0BR0   REGISTER8(0x0062)
#define UCA0BR1   REGISTER8(0x0063)
#define UCA0MCTL  REGISTER8(0x0064)
#define UCA0STAT  REGISTER8(0x0065)
#define UCA0RXBUF REGISTER8(0x0066)
#define UCA0TXBUF REGISTER8(0x0067)
#define UCSSEL_2  0x80u /* CTL1: SMCLK */
#define UCRXEIE   0x20u /* CTL1: characters with errors set UCA0RXIFG too */
#define UCSWRST   0x01u /* CTL1 */
#define UCOS16    0x01u /* MCTL */
#define UCFE      0x40u /* STAT: framing error */
#define UCOE      0x20u /* STAT: overrun */
#define UCRXERR   0x04u /* STAT */
#define UCBUSY    0x01u /* STAT */

/* USCI_B0, I2C mode. */
#define UCB0CTL0  REGISTER8(0x0068)
#define UCB0CTL1  REGISTER8(0x0069)
#define UCB0BR0   REGISTER8(0x006A)
#define UCB0BR1   REGISTER8(0x006B)
#define UCB0I2CIE REGISTER8(0x006C)
#define UCB0STAT  REGISTER8(0x006D)
#define UCB0RXBUF REGISTER8(0x006E)
#define UCB0TXBUF REGISTER8(0x006F)
#define UCB0I2COA REGISTER16(0x0118)
#define UCB0I2CSA REGISTER16(0x011A)
#define UCMST     0x08u /* CTL0 */
#define UCMODE_3  0x06u /* CTL0: I2C */
#define UCSYNC    0x01u /* CTL0 */
#define UCTR      0x10u /* CTL1: transmitter */
#define UCTXNACK  0x08u /* CTL1 */
#define UCTXSTP   0x04u /* CTL1 */
#define UCTXSTT   0x02u /* CTL1 */
#define UCNACKIE  0x08u /* I2CIE */
#define UCSTPIE   0x04u
#define UCSTTIE   0x02u
#define UCALIE    0x01u
#define UCSCLLOW  0x40u /* STAT */
#define UCBBUSY   0x10u
#define UCNACKIFG 0x08u
#define UCSTPIFG  0x04u
#define UCSTTIFG  0x02u
#define UCALIFG   0x01u

/* Timer0_A3 and Timer1_A3. */
#define TA0IV      REGISTER16(0x012E)
#define TA0CTL     REGISTER16(0x0160)
#define TA0CCTL0   REGISTER16(0x0162)
#define TA0CCTL1   REGISTER16(0x0164)
#define TA0CCTL2   REGISTER16(0x0166)
#define TA0R       REGISTER16(0x0170)
#define TA0CCR0    REGISTER16(0x0172)
#define TA0CCR1    REGISTER16(0x0174)
#define TA0CCR2    REGISTER16(0x0176)
#define TA1IV      REGISTER16(0x011E)
#define TA1CTL     REGISTER16(0x0180)
#define TA1CCTL0   REGISTER16(0x0182)
#define TA1CCTL1   REGISTER16(0x0184)
#define TA1CCTL2   REGISTER16(0x0186)
#define TA1R       REGISTER16(0x0190)
#define TA1CCR0    REGISTER16(0x0192)
#define TA1CCR1    REGISTER16(0x0194)
#define TA1CCR2    REGISTER16(0x0196)
#define TASSEL_1   0x0100u /* ACLK */
#define TASSEL_2   0x0200u /* SMCLK */
#define ID_3       0x00C0u /* divided by 8 */
#define MC_1       0x0010u /* up to CCR0 */
#define MC_2       0x0020u /* continuous */
#define TACLR      0x0004u
#define TAIE       0x0002u
#define TAIFG      0x0001u
#define CM_1       0x4000u /* capture rising edges */
#define CCIS_1     0x1000u /* capture input CCIxB */
#define SCS        0x0800u /* synchronise the capture */
#define CAP        0x0100u
#define OUTMOD_0   0x0000u
#define OUTMOD_7   0x00E0u /* reset at CCRx, set at CCR0 */
#define CCIE       0x0010u
#define OUT        0x0004u
#define COV        0x0002u
#define CCIFG      0x0001u
#define TAIV_CCR1  0x0002u
#define TAIV_CCR2  0x0004u
#define TAIV_TAIFG 0x000Au

/* Watchdog timer+. */
#define WDTCTL   REGISTER16(0x0120)
#define WDTPW    0x5A00u
#define WDTHOLD  0x0080u
#define WDTCNTCL 0x0008u
#define WDTSSEL  0x0004u /* ACLK; WDTISx = 0: 32768 clocks */

/* ADC10. */
#define ADC10DTC0  REGISTER8(0x0048)
#define ADC10DTC1  REGISTER8(0x0049)
#define ADC10AE0   REGISTER8(0x004A)
#define ADC10CTL0  REGISTER16(0x01B0)
#define ADC10CTL1  REGISTER16(0x01B2)
#define ADC10MEM   REGISTER16(0x01B4)
#define ADC10SA    REGISTER16(0x01BC)
#define SREF_1     0x2000u /* VREF+ against VSS */
#define ADC10SHT_3 0x1800u /* sample 64 ADC10CLK */
#define ADC10SR    0x0400u /* reference buffer for 50 ksps */
#define REF2_5V    0x0040u
#define REFON      0x0020u /* 1.5 V, with REF2_5V 2.5 V */
#define ADC10ON    0x0010u
#define ADC10IE    0x0008u
#define ADC10IFG   0x0004u
#define ENC        0x0002u
#define ADC10SC    0x0001u
#define INCH_SHIFT 12      /* ADC10CTL1: channel */
#define ADC10DIV_3 0x0060u /* ADC10CLK divided by 4; ADC10SSEL = 0: ADC10OSC */

/* Calibration data (TLV) in information segment A, SLAU144 "TLV structure", SLAS735 tags. */
#define TLV_ADC10_TAG         CONSTANT8(0x10DA)  /* 0x08 (10_1) when present */
#define TLV_ADC10_LENGTH      CONSTANT8(0x10DB)  /* 0x10 */
#define CAL_ADC_GAIN_FACTOR   CONSTANT16(0x10DC) /* gain × 2^15 */
#define CAL_ADC_OFFSET        CONSTANT16(0x10DE) /* signed, added to the reading */
#define CAL_ADC_15VREF_FACTOR CONSTANT16(0x10E0)
#define CAL_ADC_15T30         CONSTANT16(0x10E2) /* sensor reading at 30 degrees Celsius, 1.5 V reference */
#define CAL_ADC_15T85         CONSTANT16(0x10E4)
#define CAL_ADC_25VREF_FACTOR CONSTANT16(0x10E6)
#define CALDCO_8MHZ           CONSTANT8(0x10FC)
#define CALBC1_8MHZ           CONSTANT8(0x10FD)

/* Memory, SLAS735 "Memory Organization". */
#define INFO_D 0x1000u

#endif
