// A rule set: business rules of one level, validated against the catalogue when they are set.
#pragma once

#include "cluster/decision.hpp"
#include "schemas/platform/rule_set_kind.hpp"

namespace millrace::actors {

struct rule_set {
  using schema = millrace::rule_set::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
};

}  // namespace millrace::actors
