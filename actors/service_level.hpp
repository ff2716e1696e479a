// The service level actor: a definition as data, and the alerts that measuring has raised.
#pragma once

#include <string_view>
#include <vector>

#include "cluster/decision.hpp"
#include "schemas/platform/service_level_kind.hpp"

namespace millrace::actors {

struct service_level {
  using schema = millrace::service_level::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
};

/// A service level with its name.
struct named_service_level {
  std::string name;
  millrace::service_level::DefinitionT definition;
};
/// What every plant is measured by unless it defines otherwise.
[[nodiscard]] std::vector<named_service_level> default_service_levels();

}  // namespace millrace::actors
