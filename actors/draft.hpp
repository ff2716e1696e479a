// A decision in the making, for kinds whose one input takes several steps: `next` is the state as
// the events emitted so far leave it. And who is behind a command.
#pragma once

#include <string>
#include <utility>

#include "cluster/decision.hpp"

namespace millrace::actors {

/// `Apply(state, event, stamp)` is the state part of the kind's evolve.
template <class Schema, auto Apply>
struct draft {
  context& ctx;
  typename Schema::state next;
  decision<Schema> d;

  template <class EventT>
  void emit(EventT event) {
    d.emit(std::move(event));
    Apply(next, d.events.back(), ctx.now());
  }
  [[nodiscard]] decision<Schema> done() { return std::move(d); }
};

/// The person named in the command, else the one it is sent on behalf of, else the principal.
[[nodiscard]] inline std::string who_of(const context& ctx, const std::string& person = {}) {
  if (!person.empty()) return person;
  const auto& from = ctx.from();
  return std::string(from.on_behalf_of.empty() ? from.principal : from.on_behalf_of);
}

}  // namespace millrace::actors
