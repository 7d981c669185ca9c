// Regular expressions, run as sets of states of an automaton: lists, flags and a switch over the
// kind of a state for every character. run(n) = checksum of the matches of eight patterns in n KiB
// of prose. n at most 1024.
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

// Syntax: characters, . for any, [a-z] for one of a set, ( ) | * + ?
enum { ANY = 256, SET, SPLIT, MATCH, STATES = 128 };

typedef struct {
  int kind;  // a character, or one of the above
  int next, other;
  uint32_t set[8];
} State;

typedef struct {
  int start, end;  // the end is a SPLIT whose `next` is still open
} Part;

static State states[STATES];
static int count;
static const char *pattern;

static int state(int kind, int next, int other) {
  memset(&states[count], 0, sizeof(State));
  states[count].kind = kind;
  states[count].next = next;
  states[count].other = other;
  return count++;
}

static Part parse_choice(void);

static Part parse_atom(void) {
  if (*pattern == '(') {
    pattern++;
    Part part = parse_choice();
    pattern++;
    return part;
  }
  int end = state(SPLIT, -1, -1);
  if (*pattern != '[') {
    int kind = *pattern++;
    return (Part){state(kind == '.' ? ANY : kind, end, -1), end};
  }
  int start = state(SET, end, -1);
  for (pattern++; *pattern != ']'; pattern++) {
    int low = *pattern, high = low;
    if (pattern[1] == '-') high = *(pattern += 2);
    for (int c = low; c <= high; c++) states[start].set[c >> 5] |= 1u << (c & 31);
  }
  pattern++;
  return (Part){start, end};
}

static Part parse_repeated(void) {
  Part part = parse_atom();
  for (; *pattern == '*' || *pattern == '+' || *pattern == '?'; pattern++) {
    int end = state(SPLIT, -1, -1), start = state(SPLIT, part.start, end);
    states[part.end].next = *pattern == '?' ? end : start;
    part = (Part){*pattern == '+' ? part.start : start, end};
  }
  return part;
}

static Part parse_sequence(void) {
  Part part = parse_repeated();
  while (*pattern && *pattern != '|' && *pattern != ')') {
    Part more = parse_repeated();
    states[part.end].next = more.start;
    part.end = more.end;
  }
  return part;
}

static Part parse_choice(void) {
  Part part = parse_sequence();
  while (*pattern == '|') {
    pattern++;
    Part more = parse_sequence();
    int end = state(SPLIT, -1, -1);
    states[part.end].next = states[more.end].next = end;
    part = (Part){state(SPLIT, part.start, more.start), end};
  }
  return part;
}

static int compile(const char *text) {
  count = 0;
  pattern = text;
  Part part = parse_choice();
  states[part.end].next = state(MATCH, -1, -1);
  return part.start;
}

// The states that are reached without a character are replaced by what follows them.
typedef struct {
  int size, items[STATES];
} List;

static uint32_t generation, added[STATES];

static void add(List *list, int at) {
  int pending[STATES], depth = 0;
  pending[depth++] = at;
  while (depth) {
    at = pending[--depth];
    if (at < 0 || added[at] == generation) continue;
    added[at] = generation;
    if (states[at].kind == SPLIT) {
      pending[depth++] = states[at].other;
      pending[depth++] = states[at].next;
    } else {
      list->items[list->size++] = at;
    }
  }
}

// A search may start at every character; the sum tells where matches end.
static uint64_t search(int start, const char *text, size_t length, uint64_t sum) {
  static List lists[2];
  List *now = &lists[0], *then = &lists[1];
  now->size = 0;
  generation++;
  for (size_t i = 0; i <= length; i++) {
    add(now, start);
    int c = i < length ? (uint8_t)text[i] : 0, matched = 0;
    generation++;
    then->size = 0;
    for (int j = 0; j < now->size; j++) {
      const State *at = &states[now->items[j]];
      switch (at->kind) {
        case MATCH: matched = 1; break;
        case ANY: add(then, at->next); break;
        case SET:
          if (at->set[c >> 5] >> (c & 31) & 1) add(then, at->next);
          break;
        default:
          if (at->kind == c) add(then, at->next);
      }
    }
    if (matched) sum = mix(sum, i);
    List *swap = now;
    now = then;
    then = swap;
  }
  return sum;
}

RUN int64_t run(int32_t n) {
  static const char *const patterns[] = {
      "eta", "(st|ra|in)+e", "[aeiou][^-z]*[aeiou]t", "h.*d\n",
      "(a|c|d|e)(a|e|i|o)?(l|m|n|r|s|t)+ ", "[a-m]+[n-z]+\\.",
      "o(n(s(h(r(d)?)?)?)?)?i", "((t*a)*e)+s",
  };
  size_t length = (size_t)n * 1024;
  char *text = malloc(length);
  write_prose(text, length, 11);
  uint64_t sum = 1;
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
    sum = search(compile(patterns[i]), text, length, sum);
  free(text);
  return sum >> 1;
}
