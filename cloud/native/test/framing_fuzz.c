/* Reads streams of bytes from a file, gives each to ws_read in random pieces, and says what came out (framing.test.ts
 * compares with `ws`): for each stream a line with the code, the number of messages and a hash of them.
 *
 *     framing_fuzz FILE SEED MESSAGE_BYTES FRAGMENTS
 *
 * In the file: for each stream its length in four bytes, little-endian, and the bytes. Pieces lie in memory of their
 * exact size, so that the address sanitizer sees every step beyond. Each stream is read several times, with other
 * pieces; its line says `differs` when the results do. */
#include "../framing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READINGS   3
#define FNV_OFFSET 2166136261u
#define FNV_PRIME  16777619u

struct result {
    int code;
    uint32_t messages;
    uint32_t hash;
};

static uint32_t random_state;

/* xorshift32 of Marsaglia. */
static uint32_t random_below(uint32_t limit) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % limit;
}

static void hash_byte(struct result *result, uint8_t byte) {
    result->hash = (result->hash ^ byte) * FNV_PRIME;
}

static bool take(void *context, enum ws_opcode opcode, const uint8_t *bytes, size_t length) {
    struct result *result = context;

    result->messages++;
    hash_byte(result, (uint8_t)opcode);
    for (size_t index = 0; index < 4; index++) {
        hash_byte(result, (uint8_t)(length >> (8 * index)));
    }
    for (size_t index = 0; index < length; index++) {
        hash_byte(result, bytes[index]);
    }
    return true;
}

static size_t piece_of(size_t left) {
    size_t most = random_below(4) == 0 ? 5 : random_below(2) == 0 ? 100 : 100000;
    size_t piece = 1 + random_below((uint32_t)most);

    return piece < left ? piece : left;
}

static struct result read_stream(const uint8_t *bytes, size_t length, const struct ws_limits *limits, bool whole) {
    struct result result = {.hash = FNV_OFFSET};
    struct ws_reader reader = {0};

    for (size_t at = 0; at < length && result.code == WS_GO_ON;) {
        size_t size = whole ? length : piece_of(length - at);
        uint8_t *piece = malloc(size);

        if (!piece) {
            abort();
        }
        memcpy(piece, bytes + at, size);
        result.code = ws_read(&reader, limits, piece, size, take, &result);
        free(piece);
        at += size;
    }
    ws_reader_free(&reader);
    return result;
}

static bool is_same(const struct result *one, const struct result *other) {
    return one->code == other->code && one->messages == other->messages && one->hash == other->hash;
}

int main(int count, char **arguments) {
    struct ws_limits limits;
    uint8_t size[4];
    FILE *file;

    if (count != 5 || !(file = fopen(arguments[1], "rb"))) {
        return 2;
    }
    random_state = (uint32_t)strtoul(arguments[2], NULL, 10) | 1;
    limits.message_bytes = strtoul(arguments[3], NULL, 10);
    limits.fragments = (uint32_t)strtoul(arguments[4], NULL, 10);
    while (fread(size, sizeof size, 1, file) == 1) {
        size_t length = size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 | (size_t)size[3] << 24;
        uint8_t *bytes = malloc(length + 1);
        struct result first;
        bool differs = false;

        if (!bytes || fread(bytes, 1, length, file) != length) {
            return 2;
        }
        first = read_stream(bytes, length, &limits, true);
        for (int reading = 1; reading < READINGS; reading++) {
            struct result again = read_stream(bytes, length, &limits, false);

            differs |= !is_same(&first, &again);
        }
        printf("%d %u %u%s\n", first.code, first.messages, first.hash, differs ? " differs" : "");
        free(bytes);
    }
    fclose(file);
    return 0;
}
