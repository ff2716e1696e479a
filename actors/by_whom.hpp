// Who stands behind a command, as events keep it.
#pragma once

#include <string>

#include "cluster/decision.hpp"

namespace millrace::actors {

/// The person where one is named, else the principal.
[[nodiscard]] inline std::string by_whom(const context& ctx) {
  const auto& from = ctx.from();
  return std::string(from.on_behalf_of.empty() ? from.principal : from.on_behalf_of);
}

}  // namespace millrace::actors
