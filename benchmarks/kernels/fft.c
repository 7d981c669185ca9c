// Double precision over strided memory: n times the Fourier transform of 4096 complex numbers and
// its inverse. run(n) = sum of what has come back, which started as one number after the other.
#include <math.h>

#include "kernel.h"

enum { SIZE = 4096 };

static const double PI = 3.14159265358979323846;

typedef struct {
  double re, im;
} Complex;

static Complex data[SIZE], roots[SIZE / 2];

static void order_by_reversed_bits(void) {
  for (int i = 0, j = 0; i < SIZE; i++) {
    if (i < j) {
      Complex swap = data[i];
      data[i] = data[j];
      data[j] = swap;
    }
    int bit = SIZE >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j |= bit;
  }
}

static void transform(double sign) {
  order_by_reversed_bits();
  for (int half = 1; half < SIZE; half *= 2) {
    int stride = SIZE / 2 / half;
    for (int start = 0; start < SIZE; start += 2 * half) {
      for (int i = 0; i < half; i++) {
        Complex w = roots[i * stride], *low = &data[start + i], *high = low + half;
        double im = sign * w.im;
        double re_high = high->re * w.re - high->im * im;
        double im_high = high->re * im + high->im * w.re;
        high->re = low->re - re_high;
        high->im = low->im - im_high;
        low->re += re_high;
        low->im += im_high;
      }
    }
  }
}

RUN double run(int32_t n) {
  uint32_t state = 5;
  for (int i = 0; i < SIZE / 2; i++) {
    double angle = -2 * PI * i / SIZE;
    roots[i] = (Complex){cos(angle), sin(angle)};
  }
  for (int i = 0; i < SIZE; i++) {
    double re = (int32_t)next_random(&state), im = (int32_t)next_random(&state);
    data[i] = (Complex){re / 0x1p31, im / 0x1p31};
  }
  for (int32_t times = 0; times < n; times++) {
    transform(1);
    transform(-1);
    for (int i = 0; i < SIZE; i++) data[i].re /= SIZE, data[i].im /= SIZE;
  }
  double sum = 0;
  for (int i = 0; i < SIZE; i++) sum += data[i].re - data[i].im;
  return sum;
}
