// JSON <-> FlatBuffers by reflection: strict on the way in (simdjson straight into a FlatBuffer),
// plain on the way out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "schemas/model.hpp"

namespace millrace {

inline constexpr std::size_t json_depth_max = 32;

/// Builds the table `type` from a JSON object. Strict: unknown fields, duplicate keys, wrong types,
/// missing required fields, limits (minimum, exclusive_minimum, max_length, actor_id), unit codes
/// and enum names are findings of ONE `request.invalid` (all findings, at most 20, with RFC 6901
/// pointers); request.not_json, request.not_utf8, request.too_deep and request.duplicate_key come
/// alone. Reuses per-thread parsers: no allocation in the steady state but the returned buffer.
[[nodiscard]] result<bytes> json_to_table(const schema_model& model, const table_model& type,
                                          std::string_view json);

/// Appends the table as JSON: decimals as strings, times RFC 3339, enums by name, absent and empty
/// optional fields left out only where the schema has no default meaning (absent
/// strings/tables/structs are left out; scalars, enums, booleans and vectors are always written).
/// `table` must have been verified.
void table_to_json(const schema_model& model, const table_model& type, bytes_view table,
                   std::string& out);

/// What JSON would say at "/field/field" of a verified table, without quotes: empty when it is
/// absent or no scalar. Nothing when the way leads through a list: that takes the JSON itself.
[[nodiscard]] std::optional<std::string> field_text(const table_model& type, bytes_view table,
                                                    std::string_view pointer);

/// Appends `text` as a JSON string with quotes.
void append_json_string(std::string_view text, std::string& out);

/// True when `table` is a well-formed FlatBuffer of that type within the limits (depth 16, 10,000
/// tables), with enums in range and strings in UTF-8.
[[nodiscard]] bool verify_table(const schema_model& model, const table_model& type,
                                bytes_view table);

}  // namespace millrace
