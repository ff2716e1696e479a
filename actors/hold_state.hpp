// Inside of the hold process: how its state follows from events, and which status the
// acknowledgements amount to.
#pragma once

#include "actors/hold_lots.hpp"

namespace millrace::actors::holds {

/// The state part of evolve.
void apply(process::StateT& state, const process::EventUnion& event, timestamp at, rows& lots);

/// Every known lot refuses by its own commit, and none has more descendants to name.
[[nodiscard]] bool all_committed(const process::StateT& state);
/// No lot is left on which it was placed and not released, here or in another plant.
[[nodiscard]] bool given_up(const process::StateT& state);
[[nodiscard]] bool all_lifted(const process::StateT& state);
/// Nobody is waited for: no lot and no system.
[[nodiscard]] bool all_acknowledged(const process::StateT& state);

}  // namespace millrace::actors::holds
