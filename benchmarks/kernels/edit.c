// Dynamic programming over rows of integers: the edit distance of texts of n characters, and the
// best local alignment of the same. Loads, minima and maxima, each waiting for the one before.
// run(n) = both, mixed. n at most 8192.
#include "kernel.h"

enum { MOST = 8192 };

static char a[MOST], b[MOST];
static int32_t row[MOST + 1], gap[MOST + 1];

static int32_t smaller(int32_t x, int32_t y) { return x < y ? x : y; }
static int32_t larger(int32_t x, int32_t y) { return x > y ? x : y; }

static int32_t edit_distance(int32_t n) {
  for (int32_t j = 0; j <= n; j++) row[j] = j;
  for (int32_t i = 1; i <= n; i++) {
    int32_t diagonal = row[0];
    row[0] = i;
    for (int32_t j = 1; j <= n; j++) {
      int32_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = smaller(replaced, smaller(diagonal, row[j - 1]) + 1);
    }
  }
  return row[n];
}

// A match counts 2, a mismatch -1, a gap -3 when it opens and -1 when it goes on.
static int32_t local_alignment(int32_t n) {
  int32_t best = 0;
  for (int32_t j = 0; j <= n; j++) row[j] = 0, gap[j] = -3;
  for (int32_t i = 1; i <= n; i++) {
    int32_t diagonal = 0, across = -3, previous = 0;
    for (int32_t j = 1; j <= n; j++) {
      int32_t above = row[j];
      gap[j] = larger(gap[j] - 1, above - 3);
      across = larger(across - 1, previous - 3);
      int32_t matched = diagonal + (a[i - 1] == b[j - 1] ? 2 : -1);
      previous = larger(larger(matched, 0), larger(gap[j], across));
      best = larger(best, previous);
      diagonal = above;
      row[j] = previous;
    }
  }
  return best;
}

RUN int64_t run(int32_t n) {
  write_prose(a, n, 29);
  write_prose(b, n, 31);
  return mix(edit_distance(n), local_alignment(n)) >> 1;
}
