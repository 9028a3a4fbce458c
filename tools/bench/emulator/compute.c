/*
 * The compute loop of `earl bench emulator`: no peripherals, no interrupts, nothing but ALU, memory and branches.
 *
 * Each round fills 64 words with pseudo-random numbers (an LFSR), takes a bitwise CRC-16/CCITT over them, sorts them
 * (insertion sort), and takes a Fletcher checksum with a table in flash. After `limit` rounds the
 * CPU is switched off at `done`; `rounds` and `digest` tell that it computed right.
 *
 *   tools/bench/emulator/compute.sh > host/cli/bench-program.ts
 */

typedef unsigned short word;
typedef unsigned char byte;

#define COUNT 64

extern volatile word rounds;
extern volatile word limit;
extern volatile word digest;
extern word values[COUNT];
extern word state;

static const byte weight[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};

static inline word swapped(word value) {
  __asm__("swpb %0" : "+r"(value));
  return value;
}

static void fill(void) {
  word x = state;
  for (byte i = 0; i < COUNT; i++) {
    x = x & 1 ? (x >> 1) ^ 0xb400 : x >> 1;
    values[i] = swapped(x) + i;
  }
  state = x;
}

static word crc(const byte *data, word length) {
  word sum = 0xffff;
  while (length--) {
    sum ^= swapped(*data++);
    for (byte bit = 0; bit < 8; bit++) sum = sum & 0x8000 ? (sum << 1) ^ 0x1021 : sum << 1;
  }
  return sum;
}

static void sort(word *first, byte count) {
  for (byte i = 1; i < count; i++) {
    word moving = first[i];
    byte j = i;
    while (j > 0 && first[j - 1] > moving) {
      first[j] = first[j - 1];
      j--;
    }
    first[j] = moving;
  }
}

static word fletcher(const byte *data, word length) {
  word a = 0;
  word b = 0;
  for (word i = 0; i < length; i++) {
    a += data[i] + weight[i & 15];
    b += a;
  }
  return a ^ b;
}

__attribute__((noreturn)) void main(void) {
  *(volatile word *)0x0120 = 0x5a80; /* WDTCTL: hold */
  state = 1;
  rounds = 0;
  digest = 0;
  while (rounds != limit) {
    fill();
    word sum = crc((const byte *)values, sizeof values);
    sort(values, COUNT);
    digest = digest + (sum ^ fletcher((const byte *)values, sizeof values));
    rounds++;
  }
  __asm__(".global done\ndone: bis #0x10, sr"); /* CPUOFF */
  for (;;) {
  }
}

__attribute__((naked, used, section(".text.start"))) void start(void) {
  __asm__("mov #0x0400, sp\n\tbr #main");
}
