// A node's memory for actors, shared over its plants: each may keep what it has as long as all of
// it fits, and all may grow alike; when it does not fit, those that have more than their fair share
// give way to those that have less. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace millrace {

/// Limits for plants that use so many bytes; their sum is at most `budget`.
[[nodiscard]] std::vector<std::uint64_t> share_budget(std::uint64_t budget,
                                                      const std::vector<std::uint64_t>& used);

}  // namespace millrace
