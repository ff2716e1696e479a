// Distribution of one master object to the plants that need it: on change, on a schedule, with
// versions; what a plant has missed is seen and repaired.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/masterdata/master_data_sync_kind.hpp"

namespace millrace::actors {

struct master_data_sync {
  using schema = millrace::master_data_sync::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  static decision<schema> on_answer(const schema::state& state, const answer& a, context& ctx);
  /// Timer "check": every plant is looked at.
  static decision<schema> on_timer(const schema::state& state, std::string_view name, context& ctx);
};

}  // namespace millrace::actors
