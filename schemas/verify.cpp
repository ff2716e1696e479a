// Verifies a FlatBuffer against its plan before anybody reads it: bounds first, then meaning
// (enums, UTF-8).
#include <algorithm>

#include "schemas/json.hpp"
#include "schemas/plan.hpp"
#include "schemas/text.hpp"

namespace millrace {
namespace {

using flatbuffers::Table;

constexpr flatbuffers::uoffset_t depth_max = 16;
constexpr flatbuffers::uoffset_t tables_max = 10'000;
constexpr std::size_t smallest = 8;  // root offset and one vtable offset

class checker {
 public:
  explicit checker(bytes_view buffer)
      : begin_(buffer.data()), verifier_(buffer.data(), buffer.size(), depth_max, tables_max) {}

  bool root(const table_plan& plan) {
    return verifier_.VerifyOffset(0) != 0 && table(plan, flatbuffers::GetRoot<Table>(begin_));
  }

 private:
  bool table(const table_plan& plan, const Table* at) {
    if (!at->VerifyTableStart(verifier_)) return false;
    for (const auto& field : plan.fields)
      if (!field_ok(field, *at)) return false;
    return verifier_.EndTable();
  }

  bool field_ok(const field_plan& field, const Table& table_at) {
    const auto place = table_at.GetOptionalFieldOffset(field.slot);
    if (place == 0) return !field.required;
    const auto* base = reinterpret_cast<const std::uint8_t*>(&table_at);
    if (field.is_vector) {
      if (!table_at.VerifyOffset(verifier_, field.slot)) return false;
      return vector_ok(
          field, base + place + flatbuffers::ReadScalar<flatbuffers::uoffset_t>(base + place));
    }
    switch (field.shape) {
      case value_shape::boolean:
      case value_shape::integer:
      case value_shape::real:
      case value_shape::enumeration:
        return verifier_.VerifyFieldStruct(base, place, field.size, field.size) &&
               scalar_ok(field, base + place);
      case value_shape::decimal:
      case value_shape::time:
      case value_shape::hash:
        return verifier_.VerifyFieldStruct(base, place, field.size, sizeof(std::uint64_t));
      case value_shape::text:
        return table_at.VerifyOffset(verifier_, field.slot) && text_ok(target(base + place));
      case value_shape::table:
        return table_at.VerifyOffset(verifier_, field.slot) &&
               table(*field.table, table_of(target(base + place)));
      case value_shape::choice:
        return choice_ok(field, table_at, base + place);
    }
    return false;
  }

  bool choice_ok(const field_plan& field, const Table& table_at, const std::uint8_t* place) {
    if (!table_at.VerifyField<std::uint8_t>(verifier_, field.type_slot, sizeof(std::uint8_t)))
      return false;
    const auto member = table_at.GetField<std::uint8_t>(field.type_slot, 0);
    const auto found = std::find_if(field.choices.begin(), field.choices.end(),
                                    [member](const auto& c) { return c.member == member; });
    return found != field.choices.end() && table_at.VerifyOffset(verifier_, field.slot) &&
           table(*found->table, table_of(target(place)));
  }

  bool vector_ok(const field_plan& field, const std::uint8_t* at) {
    const bool is_offset = field.shape == value_shape::text || field.shape == value_shape::table;
    const std::size_t width = is_offset ? sizeof(flatbuffers::uoffset_t) : field.size;
    if (!verifier_.VerifyVectorOrString(at, width)) return false;
    const auto count = flatbuffers::ReadScalar<flatbuffers::uoffset_t>(at);
    const auto* item = at + sizeof(flatbuffers::uoffset_t);
    const std::size_t alignment = std::min(width, sizeof(std::uint64_t));
    if (count > 0 && !verifier_.VerifyAlignment(static_cast<std::size_t>(item - begin_), alignment))
      return false;
    for (flatbuffers::uoffset_t i = 0; i < count; ++i, item += width) {
      if (is_offset && !verifier_.VerifyOffset(static_cast<std::size_t>(item - begin_)))
        return false;
      if (field.shape == value_shape::text && !text_ok(target(item))) return false;
      if (field.shape == value_shape::table && !table(*field.table, table_of(target(item))))
        return false;
      if (field.shape == value_shape::enumeration && !scalar_ok(field, item)) return false;
    }
    return true;
  }

  bool text_ok(const std::uint8_t* at) {
    const auto* text = reinterpret_cast<const flatbuffers::String*>(at);
    return verifier_.VerifyString(text) && is_utf8(text->string_view());
  }

  static bool scalar_ok(const field_plan& field, const std::uint8_t* at) {
    if (field.shape != value_shape::enumeration) return true;
    const auto value = whole_at(field.scalar, at);
    return std::any_of(field.options.begin(), field.options.end(),
                       [value](const auto& o) { return o.value == value; });
  }

  static std::int64_t whole_at(reflection::BaseType type, const std::uint8_t* at) {
    using flatbuffers::ReadScalar;
    switch (flatbuffers::GetTypeSize(type)) {
      case 1:
        return type == reflection::Byte ? ReadScalar<std::int8_t>(at)
                                        : ReadScalar<std::uint8_t>(at);
      case 2:
        return type == reflection::Short ? ReadScalar<std::int16_t>(at)
                                         : ReadScalar<std::uint16_t>(at);
      case 4:
        return type == reflection::Int ? ReadScalar<std::int32_t>(at)
                                       : ReadScalar<std::uint32_t>(at);
      default:
        return ReadScalar<std::int64_t>(at);
    }
  }

  static const std::uint8_t* target(const std::uint8_t* at) {
    return at + flatbuffers::ReadScalar<flatbuffers::uoffset_t>(at);
  }
  static const Table* table_of(const std::uint8_t* at) {
    return reinterpret_cast<const Table*>(at);
  }

  const std::uint8_t* begin_;
  flatbuffers::Verifier verifier_;
};

}  // namespace

bool verify_table(const schema_model&, const table_model& type, bytes_view table) {
  if (table.size() < smallest || table.size() >= FLATBUFFERS_MAX_BUFFER_SIZE) return false;
  return checker(table).root(*type.plan);
}

}  // namespace millrace
