// SPDX-License-Identifier: Apache-2.0
// The C face of toml++: a buffer becomes a flat list of items, each with its kind, value and place in the text.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define CTOML_NOEXCEPT noexcept
#else
#define CTOML_NOEXCEPT
#endif

// What an item is. Dates, times and both together are one kind: no key of serverd takes them.
typedef enum __attribute__((enum_extensibility(closed))) ctoml_kind {
    CTOML_TABLE,
    CTOML_ARRAY,
    CTOML_STRING,
    CTOML_INTEGER,
    CTOML_FLOAT,
    CTOML_BOOLEAN,
    CTOML_DATE_TIME,
} ctoml_kind;

// A place in the text: both numbers count from 1, columns in code points. 0 means unknown.
typedef struct ctoml_position {
    uint32_t line;
    uint32_t column;
} ctoml_position;

// Bytes inside the document, valid until ctoml_free; not terminated by NUL and free to contain it.
typedef struct ctoml_text {
    const char *bytes;
    size_t length;
} ctoml_text;

// One value. The items of a table or an array follow it directly, each followed by its own.
typedef struct ctoml_item {
    ctoml_kind kind;
    ctoml_position position;
    ctoml_text key;  // of an item of a table, otherwise empty
    ctoml_position key_position;
    ctoml_text string;  // of a string
    int64_t integer;    // of an integer; 0 or 1 of a boolean
    size_t children;    // of a table or an array: how many items it holds
} ctoml_item;

typedef struct ctoml_document ctoml_document;

// Parses TOML 1.0 in UTF-8. The caller owns the document and frees it. NULL: out of memory.
//
// toml++ recurses once for each level of dotted keys when it frees a tree: the caller limits how deep they go.
ctoml_document *ctoml_parse(const char *bytes, size_t length) CTOML_NOEXCEPT;

// The items, the root table first; none when the text is not TOML.
const ctoml_item *ctoml_items(const ctoml_document *document, size_t *count) CTOML_NOEXCEPT;

// Why the text is not TOML, in toml++'s words, and where; empty when it is.
ctoml_text ctoml_error(const ctoml_document *document, ctoml_position *position) CTOML_NOEXCEPT;

void ctoml_free(ctoml_document *document) CTOML_NOEXCEPT;

#ifdef __cplusplus
}
#endif
