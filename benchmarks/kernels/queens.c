// Branches that cannot be predicted, in a recursion: all ways to place n queens on a board of n by
// n so that none attacks another. run(n) = their number, and a checksum of them. n at most 16.
#include "kernel.h"

enum { MOST = 16 };

static uint8_t column_taken[MOST], rising_taken[2 * MOST], falling_taken[2 * MOST], placed[MOST];
static int size;
static int64_t solutions;
static uint64_t sum;

static void place(int row) {
  if (row == size) {
    solutions++;
    sum = mix_bytes(sum, placed, size);
    return;
  }
  for (int column = 0; column < size; column++) {
    uint8_t *rising = &rising_taken[row + column], *falling = &falling_taken[row - column + MOST];
    if (column_taken[column] || *rising || *falling) continue;
    column_taken[column] = *rising = *falling = 1;
    placed[row] = column;
    place(row + 1);
    column_taken[column] = *rising = *falling = 0;
  }
}

RUN int64_t run(int32_t n) {
  size = n;
  solutions = 0;
  sum = 1;
  place(0);
  return solutions << 40 | sum >> 24;
}
