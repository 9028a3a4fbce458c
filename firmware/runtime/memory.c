/*
 * The three memory functions that a freestanding C compiler may call for assignments and initialisers (C11 4p6 and the
 * compilers' manuals). memmove is left out: no image needs it, and the linker would say so.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memset(void *to, int value, size_t length);
int memcmp(const void *left, const void *right, size_t length);

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
    uint8_t *target = to;
    const uint8_t *source = from;
    while (length-- != 0)
        *target++ = *source++;
    return to;
}

void *memset(void *to, int value, size_t length) {
    uint8_t *target = to;
    while (length-- != 0)
        *target++ = (uint8_t)value;
    return to;
}

int memcmp(const void *left, const void *right, size_t length) {
    const uint8_t *a = left;
    const uint8_t *b = right;
    for (; length != 0; length--, a++, b++)
        if (*a != *b)
            return *a < *b ? -1 : 1;
    return 0;
}
