// All actor kinds of the plant floor, registered in one place.
// A new kind adds one line to registry.cpp and nothing anywhere else.
#pragma once

#include "cluster/kind.hpp"

namespace millrace::actors {

/// Adds every kind of this program with its part of the built-in schema.
void register_kinds(kind_registry& registry);

}  // namespace millrace::actors
