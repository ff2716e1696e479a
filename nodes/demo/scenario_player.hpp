// Plays a scenario on a world, over real HTTP, and tells what happens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nodes/demo/scenario.hpp"
#include "nodes/demo/timeline.hpp"
#include "nodes/demo/world.hpp"

namespace millrace::demo {

/// True when SIGINT or SIGTERM waits (both are blocked while the demo runs).
[[nodiscard]] bool interrupted();

/// Plays the steps on a world that has just begun. Ends at the first expectation that does not
/// hold, or when interrupted. True when all of them held.
[[nodiscard]] bool play(const scenario& what, world& w, timeline& t);

/// The scenarios that are built in (tests/scenarios), by name.
struct built_in_scenario {
  std::string_view name, text;
};
[[nodiscard]] const std::vector<built_in_scenario>& built_in_scenarios();

}  // namespace millrace::demo
