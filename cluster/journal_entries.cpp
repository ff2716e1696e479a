// Reads entries with their chain out of the journal environment.
#include "cluster/journal_entries.hpp"

#include <algorithm>

#include "cluster/entry.hpp"
#include "cluster/journal.hpp"
#include "cluster/journal_rows.hpp"

namespace millrace {
namespace {

constexpr std::size_t probe_bytes = 1;  // reads of one entry

bytes bytes_of(const chain_hash& chain) { return {chain.begin(), chain.end()}; }

/// The stamp of the first command at or after an index; not given when there is none up to `last`.
result<timestamp> stamp_from(store_snapshot& snapshot, group_number group, journal_index index,
                             journal_index last) {
  for (; index <= last; ++index) {
    const auto one = read_journal(snapshot, group, index, index, probe_bytes);
    if (!one) return one.error();
    const auto& e = one->front().entry;
    if (e.type == entry_type::command) return entry_view::trusted(*e.payload).stamp();
  }
  return timestamp();
}

/// The first index in [first, last] from which on nothing is stamped before `since`; last + 1 when
/// everything is.
result<journal_index> index_since(store_snapshot& snapshot, group_number group, journal_index first,
                                  journal_index last, timestamp since) {
  auto low = first;
  auto high = last + 1;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    const auto stamp = stamp_from(snapshot, group, middle, last);
    if (!stamp) return stamp.error();
    if (!stamp->given() || *stamp >= since)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

}  // namespace

result<entry_page> read_entries(store& journal_store, group_number group, const entry_query& q,
                                journal_index applied) {
  auto opened = journal_store.snapshot();
  if (!opened) return opened.error();
  auto& snapshot = **opened;
  const auto own = journal_rows::read_group(snapshot, group);
  if (!own) return own.error();
  const auto oldest = own->anchor.index + 1;
  if (q.from != 0 && q.from < oldest)
    return error{"cursor.expired", "the journal begins at " + std::to_string(oldest)};
  const auto last = q.to == 0 ? applied : std::min<journal_index>(q.to, applied);
  auto first = std::max<journal_index>(q.from, oldest);
  if (q.since.given() && first <= last) {
    const auto found = index_since(snapshot, group, first, last, q.since);
    if (!found) return found.error();
    first = *found;
  }
  entry_page page;
  page.generation = own->generation;
  page.next = first;
  page.at_end = first > last;
  if (page.at_end) return page;
  page.before = bytes_of(own->anchor.chain);
  if (first > oldest) {
    const auto before = read_journal(snapshot, group, first - 1, first - 1, probe_bytes);
    if (!before) return before.error();
    page.before = bytes_of(before->front().chain);
  }
  const auto limit = std::clamp<std::uint32_t>(q.limit, 1, 1000);
  auto read = read_journal(snapshot, group, first, std::min<journal_index>(last, first + limit - 1),
                           entry_page_bytes);
  if (!read) return read.error();
  for (const auto& e : *read) {
    auto& one = page.entries.emplace_back();
    one.index = e.entry.index;
    one.term = e.entry.term;
    one.type = static_cast<std::uint8_t>(e.entry.type);
    one.chain = bytes_of(e.chain);
    if (e.entry.payload) one.payload = *e.entry.payload;
  }
  page.next = page.entries.back().index + 1;
  page.at_end = page.next > last;
  return page;
}

}  // namespace millrace
