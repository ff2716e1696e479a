// FlatBuffer -> JSON along the plans; the caller has verified the table.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "schemas/common_generated.h"
#include "schemas/json.hpp"
#include "schemas/native.hpp"
#include "schemas/plan.hpp"

namespace millrace {
namespace {

using flatbuffers::Table;

constexpr std::string_view hex_digits = "0123456789abcdef";

template <class Number>
void append_number(Number value, std::string& out) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

void append_hash(std::uint64_t hi, std::uint64_t lo, std::string& out) {
  out += '"';
  for (const auto half : {hi, lo})
    for (int shift = 60; shift >= 0; shift -= 4) out += hex_digits[(half >> shift) & 0xf];
  out += '"';
}

template <class Number>
void append_whole(const field_plan& field, Number value, std::string& out) {
  if (field.shape == value_shape::boolean) {
    out += value != 0 ? "true" : "false";
    return;
  }
  if (field.shape == value_shape::enumeration)
    for (const auto& option : field.options)
      if (option.value == static_cast<std::int64_t>(value))
        return append_json_string(option.name, out);
  append_number(value, out);
}

template <class Number>
void append_real(Number value, std::string& out) {
  if (std::isfinite(value))
    append_number(value, out);
  else
    out += "null";
}

/// The scalar at `at`.
void append_scalar(const field_plan& field, const std::uint8_t* at, std::string& out) {
  using flatbuffers::ReadScalar;
  switch (field.scalar) {
    case reflection::Bool:
    case reflection::UType:
    case reflection::UByte:
      return append_whole(field, ReadScalar<std::uint8_t>(at), out);
    case reflection::Byte:
      return append_whole(field, ReadScalar<std::int8_t>(at), out);
    case reflection::Short:
      return append_whole(field, ReadScalar<std::int16_t>(at), out);
    case reflection::UShort:
      return append_whole(field, ReadScalar<std::uint16_t>(at), out);
    case reflection::Int:
      return append_whole(field, ReadScalar<std::int32_t>(at), out);
    case reflection::UInt:
      return append_whole(field, ReadScalar<std::uint32_t>(at), out);
    case reflection::Long:
      return append_whole(field, ReadScalar<std::int64_t>(at), out);
    case reflection::ULong:
      return append_whole(field, ReadScalar<std::uint64_t>(at), out);
    case reflection::Float:
      return append_real(ReadScalar<float>(at), out);
    case reflection::Double:
      return append_real(ReadScalar<double>(at), out);
    default:  // no scalar; later FlatBuffers know more of these
      return;
  }
}

void append_table(const table_plan& plan, const Table& table, std::string& out);

/// The value at `at`: in place for scalars and structs, behind an offset for strings and tables.
void append_value(const field_plan& field, const std::uint8_t* at, std::string& out) {
  using flatbuffers::ReadScalar;
  const auto* target = at + (field.shape == value_shape::text || field.shape == value_shape::table
                                 ? ReadScalar<flatbuffers::uoffset_t>(at)
                                 : 0);
  switch (field.shape) {
    case value_shape::boolean:
    case value_shape::integer:
    case value_shape::real:
    case value_shape::enumeration:
      return append_scalar(field, at, out);
    case value_shape::text:
      return append_json_string(reinterpret_cast<const flatbuffers::String*>(target)->string_view(),
                                out);
    case value_shape::table:
      return append_table(*field.table, *reinterpret_cast<const Table*>(target), out);
    case value_shape::decimal:
      out += '"';
      out += decimal::from_micros(ReadScalar<std::int64_t>(at)).to_string();
      out += '"';
      return;
    case value_shape::time:
      out += '"';
      out += timestamp::from_micros(ReadScalar<std::int64_t>(at)).to_string();
      out += '"';
      return;
    case value_shape::hash:
      return append_hash(ReadScalar<std::uint64_t>(at), ReadScalar<std::uint64_t>(at + 8), out);
    case value_shape::choice:
      return;  // written by append_choice
  }
}

void append_vector(const field_plan& field, const Table& table, std::string& out) {
  out += '[';
  if (const auto* vector = table.GetPointer<const flatbuffers::VectorOfAny*>(field.slot)) {
    const bool is_offset = field.shape == value_shape::text || field.shape == value_shape::table;
    const std::size_t width = is_offset ? sizeof(flatbuffers::uoffset_t) : field.size;
    for (std::size_t i = 0; i < vector->size(); ++i) {
      if (i > 0) out += ',';
      append_value(field, vector->Data() + i * width, out);
    }
  }
  out += ']';
}

bool append_choice(const field_plan& field, const Table& table, std::string& out) {
  const auto member = table.GetField<std::uint8_t>(field.type_slot, 0);
  const auto* inner = table.GetPointer<const Table*>(field.slot);
  for (const auto& choice : field.choices)
    if (inner && choice.member == member) {
      out += '{';
      append_json_string(choice.name, out);
      out += ':';
      append_table(*choice.table, *inner, out);
      out += '}';
      return true;
    }
  return false;
}

/// False when the field is absent and its absence has no value.
bool is_written(const field_plan& field, const Table& table) {
  if (field.is_vector) return true;
  const auto* at = table.GetAddressOf(field.slot);
  switch (field.shape) {
    case value_shape::boolean:
    case value_shape::integer:
    case value_shape::real:
    case value_shape::enumeration:
      return at || !field.nullable;
    case value_shape::time:
      return at && flatbuffers::ReadScalar<std::int64_t>(at) != 0;  // 0 = not given
    case value_shape::hash:
      return at && (flatbuffers::ReadScalar<std::uint64_t>(at) != 0 ||
                    flatbuffers::ReadScalar<std::uint64_t>(at + 8) != 0);
    case value_shape::choice:
    case value_shape::text:
    case value_shape::decimal:
    case value_shape::table:
      return at != nullptr;
  }
  return false;
}

void append_default(const field_plan& field, std::string& out) {
  if (field.shape == value_shape::real) return append_real(field.default_real, out);
  append_whole(field, field.default_integer, out);
}

void append_table(const table_plan& plan, const Table& table, std::string& out) {
  out += '{';
  bool is_first = true;
  for (const auto& field : plan.fields) {
    if (!is_written(field, table)) continue;
    const auto begin = out.size();
    if (!is_first) out += ',';
    append_json_string(field.name, out);
    out += ':';
    if (field.is_vector) {
      append_vector(field, table, out);
    } else if (field.shape == value_shape::choice) {
      if (!append_choice(field, table, out)) {
        out.resize(begin);
        continue;
      }
    } else if (const auto* at = table.GetAddressOf(field.slot)) {
      append_value(field, at, out);
    } else {
      append_default(field, out);
    }
    is_first = false;
  }
  out += '}';
}

/// A scalar's JSON without its quotes.
std::string plain_text(const field_plan& field, const std::uint8_t* at) {
  if (field.shape == value_shape::text)
    return reinterpret_cast<const flatbuffers::String*>(
               at + flatbuffers::ReadScalar<flatbuffers::uoffset_t>(at))
        ->str();
  std::string out;
  if (at != nullptr)
    append_value(field, at, out);
  else
    append_default(field, out);
  return out.starts_with('"') ? out.substr(1, out.size() - 2) : out;
}

}  // namespace

void table_to_json(const schema_model&, const table_model& type, bytes_view table,
                   std::string& out) {
  append_table(*type.plan, *flatbuffers::GetRoot<Table>(table.data()), out);
}

std::optional<std::string> field_text(const table_model& type, bytes_view table,
                                      std::string_view pointer) {
  const auto* plan = type.plan;
  const auto* here = flatbuffers::GetRoot<Table>(table.data());
  while (!pointer.empty() && pointer.front() == '/') {
    const auto end = pointer.find('/', 1);
    const auto name = pointer.substr(1, end == std::string_view::npos ? end : end - 1);
    pointer.remove_prefix(std::min(end, pointer.size()));
    const auto found = std::ranges::find(plan->fields, name, &field_plan::name);
    if (found == plan->fields.end()) return std::string();
    const auto& field = *found;
    if (field.is_vector || field.shape == value_shape::choice) return std::nullopt;
    if (!is_written(field, *here)) return std::string();
    const auto* at = here->GetAddressOf(field.slot);
    if (pointer.empty()) return field.shape == value_shape::table ? "" : plain_text(field, at);
    if (field.shape != value_shape::table) return std::string();
    plan = field.table;
    here = here->GetPointer<const Table*>(field.slot);
  }
  return std::string();
}

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.data() + begin, i - begin);
    begin = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out += hex_digits[c >> 4];
        out += hex_digits[c & 0xf];
    }
  }
  out.append(text.data() + begin, text.size() - begin);
  out += '"';
}

}  // namespace millrace
