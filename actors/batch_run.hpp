// The batch run actor: one execution of a recipe for an order, and its record. Referenced by the
// release of the batches that it made.
#pragma once

#include "cluster/decision.hpp"
#include "schemas/production/batch_run_kind.hpp"

namespace millrace::actors {

struct batch_run {
  using schema = millrace::batch_run::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  static decision<schema> on_answer(const schema::state& state, const answer& a, context& ctx);
  static decision<schema> on_delivered(const schema::state& state, const delivered& in,
                                       context& ctx);
};

/// Whether ISA-88 (Part 1, table 2) lets a run go from one state to the other.
[[nodiscard]] bool may_become(millrace::batch_run::Status from, millrace::batch_run::Status to);
/// Complete, stopped or aborted: nothing is executed any more.
[[nodiscard]] bool is_over(millrace::batch_run::Status status);

}  // namespace millrace::actors
