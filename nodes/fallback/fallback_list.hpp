// What the floor needs on paper while the platform is away: the orders that may be worked on, what
// is held, what may be used. Taken in time, since a platform that is down lists nothing.
#pragma once

#include <string>
#include <vector>

#include "nodes/onboarding/importer.hpp"
#include "schemas/result.hpp"

namespace millrace::fallback {

/// An operation of an open order, and what is still to be made at it.
struct order_line {
  std::string order, material, operation, work_center, planned, done, unit, status, due;
};
/// An open hold of a lot or an order. An empty quantity is all of it.
struct held_line {
  std::string subject, hold, type, quantity, unit, location, reason, by, since;
};
/// What may be used of a lot: by anyone, or by the order that it is reserved for.
struct usable_line {
  std::string batch, material, quantity, unit, order, expires;
};

struct list {
  std::string plant, as_of;  // UTC
  std::vector<order_line> orders;
  std::vector<held_line> held;
  std::vector<usable_line> usable;
};

/// Reads all open orders and all lots of the plant, page by page. Errors: those of node_client.
[[nodiscard]] result<list> read_list(onboarding_file::node_client& node, const std::string& plant);

/// One page after the other for the printer: 100 columns, a space to write into.
[[nodiscard]] std::string as_text(const list& of);
/// One table: section, id, material, operation, place, quantity, done, unit, status, reason, by,
/// since.
[[nodiscard]] std::string as_csv(const list& of);

}  // namespace millrace::fallback
