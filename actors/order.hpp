// The order actor: what is planned, what was reported, and how far its life, confirmation, delivery
// and dispatch have come. Its release and its postings to the ERP are processes of their own
// (order_release, production_confirmation).
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/production/order_kind.hpp"

namespace millrace::actors {

struct order {
  using schema = millrace::order::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  static decision<schema> on_answer(const schema::state& state, const answer& a, context& ctx);
};

}  // namespace millrace::actors
