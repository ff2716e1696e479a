// The end of some runs: a bit flips in the journal, which nothing can rebuild on a single node.
#pragma once

#include "tests/simulation/clients.hpp"
#include "tests/simulation/node.hpp"

namespace millrace::simulation {

/// Flips one bit of a stored entry and expects: the verification names it, a reader is told, an
/// answer that stands there is not given, and a process that needs it does not start. The node must
/// be at rest; it is of no use afterwards.
void check_scrub(world& w, node& n, clients& c, findings& found);

}  // namespace millrace::simulation
