// The comparison of a plant's stock with what its ERP, WMS and MES say: runs, ledger, corrections
// by approval.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/inventory/stock_reconciliation_kind.hpp"

namespace millrace::actors {

struct stock_reconciliation {
  using schema = millrace::stock_reconciliation::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  static decision<schema> on_answer(const schema::state& state, const answer& a, context& ctx);
  /// Timers "run" (the schedule) and "deadline" (who has not reported by then has failed).
  static decision<schema> on_timer(const schema::state& state, std::string_view name, context& ctx);
  static decision<schema> on_delivered(const schema::state& state, const delivered& d,
                                       context& ctx);
};

}  // namespace millrace::actors
