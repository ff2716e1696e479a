// The recipe actor: master recipes by revision, approved with a signature. Referenced by batch runs
// and by the release of what they made.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/production/recipe_kind.hpp"

namespace millrace::actors {

struct recipe {
  using schema = millrace::recipe::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
};

/// The revision of that name, the one approved last when it is empty; null = none.
[[nodiscard]] const millrace::recipe::RevisionT* find_revision(
    const millrace::recipe::StateT& state, std::string_view revision);
/// Approved, and `at` lies within its effectivity.
[[nodiscard]] bool is_effective(const millrace::recipe::RevisionT& revision, timestamp at);

}  // namespace millrace::actors
