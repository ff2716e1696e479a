// What a journal entry says to an auditor: who did what, when, why and on whose behalf, one JSON
// object a record. Pure; the same text follows from the same entry anywhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cluster/entry_source.hpp"
#include "schemas/model.hpp"

namespace millrace::audit {

/// Which records are wanted; empty = all.
struct filter {
  std::string actor;      // "kind/id"
  std::string principal;  // who sent it, or the person on whose behalf
  [[nodiscard]] bool all() const { return actor.empty() && principal.empty(); }
};

/// The wanted records of an entry as JSON objects, in order; none of barriers and configurations.
/// Error: journal.damaged (the payload is no entry).
[[nodiscard]] result<std::vector<std::string>> records_of(const schema_model& model,
                                                          const chained_entry& e, const filter& f);
/// Stamp of an entry; not given of barriers and configurations.
[[nodiscard]] timestamp stamp_of(const chained_entry& e);
/// "command", "barrier", "change".
[[nodiscard]] std::string_view type_name(std::uint8_t type);

}  // namespace millrace::audit
