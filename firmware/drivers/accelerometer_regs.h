/* Registers of the ADXL345 accelerometer (Analog Devices' data sheet, "Register Map"): constants only, those we use. */
#ifndef DRIVERS_ACCELEROMETER_REGS_H
#define DRIVERS_ACCELEROMETER_REGS_H

#define ADXL345_ADDRESS 0x53u /* pin ALT ADDRESS at ground */

#define ADXL345_DEVID    0x00u
#define ADXL345_DEVID_IS 0xe5u

/* Thresholds in 62.5 thousandths of g, time in seconds. */
#define ADXL345_THRESH_ACT    0x24u
#define ADXL345_THRESH_INACT  0x25u
#define ADXL345_TIME_INACT    0x26u
#define ADXL345_ACT_INACT_CTL 0x27u
#define ADXL345_ACT_AC_XYZ    0xf0u /* activity against a reference, all axes */
#define ADXL345_INACT_AC_XYZ  0x0fu

#define ADXL345_BW_RATE     0x2cu
#define ADXL345_RATE_100_HZ 0x0au

#define ADXL345_POWER_CTL 0x2du
#define ADXL345_LINK      0x20u /* activity and inactivity take turns */
#define ADXL345_MEASURE   0x08u

#define ADXL345_INT_ENABLE 0x2eu
#define ADXL345_INT_MAP    0x2fu /* 0: to INT1 */
#define ADXL345_INT_SOURCE 0x30u /* reading clears activity and inactivity */
#define ADXL345_ACTIVITY   0x10u
#define ADXL345_INACTIVITY 0x08u

#define ADXL345_DATA_FORMAT 0x31u
#define ADXL345_FULL_RES    0x08u /* 256 counts per g in every range */
#define ADXL345_RANGE_16_G  0x03u

#define ADXL345_DATAX0 0x32u /* six bytes: X, Y, Z, little-endian */

#endif
