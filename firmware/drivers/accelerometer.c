/* ADXL345 accelerometer, see accelerometer.h. */
#include "drivers/accelerometer.h"
#include "drivers/accelerometer_regs.h"
#include "runtime/bytes.h"

#define SETTINGS 4u

static enum status accelerometer_registers(struct accelerometer *sensor, uint8_t address, uint8_t *values,
                                           uint8_t count) {
    enum status status = i2c_write_read(&sensor->bus, &address, 1, values, count);

    if (status != STATUS_OK) {
        sensor->attached = 0;
    }
    return status;
}

int16_t accelerometer_milli_g(int16_t counts) {
    /* 1000 / 256 = 4 - 3 / 32, which needs neither 32 bits nor a multiplication; >> of a negative rounds down. */
    return (int16_t)(counts * 4 - ((counts * 3 + 15) >> 5));
}

enum status accelerometer_init(struct accelerometer *sensor) {
    sensor->attached = 0;
    return i2c_init(&sensor->bus, ADXL345_ADDRESS);
}

/* Groups of neighbouring registers, each written in one transfer; measurement starts last. */
static enum status configure(struct accelerometer *sensor) {
    static const uint8_t standby[] = {ADXL345_POWER_CTL, 0};
    static const uint8_t detection[] = {ADXL345_THRESH_ACT, 4 /* 0.25 g */, 3 /* 0.1875 g */, 2 /* s */,
                                        ADXL345_ACT_AC_XYZ | ADXL345_INACT_AC_XYZ};
    static const uint8_t format[] = {ADXL345_DATA_FORMAT, ADXL345_FULL_RES | ADXL345_RANGE_16_G};
    static const uint8_t start[] = {ADXL345_BW_RATE, ADXL345_RATE_100_HZ, ADXL345_LINK | ADXL345_MEASURE,
                                    ADXL345_ACTIVITY | ADXL345_INACTIVITY, 0};
    static const struct {
        const uint8_t *bytes;
        uint8_t length;
    } settings[SETTINGS] = {
        {standby, sizeof standby}, {detection, sizeof detection}, {format, sizeof format}, {start, sizeof start}};
    uint8_t i;

    for (i = 0; i < SETTINGS; i++) {
        enum status status = i2c_write(&sensor->bus, settings[i].bytes, settings[i].length);

        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status accelerometer_attach(struct accelerometer *sensor) {
    uint8_t id = 0;
    enum status status = i2c_present(&sensor->bus);

    sensor->attached = 0;
    if (status == STATUS_OK) {
        status = accelerometer_registers(sensor, ADXL345_DEVID, &id, 1);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (id != ADXL345_DEVID_IS) {
        return STATUS_NACK;
    }
    status = configure(sensor);
    sensor->attached = status == STATUS_OK;
    sensor->moving = 0;
    sensor->referenced = 0;
    sensor->peak = 0;
    return status;
}

static uint16_t accelerometer_distance(const struct accelerometer *sensor) {
    uint16_t greatest = 0;
    uint8_t axis;

    for (axis = 0; axis < ACCELEROMETER_AXES; axis++) {
        int16_t now = sensor->milli_g[axis];
        int16_t rest = sensor->rest[axis];
        uint16_t away = (uint16_t)(now > rest ? now - rest : rest - now);

        if (away > greatest) {
            greatest = away;
        }
    }
    return greatest;
}

static enum status read_axes(struct accelerometer *sensor) {
    uint8_t bytes[2 * ACCELEROMETER_AXES];
    enum status status = accelerometer_registers(sensor, ADXL345_DATAX0, bytes, sizeof bytes);
    uint8_t axis;

    for (axis = 0; axis < ACCELEROMETER_AXES && status == STATUS_OK; axis++) {
        uint16_t counts = word_at(bytes + 2u * axis);

        sensor->milli_g[axis] = accelerometer_milli_g((int16_t)counts);
    }
    return status;
}

static void note_peak(struct accelerometer *sensor) {
    uint16_t away = accelerometer_distance(sensor);

    if (away > sensor->peak) {
        sensor->peak = away;
    }
}

static void take_reference(struct accelerometer *sensor) {
    uint8_t axis;

    for (axis = 0; axis < ACCELEROMETER_AXES; axis++) {
        sensor->rest[axis] = sensor->milli_g[axis];
    }
    sensor->referenced = 1;
}

enum status accelerometer_read(struct accelerometer *sensor) {
    enum status status = read_axes(sensor);

    if (status != STATUS_OK) {
        return status;
    }
    if (!sensor->referenced) {
        take_reference(sensor);
    }
    if (sensor->moving) {
        note_peak(sensor);
    }
    return STATUS_OK;
}

enum status accelerometer_poll(struct accelerometer *sensor, enum accelerometer_motion *motion) {
    uint8_t source = 0;
    enum status status = accelerometer_registers(sensor, ADXL345_INT_SOURCE, &source, 1);

    *motion = ACCELEROMETER_NOTHING;
    if (status != STATUS_OK || !(source & (ADXL345_ACTIVITY | ADXL345_INACTIVITY))) {
        return status;
    }
    /* Both at once: main was away for seconds. The later state counts, and link mode ends with inactivity. */
    *motion = source & ADXL345_INACTIVITY ? ACCELEROMETER_STILL : ACCELEROMETER_MOTION;
    sensor->moving = *motion == ACCELEROMETER_MOTION;
    if (sensor->moving) {
        sensor->peak = 0;
    }
    status = accelerometer_read(sensor);
    /* The chip compares with where it came to rest, and so do we: `peak` stays, the next one starts from here. */
    if (status == STATUS_OK && !sensor->moving) {
        take_reference(sensor);
    }
    return status;
}
