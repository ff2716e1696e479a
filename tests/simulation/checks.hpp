// What is checked when a run has come to rest: the histories of the clients and the outer systems'
// ledger against the journal.
#pragma once

#include "tests/simulation/clients.hpp"
#include "tests/simulation/endpoint.hpp"
#include "tests/simulation/fleet.hpp"

namespace millrace::simulation {

/// Checks I1, I2, I3, I6, I7 of what was answered, the hash chain, and that the state equals the
/// journal replayed from its beginning. All nodes must be up, at rest, and freshly checkpointed.
void check_everything(fleet& all, const clients& told, const outer_systems& outside,
                      const kind_registry& kinds, findings& found);

}  // namespace millrace::simulation
