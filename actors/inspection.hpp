// The inspection actor: an inspection lot with its characteristics, results and usage decision
// (domain.md, inspection). It asks the batch to begin testing and to carry out the decision, and
// answers when the batch has.
#pragma once

#include <string_view>

#include "cluster/decision.hpp"
#include "schemas/quality/inspection_kind.hpp"

namespace millrace::actors {

struct inspection {
  using schema = millrace::inspection::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
  static decision<schema> on_answer(const schema::state& state, const answer& a, context& ctx);
};

/// Verdict of a value against limits; none when there is nothing to compare.
[[nodiscard]] millrace::inspection::Verdict verdict_of(
    const millrace::inspection::CharacteristicT& characteristic, const decimal* value);

}  // namespace millrace::actors
