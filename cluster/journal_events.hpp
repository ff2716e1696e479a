// Records of the journal as readers see them: events (the kinds' and the platform's own), hops of a
// transaction, parked facts. Pure functions over one entry.
#pragma once

#include <string_view>
#include <vector>

#include "cluster/engine.hpp"
#include "cluster/journal_reader.hpp"
#include "cluster/kind.hpp"
#include "cluster/log_entry.hpp"

namespace millrace {

/// Appends the entry's events strictly after (q.index, q.ordinal) that the query wants; ordinals
/// count from 1 in an entry. The page's next position moves on. False when the page is full.
[[nodiscard]] bool append_events(const kind_registry& kinds, std::string_view plant,
                                 const log_entry& e, const event_query& q, std::size_t limit,
                                 event_page& page);
/// Bytes of the page's events from the `from`th on; a page ends at `page_bodies_max` of them, or an
/// entry above.
[[nodiscard]] std::size_t bytes_from(const event_page& page, std::size_t from);
inline constexpr std::size_t page_bodies_max = 1024 * 1024;
/// A page of all events up to the applied index, for queries that name no actor and no correlation.
/// Any thread. Errors: journal.damaged, disk.failed, cursor.expired.
[[nodiscard]] result<event_page> read_events(const kind_registry& kinds, std::string_view plant,
                                             journal_reader& journal, const event_query& q,
                                             journal_index applied);
/// Appends what the entry's records of that correlation say, in order.
void append_hops(const kind_registry& kinds, const log_entry& e, std::string_view correlation,
                 std::vector<hop>& out);
/// Completes the view of a fact that the entry's record `ordinal` parked.
void append_parked(const kind_registry& kinds, const log_entry& e, std::uint32_t ordinal,
                   exception_view& out);

}  // namespace millrace
