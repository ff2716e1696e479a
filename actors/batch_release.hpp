// The process that releases a batch; its id is the batch's.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/quality/batch_release_kind.hpp"

namespace millrace::actors {

struct batch_release {
  using schema = millrace::batch_release::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  static decision<schema> on_answer(const schema::state& state, const answer& a, context& ctx);
  static decision<schema> on_timer(const schema::state& state, std::string_view name, context& ctx);
};

}  // namespace millrace::actors
