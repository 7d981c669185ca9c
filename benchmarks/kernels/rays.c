// Single precision and indirect calls: an image of n by n pixels, by rays that meet spheres, planes
// and boxes, each kind with functions of its own, with shadows and three reflections.
// run(n) = checksum of the pixels.
#include <math.h>

#include "kernel.h"

typedef struct {
  float x, y, z;
} Vector;

static Vector add(Vector a, Vector b) { return (Vector){a.x + b.x, a.y + b.y, a.z + b.z}; }
static Vector scaled(Vector a, float by) { return (Vector){a.x * by, a.y * by, a.z * by}; }
static Vector subtract(Vector a, Vector b) { return add(a, scaled(b, -1)); }
static float dot(Vector a, Vector b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static Vector normal(Vector a) { return scaled(a, 1 / sqrtf(dot(a, a))); }

typedef struct Shape Shape;

typedef struct {
  float (*distance)(const Shape *, Vector from, Vector along);  // below zero: missed
  Vector (*outward)(const Shape *, Vector at);
} Kind;

struct Shape {
  const Kind *kind;
  Vector place;
  float size;  // radius, or half an edge
  float colour, mirror;
};

static float sphere_distance(const Shape *shape, Vector from, Vector along) {
  Vector to = subtract(shape->place, from);
  float middle = dot(to, along), square = middle * middle - dot(to, to) + shape->size * shape->size;
  if (square < 0) return -1;
  float root = sqrtf(square);
  return middle - root > 1e-3f ? middle - root : middle + root;
}

static Vector sphere_outward(const Shape *shape, Vector at) {
  return normal(subtract(at, shape->place));
}

static float floor_distance(const Shape *shape, Vector from, Vector along) {
  return along.y < 0 ? (shape->place.y - from.y) / along.y : -1;
}

static Vector floor_outward(const Shape *shape, Vector at) {
  return (Vector){0, 1, 0};
}

static void clip(float from, float along, float centre, float size, float *near, float *far) {
  float a = (centre - size - from) / along, b = (centre + size - from) / along;
  *near = fmaxf(*near, fminf(a, b));
  *far = fminf(*far, fmaxf(a, b));
}

static float box_distance(const Shape *shape, Vector from, Vector along) {
  float near = 0, far = 1e6f;
  clip(from.x, along.x, shape->place.x, shape->size, &near, &far);
  clip(from.y, along.y, shape->place.y, shape->size, &near, &far);
  clip(from.z, along.z, shape->place.z, shape->size, &near, &far);
  return near < far ? near : -1;
}

static Vector box_outward(const Shape *shape, Vector at) {
  Vector to = subtract(at, shape->place);
  float x = fabsf(to.x), y = fabsf(to.y), z = fabsf(to.z);
  if (x > y && x > z) return (Vector){copysignf(1, to.x), 0, 0};
  if (y > z) return (Vector){0, copysignf(1, to.y), 0};
  return (Vector){0, 0, copysignf(1, to.z)};
}

static const Kind sphere = {sphere_distance, sphere_outward};
static const Kind ground = {floor_distance, floor_outward};
static const Kind box = {box_distance, box_outward};

enum { SHAPES = 16 };

static Shape shapes[SHAPES];

static const Shape *nearest(Vector from, Vector along, float *distance) {
  const Shape *found = NULL;
  *distance = 1e6f;
  for (const Shape *shape = shapes; shape < shapes + SHAPES; shape++) {
    float d = shape->kind->distance(shape, from, along);
    if (d > 1e-3f && d < *distance) *distance = d, found = shape;
  }
  return found;
}

static float colour(Vector from, Vector along) {
  static const Vector light = {0.48f, 0.8f, -0.36f};
  float result = 0, share = 1, distance;
  for (int bounce = 0; bounce < 4; bounce++) {
    const Shape *shape = nearest(from, along, &distance);
    if (!shape) return result + share * (0.2f + 0.2f * along.y);
    Vector at = add(from, scaled(along, distance)), outward = shape->kind->outward(shape, at);
    float tone = shape->colour, bright = dot(outward, light);
    if (shape->kind == &ground && ((int)floorf(at.x) + (int)floorf(at.z)) & 1) tone *= 0.5f;
    Vector above = add(at, scaled(outward, 1e-3f));
    if (bright < 0 || nearest(above, light, &distance)) bright = 0;
    result += share * (1 - shape->mirror) * tone * (0.1f + 0.9f * bright);
    share *= shape->mirror;
    along = subtract(along, scaled(outward, 2 * dot(along, outward)));
    from = above;
  }
  return result;
}

RUN int64_t run(int32_t n) {
  uint32_t state = 23;
  for (int i = 0; i < SHAPES; i++) {
    float x = next_random(&state) % 64 / 8.f - 4, z = next_random(&state) % 64 / 8.f;
    float size = 0.4f + next_random(&state) % 16 / 32.f;
    const Kind *kind = i & 1 ? &box : &sphere;
    shapes[i] = (Shape){kind, {x, size, z}, size, 0.3f + 0.04f * i, 0.05f * (i & 7)};
  }
  shapes[0] = (Shape){&ground, {0, 0, 0}, 0, 0.8f, 0.1f};
  uint64_t sum = 1;
  for (int32_t y = 0; y < n; y++) {
    for (int32_t x = 0; x < n; x++) {
      Vector along = normal((Vector){2.f * x / n - 1, 0.6f - 1.2f * y / n, 1.5f});
      sum = mix(sum, (int32_t)(255 * colour((Vector){0, 1.5f, -5}, along)));
    }
  }
  return sum >> 1;
}
