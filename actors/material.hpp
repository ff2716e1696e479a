// The material actor: a plant's copy of the item master by revision, with its inspection plans,
// units and waiters. Referenced by orders, batches and inspections; the look-ups below are how they
// read it.
#pragma once

#include <optional>
#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/masterdata/material_kind.hpp"

namespace millrace::actors {

struct material {
  using schema = millrace::material::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
};

/// The revision of that name, nullptr when it is not defined; an empty name is the current one.
[[nodiscard]] const millrace::material::RevisionT* find_revision(
    const millrace::material::StateT& state, std::string_view revision);

/// The newest inspection plan in effect at `at` for that revision of the material, nullptr when
/// there is none. With `plan`, only the plan of that name counts.
[[nodiscard]] const millrace::material::InspectionPlanT* effective_plan(
    const millrace::material::StateT& state, std::string_view material_revision, timestamp at,
    std::string_view plan = {});

/// `quantity` of unit `from` in unit `to`, by the material's conversions over its base unit.
/// nullopt when one of the units is not known to the material, or the result is out of range. Equal
/// units need no conversion.
[[nodiscard]] std::optional<decimal> convert(const millrace::material::StateT& state,
                                             decimal quantity, std::string_view from,
                                             std::string_view to);

}  // namespace millrace::actors
