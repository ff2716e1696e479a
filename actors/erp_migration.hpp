// The process of a plant's ERP migration: dual run, comparison, cut-over and back, and the
// catalogue of what the legacy ERP was connected with.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/platform/erp_migration_kind.hpp"

namespace millrace::actors {

struct erp_migration {
  using schema = millrace::erp_migration::schema;
  /// The one id that it has in each plant.
  static constexpr std::string_view its_id = "erp";
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
};

/// The other ERP gets copies.
[[nodiscard]] inline bool runs_dual(const millrace::erp_migration::StateT* state) {
  using millrace::erp_migration::Status;
  return state != nullptr &&
         (state->status == Status::dual_run || state->status == Status::cut_over);
}

}  // namespace millrace::actors
