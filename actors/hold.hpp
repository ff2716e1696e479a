// The hold process: who must acknowledge a hold, who has, and how far that brings it (domain.md,
// process 3). Lots report to it, outer systems answer its deliveries; it decides nothing about
// stock.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/quality/hold_kind.hpp"

namespace millrace::actors {

struct hold {
  using schema = millrace::hold::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  /// Timer "enforce": the rule `hold.enforce_timeout_s` (30) has passed.
  static decision<schema> on_timer(const schema::state& state, std::string_view name, context& ctx);
  static decision<schema> on_delivered(const schema::state& state, const delivered& d,
                                       context& ctx);
};

}  // namespace millrace::actors
