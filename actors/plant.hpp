// The plant actor: a site's life (commissioned, active, paused, retired) and the outer systems
// bound to it. Referenced by others: a release looks at it, and waits for it when it is paused.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/platform/plant_kind.hpp"

namespace millrace::actors {

struct plant {
  using schema = millrace::plant::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  static decision<schema> on_timer(const schema::state& state, std::string_view name, context& ctx);
};

}  // namespace millrace::actors
