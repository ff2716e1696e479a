// What JSON reading and writing, verifying and hashing need to know of each table, worked out once
// from reflection. Internal to schemas/: walking a plan costs no look-up by name and no allocation.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <flatbuffers/reflection.h>

#include "schemas/model.hpp"

namespace millrace {

enum class value_shape : std::uint8_t {
  boolean,
  integer,
  real,
  enumeration,
  text,
  decimal,
  time,
  hash,
  table,
  choice  // choice: a union
};

struct table_plan;

struct enum_option {
  std::string_view name;
  std::int64_t value = 0;
};

struct choice_option {
  std::string_view name;
  std::uint8_t member = 0;
  const table_plan* table = nullptr;
};

struct field_plan {
  std::string_view name;
  std::uint16_t id = 0;
  flatbuffers::voffset_t slot = 0;       // offset in the vtable
  flatbuffers::voffset_t type_slot = 0;  // of a choice: where its member number stands
  value_shape shape = value_shape::integer;
  bool is_vector = false;
  reflection::BaseType scalar = reflection::None;  // of booleans, integers, reals and enums
  std::uint8_t size = 0;                           // bytes of one value in place
  bool required = false;
  bool nullable = false;      // scalar with default null
  bool always_there = false;  // struct whose absence means zero (native_inline)
  bool is_id = false;
  bool is_unit = false;
  bool has_minimum = false;
  bool minimum_excluded = false;
  std::int64_t minimum = 0;      // micros of decimals
  std::uint32_t length_max = 0;  // 0 = none
  std::int64_t default_integer = 0;
  double default_real = 0;
  std::vector<enum_option> options;
  std::vector<choice_option> choices;
  const table_plan* table = nullptr;
};

/// A table's fields by id, without deprecated ones and union type fields.
struct table_plan {
  const reflection::Object* object = nullptr;
  std::string_view name;  // last part of the full name
  std::vector<field_plan> fields;
  std::vector<std::uint16_t> write_order;  // indexes in `fields`, widest first (least padding)
};

/// Plans of all objects of a schema, by their index in it.
class plan_set {
 public:
  explicit plan_set(const reflection::Schema& schema);
  [[nodiscard]] const table_plan* find(const reflection::Object* object) const;
  [[nodiscard]] const std::vector<table_plan>& all() const { return plans_; }

 private:
  std::vector<table_plan> plans_;
};

/// The value of an attribute, nullptr when it is not there. `Owner`: an object, field or enum of
/// reflection.
template <class Owner>
[[nodiscard]] const flatbuffers::String* find_attribute(const Owner& owner, const char* key) {
  const auto* found = owner.attributes() ? owner.attributes()->LookupByKey(key) : nullptr;
  return found ? found->value() : nullptr;
}
template <class Owner>
[[nodiscard]] bool has_attribute(const Owner& owner, const char* key) {
  return owner.attributes() && owner.attributes()->LookupByKey(key) != nullptr;
}

}  // namespace millrace
