// What one node does for a plant, of the several that have it, is its leader's to do.
#pragma once

#include "cluster/engine.hpp"

namespace millrace {

[[nodiscard]] inline bool led_here(const plant_status& p) {
  return p.role.empty() || p.role == "leader";
}

}  // namespace millrace
