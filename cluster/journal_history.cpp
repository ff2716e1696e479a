// A journal that begins behind a snapshot: how it comes to do so, and how what lies before is put
// back. Entries come from peers, but nothing is taken on trust: the chain hash of the last one is
// known, and only the very entries that it was made of come to it.
#include <algorithm>

#include "cluster/check.hpp"
#include "cluster/journal.hpp"
#include "cluster/journal_rows.hpp"

namespace millrace {

namespace rows = journal_rows;

result<void> journal::adopt(write_batch& to, group_number number, const group_snapshot& snapshot,
                            const chain_hash& chain) {
  const auto found = groups_.find(number);
  check(found != groups_.end());
  const journal_group& g = found->second;
  if (g.anchor.index >= snapshot.index) return {};  // retention has passed it since
  if (g.last >= snapshot.index) {
    const auto held = chain_at(number, snapshot.index);
    if (!held) return held.error();
    if (*held == chain) return {};
  }
  group_output begins;
  if (g.hard.term < snapshot.term) begins.hard = hard_state{snapshot.term, 0};
  begins.install = snapshot;
  begins.install_chain.assign(chain.begin(), chain.end());
  return write(to, number, begins, snapshot.index);
}

void journal::want_history(write_batch& to, group_number number, journal_index first) {
  const auto found = groups_.find(number);
  check(found != groups_.end());
  bytes value;
  rows::writer(value).number(first);
  found->second.history_from = first;
  rows::put_field(to, number, rows::field::history, value);
}

result<bool> journal::back_fill(write_batch& to, group_number number, const history_chunk& chunk) {
  const auto found = groups_.find(number);
  check(found != groups_.end());
  journal_group& g = found->second;
  const auto& entries = chunk.entries;
  if (entries.empty() || entries.back().index != g.anchor.index || g.history_from == 0 ||
      entries.front().index != chunk.before.index + 1)
    return false;
  std::vector<chain_hash> chain{chunk.before.chain};
  term_number term = chunk.before.term;
  journal_index next = chunk.before.index;
  for (const auto& e : entries) {
    if (e.index != ++next || e.term < term || !e.payload)
      return rows::damaged(number, e.index, "history that is out of order");
    term = e.term;
    chain.push_back(hasher_.next(chain.back(), g.generation, e));
  }
  const bool whole = chunk.before.index > 0 || chunk.before.chain == hasher_.genesis(g.name);
  if (chain.back() != g.anchor.chain || term != g.anchor.term || !whole)
    return rows::damaged(number, g.anchor.index, "history that does not lead to the chain");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto key = rows::entry_key(number, entries[i].index);
    to.put(journal_table::entries, key, rows::entry_head(key, entries[i], chain[i + 1]),
           entries[i].payload);
  }
  g.anchor = chunk.before;
  rows::put_field(to, number, rows::field::anchor, rows::encode(g.anchor));
  if (g.anchor.index < g.history_from) {
    g.history_from = 0;
    rows::erase_field(to, number, rows::field::history);
  }
  return true;
}

}  // namespace millrace
