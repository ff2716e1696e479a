// Writes slots into a FlatBufferBuilder in the layout that flatc's generated code reads.
#include "schemas/json_slot.hpp"

#include "schemas/common_generated.h"

namespace millrace {
namespace {

using flatbuffers::Offset;

/// Calls `use` with the slot's number as the C++ type of that base type.
template <class Use>
void with_scalar(reflection::BaseType type, const json_slot& slot, Use use) {
  switch (type) {
    case reflection::Bool:
    case reflection::UType:
    case reflection::UByte:
      return use(static_cast<std::uint8_t>(slot.integer));
    case reflection::Byte:
      return use(static_cast<std::int8_t>(slot.integer));
    case reflection::Short:
      return use(static_cast<std::int16_t>(slot.integer));
    case reflection::UShort:
      return use(static_cast<std::uint16_t>(slot.integer));
    case reflection::Int:
      return use(static_cast<std::int32_t>(slot.integer));
    case reflection::UInt:
      return use(static_cast<std::uint32_t>(slot.integer));
    case reflection::Long:
      return use(slot.integer);
    case reflection::ULong:
      return use(static_cast<std::uint64_t>(slot.integer));
    case reflection::Float:
      return use(static_cast<float>(slot.real));
    case reflection::Double:
      return use(slot.real);
    default:  // no scalar; later FlatBuffers know more of these
      return;
  }
}

void add_scalar(flatbuffers::FlatBufferBuilder& out, const field_plan& field,
                const json_slot& slot) {
  with_scalar(field.scalar, slot, [&](auto value) {
    using number = decltype(value);
    if (field.nullable) {
      out.AddElement<number>(field.slot, value);
    } else if constexpr (std::is_floating_point_v<number>) {
      out.AddElement<number>(field.slot, value, static_cast<number>(field.default_real));
    } else {
      out.AddElement<number>(field.slot, value, static_cast<number>(field.default_integer));
    }
  });
}

void add_field(flatbuffers::FlatBufferBuilder& out, const field_plan& field,
               const json_slot& slot) {
  if (field.is_vector) return out.AddOffset(field.slot, Offset<void>(slot.offset));
  switch (field.shape) {
    case value_shape::boolean:
    case value_shape::integer:
    case value_shape::real:
    case value_shape::enumeration:
      return add_scalar(out, field, slot);
    case value_shape::text:
    case value_shape::table:
      return out.AddOffset(field.slot, Offset<void>(slot.offset));
    case value_shape::choice:
      out.AddOffset(field.slot, Offset<void>(slot.offset));
      return out.AddElement<std::uint8_t>(field.type_slot, slot.member, 0);
    case value_shape::decimal: {
      const Decimal value(slot.integer);
      return out.AddStruct(field.slot, &value);
    }
    case value_shape::time: {
      const Time value(slot.integer);
      return out.AddStruct(field.slot, &value);
    }
    case value_shape::hash: {
      const Hash128 value(slot.hi, slot.lo);
      return out.AddStruct(field.slot, &value);
    }
  }
}

}  // namespace

flatbuffers::uoffset_t write_table(flatbuffers::FlatBufferBuilder& out, const table_plan& plan,
                                   std::span<const json_slot> slots) {
  const auto start = out.StartTable();
  for (const auto i : plan.write_order)
    if (slots[i].status == json_slot::status::given) add_field(out, plan.fields[i], slots[i]);
  return out.EndTable(start);
}

namespace {

/// FlatBuffers 2 takes the elements' size for their alignment, 23 wants it said.
template <class Builder>
void start_vector(Builder& out, std::size_t count, std::size_t width) {
  if constexpr (requires { out.StartVector(count, width, width); })
    out.StartVector(count, width, width);
  else
    out.StartVector(count, width);
}

}  // namespace

flatbuffers::uoffset_t write_vector(flatbuffers::FlatBufferBuilder& out, const field_plan& field,
                                    std::span<const json_slot> items) {
  const bool is_offset = field.shape == value_shape::text || field.shape == value_shape::table;
  const bool is_hash = field.shape == value_shape::hash;
  const std::size_t width = is_offset ? sizeof(flatbuffers::uoffset_t)
                            : is_hash ? sizeof(std::uint64_t)
                                      : field.size;
  const std::size_t count = is_hash ? items.size() * 2 : items.size();
  start_vector(out, count, width);
  for (std::size_t i = items.size(); i > 0; --i) {
    const auto& item = items[i - 1];
    if (is_offset) {
      out.PushElement(Offset<void>(item.offset));
    } else if (is_hash) {
      out.PushElement(item.lo);
      out.PushElement(item.hi);
    } else if (field.shape == value_shape::decimal || field.shape == value_shape::time) {
      out.PushElement(item.integer);
    } else {
      with_scalar(field.scalar, item, [&out](auto value) { out.PushElement(value); });
    }
  }
  return out.EndVector(items.size());
}

}  // namespace millrace
