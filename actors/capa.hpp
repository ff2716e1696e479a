// The corrective or preventive action: cause, plan, implementation, effect. Linked with the
// nonconformances that it came from, and free to outlive them.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/quality/capa_kind.hpp"

namespace millrace::actors {

struct capa {
  using schema = millrace::capa::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  static decision<schema> on_answer(const schema::state& state, const answer& a, context& ctx);
  /// Timers "action~<name>" and "check": the day has come.
  static decision<schema> on_timer(const schema::state& state, std::string_view name, context& ctx);
};

}  // namespace millrace::actors
