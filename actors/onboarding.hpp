// The process of a plant that comes in: shadow, pilot, live, each with what is missing until the
// next, and each to be left again.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/platform/onboarding_kind.hpp"

namespace millrace::actors {

struct onboarding {
  using schema = millrace::onboarding::schema;
  /// The one id that it has in each plant.
  static constexpr std::string_view its_id = "plant";
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
};

/// Whether a delivery of that actor ("kind/id"), filed then, leaves the plant at all. The stage it
/// was filed in counts as well as the present one: what was meant for nobody is not sent later. In
/// the pilot the chosen orders are sent, and what stops material or people; reads (stock queries)
/// too.
[[nodiscard]] bool leaves(const millrace::onboarding::StateT& state, std::string_view actor,
                          timestamp filed_at);

}  // namespace millrace::actors
