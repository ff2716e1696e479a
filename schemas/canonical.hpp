// Hash of what a table says, not of its bytes: two buffers that mean the same hash the same,
// whoever built them. Replicas and releases compare states by it (design.md, Evolution).
#pragma once

#include "schemas/model.hpp"
#include "schemas/native.hpp"

namespace millrace {

/// XXH3-128 over a walk by field id. A field that is absent, at its default, or empty (string,
/// vector) adds nothing, so a field that a later release appends leaves old states' hashes as they
/// were. `table` must have been verified.
///
///   table  = { field } end          field = u16 id+1, value
///   value  = scalar as i64/u64/f64 | struct as its words | u64 length, bytes | u64 count, values |
///   u8 member, table end    = u16 0                  all little-endian
[[nodiscard]] hash128 canonical_hash(const schema_model& model, const table_model& type,
                                     bytes_view table);

}  // namespace millrace
