// The placement actor of the system group: on which nodes a plant lives. Who asks proposes voters
// (cluster/placement.hpp chooses them); the first proposal that commits is the plant's placement.
#pragma once

#include "cluster/decision.hpp"
#include "schemas/system/placement_kind.hpp"

namespace millrace::actors {

struct placement {
  using schema = millrace::placement::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
};

}  // namespace millrace::actors
