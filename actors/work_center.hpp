// The work center actor: available or down, with every downtime as a fact of the system that owns
// it. Referenced by others: a release looks at it, and is told when it is back.
#pragma once

#include "cluster/decision.hpp"
#include "schemas/maintenance/work_center_kind.hpp"

namespace millrace::actors {

struct work_center {
  using schema = millrace::work_center::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
};

}  // namespace millrace::actors
