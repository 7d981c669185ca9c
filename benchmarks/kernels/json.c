// A parser and a printer: n documents of 100 records are written, parsed to a tree, printed again
// and compared. Branches by character, recursion, small allocations from an arena.
// run(n) = checksum of the trees, -1 if a text differs.
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

enum { RECORDS = 100 };

typedef enum { NOTHING, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT } Kind;

typedef struct Value {
  Kind kind;
  uint32_t length;        // of a string
  int64_t number;         // in thousandths
  const char *string;
  const struct Value *name;  // of a member of an object
  struct Value *first, *next;
} Value;

static char *arena, *arena_end;

static void *allocate(size_t size) {
  char *place = arena;
  arena += (size + 7) & ~7u;
  if (arena > arena_end) abort();
  return place;
}

static const char *in;
static char *out;

static void skip_space(void) {
  while (*in == ' ' || *in == '\n' || *in == '\t' || *in == '\r') in++;
}

static void expect(char c) {
  skip_space();
  if (*in++ != c) abort();
}

static Value *parse_string(Value *value) {
  expect('"');
  char *text = arena, *end = text;
  for (char c; (c = *in++) != '"';) {
    if (c == '\\') {
      c = *in++;
      if (c == 'n') c = '\n';
    }
    *end++ = c;
  }
  value->kind = STRING;
  value->string = text;
  value->length = end - text;
  allocate(value->length);
  return value;
}

static int64_t parse_number(void) {
  int negative = *in == '-';
  in += negative;
  int64_t number = 0;
  while (*in >= '0' && *in <= '9') number = number * 10 + (*in++ - '0');
  int digits = 0;
  if (*in == '.')
    for (in++; *in >= '0' && *in <= '9'; in++, digits++)
      if (digits < 3) number = number * 10 + (*in - '0');
  for (; digits < 3; digits++) number *= 10;
  return negative ? -number : number;
}

static Value *parse(void) {
  Value *value = allocate(sizeof *value);
  memset(value, 0, sizeof *value);
  skip_space();
  switch (*in) {
    case 'n': value->kind = NOTHING, in += 4; return value;
    case 'f': value->kind = FALSE, in += 5; return value;
    case 't': value->kind = TRUE, in += 4; return value;
    case '"': return parse_string(value);
    case '[':
    case '{': break;
    default: value->kind = NUMBER, value->number = parse_number(); return value;
  }
  char close = *in++ == '[' ? ']' : '}';
  value->kind = close == ']' ? ARRAY : OBJECT;
  Value **tail = &value->first;
  for (skip_space(); *in != close; skip_space()) {
    if (value->first) expect(',');
    Value *name = NULL;
    if (value->kind == OBJECT) {
      skip_space();
      name = parse_string(memset(allocate(sizeof *name), 0, sizeof *name));
      expect(':');
    }
    *tail = parse();
    (*tail)->name = name;
    tail = &(*tail)->next;
  }
  in++;
  return value;
}

static void put(const char *text) {
  while (*text) *out++ = *text++;
}

static void put_string(const char *text, uint32_t length) {
  *out++ = '"';
  for (uint32_t i = 0; i < length; i++) {
    char c = text[i];
    if (c == '"' || c == '\\' || c == '\n') *out++ = '\\';
    *out++ = c == '\n' ? 'n' : c;
  }
  *out++ = '"';
}

static void put_number(int64_t thousandths) {
  if (thousandths < 0) *out++ = '-', thousandths = -thousandths;
  char digits[24], *end = digits + 24, *at = end;
  for (int i = 0; i < 4 || thousandths; i++, thousandths /= 10) {
    if (i == 3) *--at = '.';
    *--at = '0' + thousandths % 10;
  }
  while (at < end) *out++ = *at++;
}

static void print(const Value *value) {
  switch (value->kind) {
    case NOTHING: put("null"); return;
    case FALSE: put("false"); return;
    case TRUE: put("true"); return;
    case NUMBER: put_number(value->number); return;
    case STRING: put_string(value->string, value->length); return;
    case ARRAY:
    case OBJECT: break;
  }
  *out++ = value->kind == ARRAY ? '[' : '{';
  for (const Value *item = value->first; item; item = item->next) {
    if (item->name) {
      put_string(item->name->string, item->name->length);
      put(": ");
    }
    print(item);
    if (item->next) put(", ");
  }
  *out++ = value->kind == ARRAY ? ']' : '}';
}

static void write_records(uint32_t seed) {
  uint32_t state = seed;
  char prose[24];
  put("[");
  for (int i = 0; i < RECORDS; i++) {
    put(i ? ", {\"id\": " : "{\"id\": ");
    put_number(i * 1000ll);
    put(", \"name\": ");
    write_prose(prose, sizeof prose, next_random(&state));
    put_string(prose, sizeof prose);
    put(next_random(&state) & 1 ? ", \"active\": true" : ", \"active\": null");
    put(", \"path\": \"C:\\\\temp\\\\\\\"x\\\"\", \"points\": [");
    for (uint32_t j = next_random(&state) & 7; j < 8; j++) {
      put_number((int32_t)next_random(&state));
      if (j < 7) put(", ");
    }
    put("], \"nested\": {\"empty\": [], \"more\": {}}}");
  }
  put("]");
}

static uint64_t sum_tree(const Value *value, uint64_t sum) {
  sum = mix(sum, value->number + value->kind + value->length);
  for (const Value *item = value->first; item; item = item->next) sum = sum_tree(item, sum);
  return sum;
}

RUN int64_t run(int32_t n) {
  static char text[RECORDS * 320], again[RECORDS * 320];
  char *start = malloc(RECORDS * 1280);
  uint64_t sum = 1;
  for (int32_t i = 0; i < n; i++) {
    out = text;
    write_records(i + 1);
    size_t size = out - text;
    in = text;
    arena = start;
    arena_end = start + RECORDS * 1280;
    const Value *tree = parse();
    out = again;
    print(tree);
    if (size != (size_t)(out - again) || memcmp(text, again, size)) return -1;
    sum = sum_tree(tree, sum);
  }
  free(start);
  return sum >> 1;
}
