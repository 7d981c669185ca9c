// Bytes streaming through memory: n generations of the game of life on a torus of 256 by 256 cells.
// run(n) = checksum of the last generation.
#include <string.h>

#include "kernel.h"

enum { SIDE = 256 };

static uint8_t cells[2][SIDE][SIDE];

static void step(uint8_t from[SIDE][SIDE], uint8_t to[SIDE][SIDE]) {
  for (int y = 0; y < SIDE; y++) {
    const uint8_t *above = from[(y + SIDE - 1) % SIDE];
    const uint8_t *row = from[y], *below = from[(y + 1) % SIDE];
    int left = above[SIDE - 1] + row[SIDE - 1] + below[SIDE - 1];
    int middle = above[0] + row[0] + below[0];
    for (int x = 0; x < SIDE; x++) {
      int next = (x + 1) % SIDE;
      int right = above[next] + row[next] + below[next];
      int neighbours = left + middle + right - row[x];
      to[y][x] = neighbours == 3 || (neighbours == 2 && row[x]);
      left = middle;
      middle = right;
    }
  }
}

RUN int64_t run(int32_t n) {
  uint32_t state = 9;
  for (int i = 0; i < SIDE * SIDE; i++) cells[0][0][i] = next_random(&state) >> 30 == 0;
  for (int32_t generation = 0; generation < n; generation++)
    step(cells[generation & 1], cells[~generation & 1]);
  return mix_bytes(1, cells[n & 1][0], SIDE * SIDE) >> 1;
}
