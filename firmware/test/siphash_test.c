/*
 * SipHash-2-4 against the reference implementation's 64 vectors (test/vectors/siphash.json, as a generated table), with
 * the plain C that the host compiler sees; hal/test runs the same vectors through the chip's instructions.
 */
#include <string.h>

#include "link/siphash.h"
#include "test/runner.h"
#include "test/siphash.gen.h"

static void check_vector(unsigned length) {
    _Alignas(2) uint8_t key[SIPHASH_KEY_LENGTH];
    _Alignas(2) uint8_t message[SIPHASH_VECTORS + SIPHASH_BLOCK_LENGTH] = {0};
    uint16_t state[SIPHASH_STATE_WORDS];
    unsigned blocks = length / SIPHASH_BLOCK_LENGTH + 1u;
    unsigned i;

    for (i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)i;
    }
    for (i = 0; i < length; i++) {
        message[i] = (uint8_t)i;
    }
    message[blocks * SIPHASH_BLOCK_LENGTH - 1u] = (uint8_t)length;
    siphash(state, key, message, (uint8_t)blocks);
    CHECK(memcmp(state, siphash_vectors[length], SIPHASH_LENGTH) == 0);
}

TEST(the_reference_vectors) {
    for (unsigned length = 0; length < SIPHASH_VECTORS; length++) {
        check_vector(length);
    }
}

int main(void) {
    RUN(the_reference_vectors);
    return runner_finish("siphash");
}
