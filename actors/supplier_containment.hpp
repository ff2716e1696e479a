// The process of a supplier's quality event at the enterprise: which plants and systems have done
// their part, who has seen the alert, and the way back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cluster/decision.hpp"
#include "schemas/quality/supplier_containment_kind.hpp"

namespace millrace::actors {

struct supplier_containment {
  using schema = millrace::supplier_containment::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  /// Timers "reach" (a plant or system takes too long) and "acknowledge" (nobody has seen it).
  static decision<schema> on_timer(const schema::state& state, std::string_view name, context& ctx);
  static decision<schema> on_delivered(const schema::state& state, const delivered& d,
                                       context& ctx);
};

namespace supplier_containments {

/// The state part of evolve.
void apply(millrace::supplier_containment::StateT& state,
           const millrace::supplier_containment::EventUnion& event, timestamp at);
/// "hamburg: erp: connection refused", one for each step that is not done.
[[nodiscard]] std::vector<std::string> waits_for(
    const millrace::supplier_containment::StateT& state);
/// Who was alerted and has not acknowledged; "anyone" where nobody was named and nobody has.
[[nodiscard]] std::vector<std::string> unacknowledged(
    const millrace::supplier_containment::StateT& state);

}  // namespace supplier_containments

}  // namespace millrace::actors
