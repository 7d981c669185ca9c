// What the C kernels share: pseudo-random input, and a checksum of what they computed.
#ifndef KERNEL_H
#define KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define RUN __attribute__((export_name("run")))

// xorshift32; the state is never zero.
static inline uint32_t next_random(uint32_t *state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

// The order of the values matters.
static inline uint64_t mix(uint64_t sum, uint64_t value) {
  sum = (sum ^ value) * 0x9E3779B97F4A7C15u;
  return sum ^ sum >> 29;
}

static inline uint64_t mix_bytes(uint64_t sum, const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) sum = mix(sum, bytes[i]);
  return sum;
}

// Fills `text` with words of a vocabulary of 512, some much more frequent than others, in sentences
// and lines: compressible about as well as prose is.
static inline void write_prose(char *text, size_t length, uint32_t seed) {
  uint32_t state = seed;
  int words = 0;
  size_t end = 0;
  while (end < length) {
    uint32_t draw = next_random(&state);
    uint32_t word = (draw >> 8 & 511) & (draw >> 20 & 511) & ((draw & 3) ? 511 : 63);
    uint32_t letters = word * 2654435761u + 1;
    size_t size = 2 + (letters >> 29);
    for (size_t i = 0; i < size && end < length; i++) {
      text[end++] = "etaoinshrdlucmfw"[letters >> 28];
      letters = letters * 1664525u + 1013904223u;
    }
    words++;
    if (words % 11 == 0 && end < length) text[end++] = '.';
    if (end < length) text[end++] = words % 13 == 0 ? '\n' : ' ';
  }
}

#endif
