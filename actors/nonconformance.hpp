// The nonconformance: held at once, decided by quantity, executed task by task, closed when nothing
// is outstanding. The lots decide on their stock; this kind asks them.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/quality/nonconformance_kind.hpp"

namespace millrace::actors {

struct nonconformance {
  using schema = millrace::nonconformance::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  static decision<schema> on_answer(const schema::state& state, const answer& a, context& ctx);
};

}  // namespace millrace::actors
