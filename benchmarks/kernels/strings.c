// A hash table of strings: counts the words of n KiB of prose, each in an allocation of its own,
// then looks them up again and drops what is rare. Pointers, comparisons, malloc and free.
// run(n) = checksum of the counts.
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

typedef struct Entry {
  struct Entry *next;
  uint32_t hash, length, count;
  char word[];
} Entry;

typedef struct {
  Entry **slots;
  uint32_t mask, used;
} Table;

static uint32_t hashed(const char *word, uint32_t length) {
  uint32_t hash = 2166136261u;
  for (uint32_t i = 0; i < length; i++) hash = (hash ^ (uint8_t)word[i]) * 16777619u;
  return hash;
}

static Entry **find(const Table *table, const char *word, uint32_t length, uint32_t hash) {
  Entry **place = &table->slots[hash & table->mask];
  for (; *place; place = &(*place)->next) {
    const Entry *entry = *place;
    if (entry->hash == hash && entry->length == length && !memcmp(entry->word, word, length)) break;
  }
  return place;
}

static void grow(Table *table) {
  uint32_t old = table->mask + 1;
  Entry **slots = calloc(2 * old, sizeof *slots);
  table->mask = 2 * old - 1;
  for (uint32_t i = 0; i < old; i++) {
    for (Entry *entry = table->slots[i], *next; entry; entry = next) {
      next = entry->next;
      entry->next = slots[entry->hash & table->mask];
      slots[entry->hash & table->mask] = entry;
    }
  }
  free(table->slots);
  table->slots = slots;
}

static void count_word(Table *table, const char *word, uint32_t length) {
  uint32_t hash = hashed(word, length);
  Entry **place = find(table, word, length, hash);
  if (!*place) {
    Entry *entry = malloc(sizeof *entry + length);
    *entry = (Entry){NULL, hash, length, 0};
    memcpy(entry->word, word, length);
    *place = entry;
    if (++table->used > table->mask) grow(table), place = find(table, word, length, hash);
  }
  (*place)->count++;
}

static uint64_t drop_rare(Table *table, const char *word, uint32_t length, uint64_t sum) {
  Entry **place = find(table, word, length, hashed(word, length));
  Entry *entry = *place;
  if (!entry) return mix(sum, length);
  sum = mix(sum, entry->count);
  if (entry->count < 3) {
    *place = entry->next;
    table->used--;
    free(entry);
  }
  return sum;
}

RUN int64_t run(int32_t n) {
  size_t length = (size_t)n * 1024;
  char *text = malloc(length);
  write_prose(text, length, 13);
  // Numbers behind some words, so that most of the table is rare.
  uint32_t state = 17;
  for (size_t i = 0; i + 4 < length; i += 16)
    for (size_t j = i; j < i + 3; j++) text[j] = 'a' + next_random(&state) % 26;
  Table table = {calloc(8, sizeof(Entry *)), 7, 0};
  uint64_t sum = 1;
  for (int pass = 0; pass < 2; pass++) {
    for (size_t start = 0, end = 0; start < length; start = end + 1) {
      for (end = start; end < length && text[end] > ' '; end++) {}
      if (pass) sum = drop_rare(&table, text + start, end - start, sum);
      else count_word(&table, text + start, end - start);
    }
  }
  sum = mix(sum, table.used);
  for (uint32_t i = 0; i <= table.mask; i++)
    for (Entry *entry = table.slots[i], *next; entry; entry = next) next = entry->next, free(entry);
  free(table.slots), free(text);
  return sum >> 1;
}
