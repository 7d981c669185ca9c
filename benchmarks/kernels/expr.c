// Closures: formulas as trees of nodes, each with a pointer to the function that evaluates it, the
// way interpreters for queries and spreadsheets work. One indirect call per node.
// run(n) = checksum of 16 formulas at n points.
#include <stdlib.h>

#include "kernel.h"

typedef struct Node Node;
typedef int64_t Eval(const Node *, const int64_t *variables);

struct Node {
  Eval *eval;
  const Node *a, *b, *c;
  int64_t number;
};

#define EVAL(child) child->eval(child, variables)
#define NODE(name, value) \
  static int64_t name(const Node *node, const int64_t *variables) { return value; }

NODE(constant, node->number)
NODE(variable, variables[node->number])
NODE(sum, EVAL(node->a) + EVAL(node->b))
NODE(difference, EVAL(node->a) - EVAL(node->b))
NODE(product, EVAL(node->a) * EVAL(node->b))
NODE(quotient, EVAL(node->a) / ((EVAL(node->b) & 1023) + 1))
NODE(remainder, EVAL(node->a) % ((EVAL(node->b) & 1023) + 1))
NODE(shifted, EVAL(node->a) >> (EVAL(node->b) & 63))
NODE(less, EVAL(node->a) < EVAL(node->b))
NODE(choice, EVAL(node->a) ? EVAL(node->b) : EVAL(node->c))
NODE(negated, -EVAL(node->a))

static Eval *const INNER[] = {sum, difference, product, shifted, less, choice, negated, quotient,
                              sum, difference, product, choice, sum, remainder, less, difference};

enum { VARIABLES = 4, DEPTH = 6, FORMULAS = 16 };

static Node *formula(int depth, uint32_t *state) {
  Node *node = calloc(1, sizeof *node);
  uint32_t draw = next_random(state) >> 8;
  if (depth == 0 || draw % 8 == 0) {
    node->eval = draw & 16 ? constant : variable;
    node->number = draw & 16 ? draw % 1000 : draw % VARIABLES;
    return node;
  }
  node->eval = INNER[draw >> 4 & 15];
  node->a = formula(depth - 1, state);
  node->b = formula(depth - 1, state);
  if (node->eval == choice) node->c = formula(depth - 1, state);
  return node;
}

static void drop(const Node *node) {
  if (!node) return;
  drop(node->a), drop(node->b), drop(node->c);
  free((void *)node);
}

RUN int64_t run(int32_t n) {
  uint32_t state = 37;
  const Node *formulas[FORMULAS];
  for (int i = 0; i < FORMULAS; i++) formulas[i] = formula(DEPTH, &state);
  uint64_t total = 1;
  for (int32_t point = 0; point < n; point++) {
    int64_t variables[VARIABLES];
    for (int i = 0; i < VARIABLES; i++) variables[i] = (int32_t)next_random(&state) >> 12;
    for (int i = 0; i < FORMULAS; i++) {
      const Node *node = formulas[i];
      total = mix(total, EVAL(node));
    }
  }
  for (int i = 0; i < FORMULAS; i++) drop(formulas[i]);
  return total >> 1;
}
