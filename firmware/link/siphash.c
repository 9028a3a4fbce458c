/*
 * SipHash-2-4 for a 16-bit chip, see siphash.h. The state v0 to v3 is four times four words, low word first, in RAM.
 *
 * SipRound is four times the same step, add, rotate, XOR, with rotations by 13, 16, 21 and 17 places: a move of one
 * word and 3 single places back, or 0, 5 or 1 on. The rotations by 32 places swap words.
 */
#include "link/siphash.h"

#define WORDS         4u /* of 16 bits in one of 64 */
#define ROUNDS        2u /* a block */
#define FINAL_ROUNDS  4u
#define KEY_WORD(i)   ((i) & (2u * WORDS - 1u))
#define FINAL_PATTERN 0xffu

/* The paper's initial state, "somepseudorandomlygeneratedbytes", low word first. */
static const uint16_t initial[SIPHASH_STATE_WORDS] = {
    0x6575, 0x7073, 0x6d65, 0x736f, 0x6f6d, 0x6e64, 0x7261, 0x646f,
    0x7261, 0x6e65, 0x6765, 0x6c79, 0x6573, 0x7974, 0x6462, 0x7465,
};

/* a += b; b = (b rotated left by 16 + `on` places) XOR a. Compilers know neither chains of carries nor rotations of
 * memory. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the assembly writes through both. */
static __attribute__((noinline)) void siphash_step(uint16_t *a, uint16_t *b, int16_t on) {
#ifdef __MSP430__
    uint16_t w0;
    uint16_t w1;
    uint16_t w2;
    uint16_t w3;
    __asm__ volatile("mov @%1+, %3\n\t"
                     "mov @%1+, %4\n\t"
                     "mov @%1+, %5\n\t"
                     "mov @%1, %6\n\t"
                     "add %3, 0(%0)\n\t"
                     "addc %4, 2(%0)\n\t"
                     "addc %5, 4(%0)\n\t"
                     "addc %6, 6(%0)\n\t"
                     "cmp #0, %2\n\t"
                     "jeq .Lsiphash_turned%=\n\t"
                     "jge .Lsiphash_left%=\n"
                     ".Lsiphash_right%=:\n\t"
                     "bit #1, %3\n\t" /* carry: the place that goes around */
                     "rrc %6\n\t"
                     "rrc %5\n\t"
                     "rrc %4\n\t"
                     "rrc %3\n\t"
                     "add #1, %2\n\t"
                     "jne .Lsiphash_right%=\n\t"
                     "jmp .Lsiphash_turned%=\n"
                     ".Lsiphash_left%=:\n\t"
                     "rla %3\n\t"
                     "rlc %4\n\t"
                     "rlc %5\n\t"
                     "rlc %6\n\t"
                     "addc #0, %3\n\t"
                     "sub #1, %2\n\t"
                     "jne .Lsiphash_left%=\n"
                     ".Lsiphash_turned%=:\n\t"
                     "xor @%0+, %6\n\t"
                     "xor @%0+, %3\n\t"
                     "xor @%0+, %4\n\t"
                     "xor @%0, %5\n\t"
                     "mov %5, 0(%1)\n\t"
                     "mov %4, -2(%1)\n\t"
                     "mov %3, -4(%1)\n\t"
                     "mov %6, -6(%1)"
                     : "+&r"(a), "+&r"(b), "+&r"(on), "=&r"(w0), "=&r"(w1), "=&r"(w2), "=&r"(w3)
                     :
                     : "memory", "cc");
#else
    uint64_t sum = 0;
    uint64_t word = 0;
    unsigned places = (unsigned)(16 + on);
    unsigned i;

    for (i = WORDS; i-- != 0;) {
        sum = sum << 16 | a[i];
        word = word << 16 | b[i];
    }
    sum += word;
    word = (word << places | word >> (64u - places)) ^ sum;
    for (i = 0; i < WORDS; i++) {
        a[i] = (uint16_t)(sum >> 16 * i);
        b[i] = (uint16_t)(word >> 16 * i);
    }
#endif
}

/* Rotates by 32 places. */
static void siphash_swap(uint16_t *word) {
    uint16_t low = word[0];
    uint16_t high = word[1];

    word[0] = word[2];
    word[1] = word[3];
    word[2] = low;
    word[3] = high;
}

static __attribute__((noinline)) void siphash_rounds(uint16_t *v, uint8_t rounds) {
    for (; rounds != 0; rounds--) {
        siphash_step(v, v + WORDS, -3);
        siphash_swap(v);
        siphash_step(v + 2u * WORDS, v + 3u * WORDS, 0);
        siphash_step(v, v + 3u * WORDS, 5);
        siphash_step(v + 2u * WORDS, v + WORDS, 1);
        siphash_swap(v + 2u * WORDS);
    }
}

static __attribute__((noinline)) void siphash_xor(uint16_t *to, const uint16_t *from) {
    uint8_t i;

    for (i = WORDS; i != 0; i--) {
        *to++ ^= *from++;
    }
}

void siphash(uint16_t *state, const uint8_t *key, const uint8_t *message, uint8_t blocks) {
    uint16_t *v = state;
    const uint16_t *keys = (const uint16_t *)(const void *)key;
    const uint16_t *block = (const uint16_t *)(const void *)message;
    uint8_t i;

    for (i = 0; i < SIPHASH_STATE_WORDS; i++) {
        v[i] = initial[i] ^ keys[KEY_WORD(i)];
    }
    for (; blocks != 0; blocks--) {
        siphash_xor(v + 3u * WORDS, block);
        siphash_rounds(v, ROUNDS);
        siphash_xor(v, block);
        block += WORDS;
    }
    v[2u * WORDS] ^= FINAL_PATTERN;
    siphash_rounds(v, FINAL_ROUNDS);
    for (i = 1; i < WORDS; i++) {
        siphash_xor(v, v + i * WORDS);
    }
}
