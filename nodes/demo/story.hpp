// The demo's scenario: from master data to shipment, through a failed inspection, an ERP outage and
// a killed node.
#pragma once

#include "nodes/demo/timeline.hpp"
#include "nodes/demo/world.hpp"

namespace millrace::demo {

/// True when SIGINT or SIGTERM waits (both are blocked while the demo runs).
[[nodiscard]] bool interrupted();

/// Plays the story on a world that has just begun. Ends at the first expectation that does not
/// hold, or when interrupted. True when all of them held.
[[nodiscard]] bool play(world& w, timeline& t);

}  // namespace millrace::demo
