// An allocator at work: a search tree balanced by random priorities, into which n keys go and out
// of which most are taken again, every node by malloc and free. Calls, pointers, recursion.
// run(n) = checksum of the keys that stay, in order.
#include <stdlib.h>

#include "kernel.h"

typedef struct Node {
  struct Node *left, *right;
  uint32_t key, priority;
} Node;

// All smaller keys go to the left tree, all others to the right one.
static void split(Node *tree, uint32_t key, Node **left, Node **right) {
  if (!tree) {
    *left = *right = NULL;
  } else if (tree->key < key) {
    *left = tree;
    split(tree->right, key, &tree->right, right);
  } else {
    *right = tree;
    split(tree->left, key, left, &tree->left);
  }
}

static Node *merged(Node *left, Node *right) {
  if (!left) return right;
  if (!right) return left;
  if (left->priority > right->priority) {
    left->right = merged(left->right, right);
    return left;
  }
  right->left = merged(left, right->left);
  return right;
}

static void insert(Node **place, uint32_t key, uint32_t priority) {
  while (*place && (*place)->priority >= priority) {
    if ((*place)->key == key) return;
    place = key < (*place)->key ? &(*place)->left : &(*place)->right;
  }
  Node *node = malloc(sizeof *node);
  node->key = key;
  node->priority = priority;
  split(*place, key, &node->left, &node->right);
  *place = node;
}

static int take(Node **place, uint32_t key) {
  while (*place && (*place)->key != key)
    place = key < (*place)->key ? &(*place)->left : &(*place)->right;
  Node *node = *place;
  if (!node) return 0;
  *place = merged(node->left, node->right);
  free(node);
  return 1;
}

static uint64_t sum_and_free(Node *tree, uint64_t sum) {
  if (!tree) return sum;
  sum = sum_and_free(tree->left, sum);
  sum = mix(sum, tree->key);
  Node *right = tree->right;
  free(tree);
  return sum_and_free(right, sum);
}

RUN int64_t run(int32_t n) {
  uint32_t state = 21;
  Node *tree = NULL;
  uint64_t sum = 1;
  for (int32_t i = 0; i < n; i++) {
    insert(&tree, next_random(&state) % n, next_random(&state));
    if (i % 4 != 3) continue;
    for (int times = 0; times < 3; times++) sum += take(&tree, next_random(&state) % n);
  }
  return sum_and_free(tree, sum) >> 1;
}
