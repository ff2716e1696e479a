// Where an actor lives, and who speaks to it.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "schemas/model.hpp"

namespace millrace {

inline constexpr std::size_t id_bytes_max = 80;

/// `plant/kind/id`, e.g. hamburg/order/1000042. Ids are case-sensitive and never trimmed.
struct address {
  std::string plant;
  std::string kind;
  std::string id;
  auto operator<=>(const address&) const = default;
  [[nodiscard]] std::string local() const { return kind + '/' + id; }  // "order/1000042"
  [[nodiscard]] std::string to_string() const { return plant + '/' + kind + '/' + id; }
};

/// Splits "kind/id" at the first '/'.
[[nodiscard]] constexpr std::pair<std::string_view, std::string_view> split_local(
    std::string_view local) {
  const auto slash = local.find('/');
  if (slash == std::string_view::npos) return {local, {}};
  return {local.substr(0, slash), local.substr(slash + 1)};
}

/// Who sent a command, and which systems it speaks for.
struct principal {
  std::string name;
  system_set systems = 0;
  std::string on_behalf_of;
};

}  // namespace millrace
