// SPDX-License-Identifier: Apache-2.0
// Runs toml++ and flattens its tree, so that nothing of C++ (types, exceptions, ownership) passes the boundary.
#include "ctoml.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// toml++ 3.3 states what it believes of its input by assertions, and some input proves it wrong ("[=" does): abort in one
// build, undefined behaviour in another. Here a failed assertion is an exception in every build.
namespace {
struct failed_assertion {};
}  // namespace
#undef NDEBUG
#define TOML_ASSERT(condition)                 \
    do {                                       \
        if (!(condition)) throw failed_assertion{}; \
    } while (false)

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
// serverd.toml and services need two levels; the bound keeps every recursion over a tree short.
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

struct ctoml_document {
    toml::table root;  // owns the bytes that the items point at
    std::vector<ctoml_item> items;
    std::string error;
    ctoml_position error_position{};
};

namespace {

ctoml_position position(const toml::source_region &region) noexcept {
    return {region.begin.line, region.begin.column};
}

ctoml_text text(std::string_view view) noexcept { return {view.data(), view.size()}; }

void append(const toml::node &node, const toml::key *key, std::vector<ctoml_item> &items) {
    ctoml_item item{};
    item.position = position(node.source());
    if (key) {
        item.key = text(key->str());
        item.key_position = position(key->source());
    }
    if (const auto *table = node.as_table()) {
        item.kind = CTOML_TABLE;
        item.children = table->size();
        items.push_back(item);
        for (const auto &[name, value] : *table) append(value, &name, items);
        return;
    }
    if (const auto *array = node.as_array()) {
        item.kind = CTOML_ARRAY;
        item.children = array->size();
        items.push_back(item);
        for (const auto &value : *array) append(value, nullptr, items);
        return;
    }
    if (const auto *string = node.as_string()) {
        item.kind = CTOML_STRING;
        item.string = text(string->get());
    } else if (const auto *integer = node.as_integer()) {
        item.kind = CTOML_INTEGER;
        item.integer = integer->get();
    } else if (const auto *boolean = node.as_boolean()) {
        item.kind = CTOML_BOOLEAN;
        item.integer = boolean->get();
    } else {
        item.kind = node.is_floating_point() ? CTOML_FLOAT : CTOML_DATE_TIME;
    }
    items.push_back(item);
}

bool fails_assertion(std::string_view text) {
    try {
        static_cast<void>(toml::parse(text));
    } catch (const failed_assertion &) {
        return true;
    } catch (const toml::parse_error &) {
    }
    return false;
}

// The character that makes toml++ fail an assertion on `text`. It reads from left to right, so that every longer
// beginning of the text fails too: twenty halvings find the shortest in a megabyte.
ctoml_position unexpected_character(std::string_view text) {
    size_t passes = 0;
    size_t fails = text.size();
    while (fails - passes > 1) {
        const size_t middle = passes + (fails - passes) / 2;
        (fails_assertion(text.substr(0, middle)) ? fails : passes) = middle;
    }
    const auto starts_character = [](char byte) { return (byte & 0xc0) != 0x80; };
    const auto line_end = text.substr(0, passes).rfind('\n');
    const size_t line_start = line_end == std::string_view::npos ? 0 : line_end + 1;
    const auto lines = std::count(text.begin(), text.begin() + passes, '\n');
    const auto column = std::count_if(text.begin() + line_start, text.begin() + fails, starts_character);
    return {static_cast<uint32_t>(lines + 1), static_cast<uint32_t>(column)};
}

}  // namespace

ctoml_document *ctoml_parse(const char *bytes, size_t length) noexcept try {
    auto document = std::make_unique<ctoml_document>();
    const std::string_view whole(bytes, length);
    try {
        document->root = toml::parse(whole);
        append(document->root, nullptr, document->items);
    } catch (const toml::parse_error &error) {
        document->error = error.description();
        document->error_position = position(error.source());
    } catch (const failed_assertion &) {
        document->error = "unexpected character";
        document->error_position = unexpected_character(whole);
    }
    return document.release();
} catch (...) {
    return nullptr;
}

const ctoml_item *ctoml_items(const ctoml_document *document, size_t *count) noexcept {
    *count = document->items.size();
    return document->items.data();
}

ctoml_text ctoml_error(const ctoml_document *document, ctoml_position *position) noexcept {
    *position = document->error_position;
    return text(document->error);
}

void ctoml_free(ctoml_document *document) noexcept { delete document; }
