// What waits for a second person: a command that was parked as it is, under a code of its own, with
// who has asked for it.
#pragma once

#include <string>
#include <string_view>

namespace millrace {

/// Code of a parked command that no change of the actor posts: a second person approves of it.
inline constexpr std::string_view approval_needed = "approval.needed";

/// Who has asked: the client, and the person behind it where one was named. A parked fact has room
/// for one text: "client", or "person (client)".
struct requester {
  std::string_view client, person;
};
[[nodiscard]] inline std::string requester_text(std::string_view client, std::string_view person) {
  if (person.empty()) return std::string(client);
  return std::string(person) + " (" + std::string(client) + ')';
}
[[nodiscard]] inline requester parse_requester(std::string_view text) {
  const auto open = text.rfind(" (");
  if (open == std::string_view::npos || text.back() != ')') return {text, {}};
  return {text.substr(open + 2, text.size() - open - 3), text.substr(0, open)};
}

/// Whether two callers may be one person: a client that names nobody cannot be told from others of
/// its name.
[[nodiscard]] inline bool may_be_same(requester a, requester b) {
  if (!a.person.empty() && !b.person.empty()) return a.person == b.person;
  return a.client == b.client;
}

}  // namespace millrace
