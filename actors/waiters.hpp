// Release processes that wait for an actor to change: a bounded list in its state, told once and
// then forgotten. Shared by the kinds that they wait for (material, plant, work center).
#pragma once

#include <algorithm>
#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/production/order_release_kind.hpp"

namespace millrace::actors {

inline constexpr std::size_t waiters_max = 1000;

/// Every process that waits checks again, and `told` forgets them all.
template <class Made, class State, class Told>
void tell_waiters(Made& d, const State& state, std::string_view cause, Told told) {
  if (state.waiters.empty()) return;
  order_release::RecheckT recheck;
  recheck.cause = cause;
  for (const auto& process : state.waiters)
    d.template tell<order_release::schema>(process, recheck, Lane::release);
  d.emit(std::move(told));
}

template <class State>
[[nodiscard]] bool waits(const State& state, std::string_view process) {
  return std::ranges::find(state.waiters, process) != state.waiters.end();
}

/// What is beyond the limit comes back by its own timer.
template <class State>
[[nodiscard]] bool is_full_of_waiters(const State& state) {
  return state.waiters.size() >= waiters_max;
}

}  // namespace millrace::actors
