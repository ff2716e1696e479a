// Inside of the batch release process: a decision in the making, and its steps. Not for others.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "actors/batch_release.hpp"
#include "actors/batch_release_rules.hpp"

namespace millrace::actors::release_of_batch {

namespace rel = millrace::batch_release;
using made = decision<rel::schema>;

/// Evolves the state by one event; the same for a draft and for a committed event.
[[nodiscard]] result<void> apply(rel::StateT& state, const rel::schema::event& event,
                                 timestamp stamp);

/// The decision so far, and the state as its events leave it.
struct draft {
  draft(const rel::StateT& before, context& in) : state(before), ctx(in) {}
  template <class EventT>
  void emit(EventT event) {
    rel::schema::event u;
    u.Set(std::move(event));
    if (auto applied = apply(state, u, ctx.now()); !applied && fault.empty())
      fault = applied.error().detail;
    d.events.push_back(std::move(u));
  }
  [[nodiscard]] made done() && {
    return fault.empty() ? std::move(d) : made::fault(std::move(fault));
  }

  rel::StateT state;
  context& ctx;
  made d;
  std::string fault;
};

inline constexpr std::string_view recheck_timer = "recheck";
/// What is searched beside the run: nonconformances about the lot, and about its order.
inline constexpr const char* lots_own = "nonconformance";
inline constexpr const char* orders_own = "order_nonconformance";

// batch_release_gather.cpp
/// Looks for what it cannot name, then concludes.
void begin_round(draft& work);
void on_found(draft& work, std::string_view what, const answer& a);
/// The findings of what is there now, with evidence and rules, as they would be decided on.
[[nodiscard]] rel::VerdictsT verdicts_now(const rel::StateT& state, context& ctx);

/// The same findings on the same evidence; prints aside, which change with every movement.
[[nodiscard]] bool same_grounds(const rel::VerdictsT& a, const rel::VerdictsT& b);

// batch_release_act.cpp
/// Carries the last decision out, or waits for what it needs.
void act(draft& work);
void on_task(draft& work, const std::string& tag, const answer& a);

}  // namespace millrace::actors::release_of_batch
