// A compressor: finds repetitions through a hash table of chains, writes literals and matches as
// bytes, and reads them back. run(n) = checksum of n KiB of prose compressed, -1 if it does not
// come back as it was. n at most 4096.
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

enum { MINIMUM = 4, MAXIMUM = 255 + MINIMUM, WINDOW = 65535, HASH_BITS = 14, CHAIN = 16 };

static uint32_t load32(const uint8_t *bytes) {
  uint32_t word;
  memcpy(&word, bytes, 4);
  return word;
}

static uint32_t hashed(const uint8_t *bytes) {
  return load32(bytes) * 2654435761u >> (32 - HASH_BITS);
}

static size_t common(const uint8_t *a, const uint8_t *b, const uint8_t *end) {
  size_t length = 0;
  while (length < MAXIMUM && b + length < end && a[length] == b[length]) length++;
  return length;
}

// A run: count of literals, the literals, then a match as length and distance. A count of 255 is
// followed by no match.
static uint8_t *put_run(uint8_t *out, const uint8_t *from, size_t count, size_t length,
                        size_t distance) {
  while (count >= 255) {
    *out++ = 255;
    memcpy(out, from, 255);
    out += 255, from += 255, count -= 255;
  }
  *out++ = count;
  memcpy(out, from, count);
  out += count;
  *out++ = length - MINIMUM;
  *out++ = distance & 255;
  *out++ = distance >> 8;
  return out;
}

static size_t compress(const uint8_t *in, size_t size, uint8_t *out, int32_t *head,
                       int32_t *previous) {
  const uint8_t *end = in + size;
  uint8_t *start = out;
  size_t literal = 0;
  for (int i = 0; i < 1 << HASH_BITS; i++) head[i] = -1;
  for (size_t at = 0; at < size;) {
    size_t best = 0, distance = 0;
    if (at + MINIMUM <= size) {
      int32_t candidate = head[hashed(in + at)];
      for (int tries = CHAIN; tries && candidate >= 0 && at - candidate <= WINDOW; tries--) {
        size_t length = common(in + candidate, in + at, end);
        if (length > best) best = length, distance = at - candidate;
        candidate = previous[candidate];
      }
    }
    size_t step = best < MINIMUM ? 1 : best;
    if (best >= MINIMUM) {
      out = put_run(out, in + literal, at - literal, best, distance);
      literal = at + best;
    }
    for (size_t next = at + step; at < next; at++) {
      if (at + MINIMUM > size) continue;
      uint32_t slot = hashed(in + at);
      previous[at] = head[slot];
      head[slot] = at;
    }
  }
  // Distance zero ends the stream.
  return put_run(out, in + literal, size - literal, MINIMUM, 0) - start;
}

static size_t decompress(const uint8_t *in, uint8_t *out) {
  uint8_t *start = out;
  for (;;) {
    size_t count = *in++;
    memcpy(out, in, count);
    out += count, in += count;
    if (count == 255) continue;
    size_t length = in[0] + MINIMUM, distance = in[1] | in[2] << 8;
    in += 3;
    if (!distance) return out - start;
    for (; length; length--, out++) *out = out[-(ptrdiff_t)distance];
  }
}

RUN int64_t run(int32_t n) {
  size_t size = (size_t)n * 1024;
  uint8_t *text = malloc(size), *packed = malloc(size + size / 64 + 16), *back = malloc(size);
  int32_t *head = malloc(sizeof(int32_t) << HASH_BITS), *previous = malloc(size * sizeof(int32_t));
  write_prose((char *)text, size, 7);
  size_t packed_size = compress(text, size, packed, head, previous);
  int64_t result = mix_bytes(packed_size, packed, packed_size) >> 1;
  if (decompress(packed, back) != size || memcmp(text, back, size)) result = -1;
  free(text), free(packed), free(back), free(head), free(previous);
  return result;
}
