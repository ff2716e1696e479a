// Records of the journal as readers see them: events (the kinds' and the platform's own), hops of a
// transaction, parked facts. Pure functions over one entry.
#pragma once

#include <string_view>
#include <vector>

#include "cluster/engine.hpp"
#include "cluster/kind.hpp"
#include "cluster/log_entry.hpp"

namespace millrace {

/// Appends the entry's events strictly after (q.index, q.ordinal) that the query wants; ordinals
/// count from 1 in an entry. The page's next position moves on. False when the page is full.
[[nodiscard]] bool append_events(const kind_registry& kinds, std::string_view plant,
                                 const log_entry& e, const event_query& q, std::size_t limit,
                                 event_page& page);
/// Appends what the entry's records of that correlation say, in order.
void append_hops(const kind_registry& kinds, const log_entry& e, std::string_view correlation,
                 std::vector<hop>& out);
/// Completes the view of a fact that the entry's record `ordinal` parked.
void append_parked(const kind_registry& kinds, const log_entry& e, std::uint32_t ordinal,
                   exception_view& out);

}  // namespace millrace
