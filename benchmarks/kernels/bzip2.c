// bzip2, the library: n KiB of prose sorted, moved to front, coded and decoded again, in blocks of
// 300 KB. run(n) = checksum of the compressed bytes, -1 if anything went wrong. n at most 8192.
#include <bzlib.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

// The library calls it when it finds itself in the wrong.
void bz_internal_error(int code) {
  (void)code;
  abort();
}

RUN int64_t run(int32_t n) {
  unsigned size = (unsigned)n * 1024, back_size = size, packed_size = size + size / 64 + 1024;
  char *text = malloc(size), *packed = malloc(packed_size), *back = malloc(size);
  write_prose(text, size, 43);
  int64_t result = -1;
  if (BZ2_bzBuffToBuffCompress(packed, &packed_size, text, size, 3, 0, 0) == BZ_OK &&
      BZ2_bzBuffToBuffDecompress(back, &back_size, packed, packed_size, 0, 0) == BZ_OK &&
      back_size == size && !memcmp(text, back, size))
    result = mix_bytes(packed_size, (const uint8_t *)packed, packed_size) >> 1;
  free(text), free(packed), free(back);
  return result;
}
