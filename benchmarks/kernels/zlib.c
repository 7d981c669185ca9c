// zlib, the library: n KiB of prose through deflate at level 6 and back through inflate, with its
// two checksums. run(n) = them and the compressed size, -1 if anything went wrong. n at most 8192.
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "kernel.h"

RUN int64_t run(int32_t n) {
  uLong size = (uLong)n * 1024, back_size = size;
  uLongf packed_size = compressBound(size);
  Bytef *text = malloc(size), *packed = malloc(packed_size), *back = malloc(size);
  write_prose((char *)text, size, 41);
  int64_t result = -1;
  if (compress2(packed, &packed_size, text, size, 6) == Z_OK &&
      uncompress(back, &back_size, packed, packed_size) == Z_OK && back_size == size &&
      !memcmp(text, back, size)) {
    uint64_t sum = mix(packed_size, crc32(0, packed, packed_size));
    result = mix(sum, adler32(1, back, size)) >> 1;
  }
  free(text), free(packed), free(back);
  return result;
}
