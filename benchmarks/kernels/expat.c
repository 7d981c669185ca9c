// Expat, the XML parser: a document of n records with attributes, entities, comments and
// namespaces, handed over in pieces. Branches by character class, states as function pointers,
// callbacks. run(n) = checksum of what the callbacks saw, -1 if the document was refused.
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

enum { PIECE = 4096 };

static uint64_t mix_string(uint64_t sum, const char *text) {
  return mix_bytes(sum, (const uint8_t *)text, strlen(text));
}

static void XMLCALL on_start(void *sum, const char *name, const char **attributes) {
  uint64_t *total = sum;
  *total = mix_string(*total, name);
  for (; *attributes; attributes++) *total = mix_string(*total, *attributes);
}

static void XMLCALL on_end(void *sum, const char *name) {
  uint64_t *total = sum;
  *total = mix(*total, name[0]);
}

static void XMLCALL on_text(void *sum, const char *text, int length) {
  uint64_t *total = sum;
  *total = mix_bytes(*total, (const uint8_t *)text, length);
}

// A record becomes `text`, of at most 512 bytes.
static size_t write_record(char *text, int32_t number, uint32_t *state) {
  char prose[97] = {0};
  write_prose(prose, sizeof prose - 1, next_random(state));
  const char *shape = next_random(state) & 1
                          ? "<r:record id=\"%d\" kind='a &lt; b'>%s<!-- between --><e/>&amp;</r:record>\n"
                          : "<r:record id=\"%d\"><t lang=\"de\">%s &#228;&own;</t><![CDATA[<]]></r:record>\n";
  return snprintf(text, 512, shape, (int)number, prose);
}

RUN int64_t run(int32_t n) {
  static const char head[] =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<!DOCTYPE list [<!ENTITY own \"an entity\">]>\n<list xmlns:r=\"urn:records\">\n";
  char piece[PIECE];
  uint32_t state = 47;
  uint64_t sum = 1;
  XML_Parser parser = XML_ParserCreateNS(NULL, '|');
  XML_SetHashSalt(parser, 1);
  XML_SetUserData(parser, &sum);
  XML_SetElementHandler(parser, on_start, on_end);
  XML_SetCharacterDataHandler(parser, on_text);
  enum XML_Status status = XML_Parse(parser, head, sizeof head - 1, 0);
  for (int32_t i = 0; i < n && status == XML_STATUS_OK;) {
    size_t size = 0;
    for (; i < n && size + 512 < PIECE; i++) size += write_record(piece + size, i, &state);
    status = XML_Parse(parser, piece, size, 0);
  }
  if (status == XML_STATUS_OK) status = XML_Parse(parser, "</list>", 7, 1);
  XML_ParserFree(parser);
  return status == XML_STATUS_OK ? (int64_t)(sum >> 1) : -1;
}
