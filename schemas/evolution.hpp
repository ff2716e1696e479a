// The gate for changes of released schemas: what was journaled must stay readable, what was
// published must stay true. `flatc --conform` misses removed last fields, renames, `required`, enum
// and union members and all governance.
#pragma once

#include <vector>

#include "schemas/model.hpp"

namespace millrace {

/// What `current` breaks of `released` (both binary schemas), one finding each, with pointers like
/// "/millrace.order.State/unit". Additions are free: tables, appended fields that are not required,
/// enum and union members.
[[nodiscard]] std::vector<finding> compare_schemas(bytes_view released, bytes_view current);

}  // namespace millrace
