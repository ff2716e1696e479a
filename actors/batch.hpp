// The batch actor: a material lot. It alone decides on its stock, allocations,
// holds and links (domain.md, batch). Split per job: batch_stock (movements),
// batch_grants (orders' and shipments' claims), batch_genealogy, batch_holds,
// batch_inspections, batch_evolve.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/inventory/batch_kind.hpp"

namespace millrace::actors {

struct batch {
  using schema = millrace::batch::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  /// Timer "expiry".
  static decision<schema> on_answer(const schema::state& state, const answer& a, context& ctx);
  static decision<schema> on_timer(const schema::state& state, std::string_view name, context& ctx);
};

}  // namespace millrace::actors
