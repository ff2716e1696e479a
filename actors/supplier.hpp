// The supplier: at the enterprise the master of its status and quality events, at a plant the
// versioned copy that knows what was received and keeps containments. Referenced by releases and by
// batches at their receipt.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/masterdata/supplier_kind.hpp"

namespace millrace::actors {

struct supplier {
  using schema = millrace::supplier::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  static decision<schema> on_answer(const schema::state& state, const answer& a, context& ctx);
  static decision<schema> on_delivered(const schema::state& state, const delivered& d,
                                       context& ctx);
};

/// True when the containment stops that material of that supplier lot.
[[nodiscard]] bool concerns(const millrace::supplier::ContainmentT& containment,
                            std::string_view supplier_lot, std::string_view material);

}  // namespace millrace::actors
