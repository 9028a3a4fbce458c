/*
 * ADXL345 three-axis accelerometer on the I2C bus at 0x53: accelerations in thousandths of g, and the begin and end of
 * motion, which the chip itself detects at 100 Hz and signals on INT1 while the probe sleeps.
 *
 * Motion begins when an axis moves 0.25 g away from where it was, and ends after two seconds in which no axis moved by
 * 0.1875 g (AC-coupled activity and inactivity in link mode, so gravity does not matter).
 * Not here: the INT1 pin (hal/port.h), FIFO, taps, free fall, offsets.
 */
#ifndef DRIVERS_ACCELEROMETER_H
#define DRIVERS_ACCELEROMETER_H

#include <stdint.h>

#include "hal/i2c.h"
#include "hal/status.h"

#define ACCELEROMETER_AXES 3u

enum accelerometer_motion { ACCELEROMETER_NOTHING, ACCELEROMETER_MOTION, ACCELEROMETER_STILL };

struct accelerometer {
    struct i2c_device bus;
    int16_t milli_g[ACCELEROMETER_AXES]; /* X, Y, Z as last read */
    int16_t rest[ACCELEROMETER_AXES];    /* as first read, or where the last motion ended */
    uint16_t peak;                       /* greatest distance of an axis from rest in this motion, thousandths of g */
    uint8_t moving;
    uint8_t referenced; /* `rest` is valid */
    uint8_t attached;   /* configured and answering */
};

/** Sets up the bus. Talks to no device. */
enum status accelerometer_init(struct accelerometer *sensor);

/**
 * Presence check, device id, then configures the chip. STATUS_NACK also when another device answers at the address.
 * Call again after a failure: a failed call of this or the functions below clears `attached`.
 */
enum status accelerometer_attach(struct accelerometer *sensor);

/** Reads the three axes into milli_g, and while moving notes the peak. */
enum status accelerometer_read(struct accelerometer *sensor);

/** Asks the chip what INT1 was about, clears it and reads the axes. `peak` belongs to the motion reported. */
enum status accelerometer_poll(struct accelerometer *sensor, enum accelerometer_motion *motion);

/** Counts at full resolution (256 per g) to thousandths of g, rounded to nearest. */
int16_t accelerometer_milli_g(int16_t counts);

#endif
