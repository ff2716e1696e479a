// Inside of the hold process: how its state follows from events, and which status the
// acknowledgements amount to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schemas/quality/hold_kind.hpp"

namespace millrace::actors::holds {

namespace process = millrace::hold;

/// The state part of evolve.
void apply(process::StateT& state, const process::EventUnion& event, timestamp at);

[[nodiscard]] const process::MemberT* find_member(const process::StateT& state,
                                                  std::string_view batch);
[[nodiscard]] const process::AcknowledgerT* find_system(const process::StateT& state,
                                                        std::string_view batch, System system);

/// Every known lot refuses by its own commit, and none has more descendants to name.
[[nodiscard]] bool all_committed(const process::StateT& state);
/// No lot is left on which it was placed and not released.
[[nodiscard]] bool given_up(const process::StateT& state);
[[nodiscard]] bool all_lifted(const process::StateT& state);
/// "erp for batch/PMP-1: connection refused", one for each that has not acknowledged (placing or
/// releasing).
[[nodiscard]] std::vector<std::string> waits_for(const process::StateT& state);
/// One of them has failed, so that waiting alone will not help.
[[nodiscard]] bool has_failures(const process::StateT& state);

}  // namespace millrace::actors::holds
