/*
 * A test runner in one header for C on the host compiler: tests are functions, checks are counted, a failed check names
 * its line and fails its test, a test without a check fails as well. One program per file of tests:
 *
 *     TEST(name) { CHECK_EQ(1 + 1, 2); }
 *     int main(void) { RUN(name); return runner_finish("file"); }
 *
 * The last line that a program prints is "file: N passed, M failed"; the Makefile adds these up.
 */
#ifndef TEST_RUNNER_H
#define TEST_RUNNER_H

#include <stdint.h>
#include <stdio.h>

static unsigned runner_passed, runner_failed;
static unsigned runner_checks, runner_failures; /* of the test that runs */

#define TEST(name) static void name(void)
#define RUN(name)  runner_run(name, #name)

#define CHECK(condition)         runner_check((condition) != 0, __FILE__, __LINE__, #condition)
#define CHECK_EQ(actual, wanted) runner_check_eq((long)(actual), (long)(wanted), __FILE__, __LINE__, #actual)
#define CHECK_BYTES(actual, wanted, length)                                                                            \
    runner_check_bytes((actual), (wanted), (length), __FILE__, __LINE__, #actual)

static inline int runner_check(int good, const char *file, int line, const char *text) {
    runner_checks++;
    if (!good && runner_failures++ < 5) {
        printf("%s:%d: %s is false\n", file, line, text);
    }
    return good;
}

static inline void runner_check_eq(long actual, long wanted, const char *file, int line, const char *text) {
    runner_checks++;
    if (actual != wanted && runner_failures++ < 5) {
        printf("%s:%d: %s is %ld (0x%lx), wanted %ld (0x%lx)\n", file, line, text, actual, (unsigned long)actual,
               wanted, (unsigned long)wanted);
    }
}

static inline void runner_check_bytes(const uint8_t *actual, const uint8_t *wanted, size_t length, const char *file,
                                      int line, const char *text) {
    size_t i;

    runner_checks++;
    for (i = 0; i < length; i++) {
        if (actual[i] != wanted[i]) {
            if (runner_failures++ < 5) {
                printf("%s:%d: %s[%zu] is 0x%02x, wanted 0x%02x\n", file, line, text, i, actual[i], wanted[i]);
            }
            return;
        }
    }
}

static inline void runner_run(void (*test)(void), const char *name) {
    runner_checks = 0;
    runner_failures = 0;
    test();
    if (runner_checks == 0) {
        printf("%s checks nothing\n", name);
        runner_failures = 1;
    }
    if (runner_failures == 0) {
        runner_passed++;
    } else {
        runner_failed++;
        printf("FAILED %s: %u of %u checks\n", name, runner_failures, runner_checks);
    }
}

static inline int runner_finish(const char *file) {
    printf("%s: %u passed, %u failed\n", file, runner_passed, runner_failed);
    return runner_failed != 0;
}

#endif
