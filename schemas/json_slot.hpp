// One value on its way from JSON into a FlatBuffer: children are written first, so a table's values
// wait in slots. Internal to schemas/.
#pragma once

#include <cstdint>
#include <span>

#include <flatbuffers/flatbuffers.h>

#include "schemas/plan.hpp"

namespace millrace {

struct json_slot {
  enum class status : std::uint8_t { absent, refused, given } status = status::absent;
  std::uint8_t member = 0;            // of a choice
  flatbuffers::uoffset_t offset = 0;  // texts, tables, choices, vectors
  std::int64_t integer = 0;           // booleans, integers, enums, micros
  double real = 0;
  std::uint64_t hi = 0, lo = 0;  // of a hash
};

/// Writes the table of `plan` from its slots (one per field of the plan) and returns its offset.
[[nodiscard]] flatbuffers::uoffset_t write_table(flatbuffers::FlatBufferBuilder& out,
                                                 const table_plan& plan,
                                                 std::span<const json_slot> slots);
/// Writes the items of a vector field and returns its offset. All slots are given.
[[nodiscard]] flatbuffers::uoffset_t write_vector(flatbuffers::FlatBufferBuilder& out,
                                                  const field_plan& field,
                                                  std::span<const json_slot> items);

}  // namespace millrace
