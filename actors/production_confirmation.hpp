// The production_confirmation process: an order's reports on their way into the ERP, one business
// transaction each. accepted -> sent -> posted | partly_posted | refused -> corrected -> sent |
// cancelled; the order shows it on each report.
#pragma once

#include "cluster/decision.hpp"
#include "schemas/production/production_confirmation_kind.hpp"

namespace millrace::actors {

struct production_confirmation {
  using schema = millrace::production_confirmation::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  static decision<schema> on_delivered(const schema::state& state, const delivered& d,
                                       context& ctx);
};

}  // namespace millrace::actors
