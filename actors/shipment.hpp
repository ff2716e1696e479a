// The shipment actor: items for a customer, filled with what batches grant, picked and shipped
// (domain.md, shipment). Batches decide on stock: every allocation, pick and departure is asked of
// them, and answered when they have.
#pragma once

#include "cluster/decision.hpp"
#include "schemas/logistics/shipment_kind.hpp"

namespace millrace::actors {

struct shipment {
  using schema = millrace::shipment::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  static decision<schema> on_answer(const schema::state& state, const answer& a, context& ctx);
};

}  // namespace millrace::actors
