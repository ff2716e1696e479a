// What waits for a second person: a command that was parked as it is, under a code of its own, with
// who has asked for it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "schemas/text.hpp"

namespace millrace {

struct table_model;

/// Code of a parked command that no change of the actor posts: a second person approves of it.
inline constexpr std::string_view approval_needed = "approval.needed";

/// Who has asked: the client, and the person behind it where one was named. A parked fact has room
/// for one text: "client", or "person (client)". A client's name has no parentheses
/// (is_client_name), so that no name of a person is taken for a client's.
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

/// Whether two callers may be one person: the same name is the same person through whatever client
/// it comes, a client that names nobody cannot be told from any other of its name, nor from the
/// person that it is called after.
[[nodiscard]] inline bool may_be_same(requester a, requester b) {
  const auto person_a = person_key(a.person), person_b = person_key(b.person);
  const auto client_a = person_key(a.client), client_b = person_key(b.client);
  const bool both_named = !person_a.empty() && !person_b.empty();
  if (!both_named && client_a == client_b) return true;
  return (person_a.empty() ? client_a : person_a) == (person_b.empty() ? client_b : person_b);
}

/// The person that a verified command names in a field of its own (`person`), empty when none. It
/// points into `body`.
[[nodiscard]] std::string_view person_named_in(const table_model& command,
                                               std::span<const std::uint8_t> body);

}  // namespace millrace
