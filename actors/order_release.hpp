// The order_release process: durable steps from the question to the MES's acknowledgement, one
// actor per order. checking -> (parked ->) dispatching -> completed; cancelled and timed_out give
// the reservations back.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/production/order_release_kind.hpp"

namespace millrace::actors {

struct order_release {
  using schema = millrace::order_release::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  static decision<schema> on_answer(const schema::state& state, const answer& a, context& ctx);
  static decision<schema> on_timer(const schema::state& state, std::string_view name, context& ctx);
  static decision<schema> on_delivered(const schema::state& state, const delivered& d,
                                       context& ctx);
};

}  // namespace millrace::actors
