// Reads and writes the logs of all groups. Memory holds each group's metadata, the end of its log
// and the entries that wait in turns; payloads are copied only into the row of a turn.
#include "cluster/journal.hpp"

#include <algorithm>
#include <utility>

#include "cluster/check.hpp"
#include "cluster/journal_rows.hpp"
#include "cluster/journal_turns.hpp"

namespace millrace {

namespace rows = journal_rows;

namespace {

constexpr std::size_t image_slice_bytes = 8 * 1024 * 1024;

using rows::put_field;

void put_committed(write_batch& to, group_number number, journal_index committed) {
  bytes value;
  rows::writer(value).number(committed);
  put_field(to, number, rows::field::committed, value);
}

/// The entry at `index`, or what the anchor knows of it.
result<journal_anchor> at(store_snapshot& snapshot, const journal_group& g, journal_index index) {
  if (index == g.anchor.index) return g.anchor;
  if (index < g.anchor.index)
    return rows::damaged(g.number, index, "is before the journal's anchor");
  const auto key = rows::entry_key(g.number, index);
  auto row = snapshot.get(journal_table::entries, key);
  if (!row) return row.error();
  if (!row->has_value()) {
    auto waiting = rows_in_turns(snapshot, g.number, index, index);
    if (!waiting) return waiting.error();
    if (waiting->empty()) return rows::damaged(g.number, index, "the entry is missing");
    *row = waiting->begin()->second;
  }
  auto entry = rows::parse_entry(key, **row, false);
  if (!entry) return entry.error();
  return journal_anchor{index, entry->entry.term, entry->chain};
}

}  // namespace

// --- reading ---

result<std::vector<journal_entry>> read_journal(store_snapshot& snapshot, group_number group,
                                                journal_index from, journal_index to,
                                                std::size_t bytes_max) {
  std::vector<journal_entry> out;
  if (from > to) return out;
  auto cursor = snapshot.scan(journal_table::entries);
  if (!cursor) return cursor.error();
  auto found = (*cursor)->seek(rows::entry_key(group, from));
  std::size_t size = 0;
  std::optional<std::map<journal_index, bytes_view>> waiting;  // read when the table ends
  for (journal_index index = from; index <= to; ++index) {
    if (!found) return found.error();
    const auto want = rows::entry_key(group, index);
    bytes_view value;
    if (!waiting && *found && std::ranges::equal((*cursor)->key(), want)) {
      value = (*cursor)->value();
    } else {
      if (!waiting) {
        auto rest = rows_in_turns(snapshot, group, index, to);
        if (!rest) return rest.error();
        waiting = std::move(*rest);
      }
      const auto row = waiting->find(index);
      if (row == waiting->end()) return rows::damaged(group, index, "the entry is missing");
      value = row->second;
    }
    if (!out.empty() && size + value.size() > bytes_max) break;
    size += value.size();
    auto entry = rows::parse_entry(want, value, true);
    if (!entry) return entry.error();
    out.push_back(std::move(*entry));
    if (index < to && !waiting) found = (*cursor)->next();
  }
  return out;
}

journal::journal(store& on, guards on_guards, turn_limits limits)
    : store_(on), guards_(on_guards), turns_(std::make_unique<turn_log>(limits)) {}

journal::~journal() = default;

result<journal_group> journal::load_group(store_snapshot& snapshot, group_number number) const {
  auto g = rows::read_group(snapshot, number);
  if (!g) return g;
  g->last = g->anchor.index;
  g->last_term = g->anchor.term;
  g->head = g->anchor.chain;
  auto cursor = snapshot.scan(journal_table::entries);
  if (!cursor) return cursor.error();
  auto found = (*cursor)->seek_before(rows::entry_key(number + 1, 0));
  if (!found) return found.error();
  const auto where = *found ? rows::parse_entry_key((*cursor)->key()) : std::nullopt;
  if (where && where->first == number) {
    auto last = rows::parse_entry((*cursor)->key(), (*cursor)->value(), false);
    if (!last) return last.error();
    if (last->entry.index <= g->anchor.index)
      return rows::damaged(number, last->entry.index, "an entry stands before the anchor");
    g->last = last->entry.index;
    g->last_term = last->entry.term;
    g->head = last->chain;
  }
  if (g->last < g->committed || g->last < g->snapshot.index)
    return rows::damaged(number, g->last, "the log ends before what was committed");
  return g;
}

result<void> journal::load() {
  groups_.clear();
  if (auto moved = turns_->recover(store_); !moved) return moved;
  auto snapshot = store_.snapshot();
  if (!snapshot) return snapshot.error();
  auto cursor = (*snapshot)->scan(journal_table::groups);
  if (!cursor) return cursor.error();
  auto found = (*cursor)->seek({});
  while (found && *found) {
    const auto key = rows::parse_field_key((*cursor)->key());
    if (!key) return error{"journal.damaged", "a metadata key has the wrong length"};
    auto g = load_group(**snapshot, key->first);
    if (!g) return g.error();
    groups_.emplace(key->first, std::move(*g));
    found = (*cursor)->seek(rows::field_key(key->first + 1, rows::field{0}));
  }
  if (!found) return found.error();
  return {};
}

const journal_group* journal::find(std::string_view name) const {
  for (const auto& [number, g] : groups_)
    if (g.name == name) return &g;
  return nullptr;
}

const journal_group* journal::find(group_number number) const {
  const auto found = groups_.find(number);
  return found == groups_.end() ? nullptr : &found->second;
}

std::vector<const journal_group*> journal::groups() const {
  std::vector<const journal_group*> out;
  for (const auto& [number, g] : groups_) out.push_back(&g);
  return out;
}

result<chain_hash> journal::chain_at(group_number number, journal_index index) const {
  const journal_group* g = find(number);
  check(g != nullptr);
  auto snapshot = store_.snapshot();
  if (!snapshot) return snapshot.error();
  auto found = at(**snapshot, *g, index);
  if (!found) return found.error();
  return found->chain;
}

result<group_image> journal::image(group_number number, journal_index trailing) const {
  const journal_group* g = find(number);
  check(g != nullptr);
  auto snapshot = store_.snapshot();
  if (!snapshot) return snapshot.error();
  auto before = at(**snapshot, *g, g->snapshot.index);
  if (!before) return before.error();
  if (before->term != g->snapshot.term)
    return rows::damaged(number, g->snapshot.index, "its term is not the snapshot's");
  const journal_index back = std::min(trailing, g->snapshot.index - g->anchor.index);
  if (back > 0) before = at(**snapshot, *g, g->snapshot.index - back);
  if (!before) return before.error();
  group_image out;
  out.hard = g->hard;
  out.snapshot = g->snapshot;
  out.committed = g->committed;
  out.acknowledged = g->acknowledged;
  chain_hasher hasher;
  journal_anchor end = *before;
  while (end.index < g->last) {
    auto slice = read_journal(**snapshot, number, end.index + 1, g->last, image_slice_bytes);
    if (!slice) return slice.error();
    for (journal_entry& e : *slice) {
      if (e.entry.term < end.term || e.entry.term > g->hard.term)
        return rows::damaged(number, e.entry.index, "its term is out of order");
      if (hasher.next(end.chain, g->generation, e.entry) != e.chain)
        return rows::damaged(number, e.entry.index, "the chain is broken");
      end = {e.entry.index, e.entry.term, e.chain};
      if (e.entry.type != entry_type::change) e.entry.payload = nullptr;
      out.tail.push_back(std::move(e.entry));
    }
  }
  return out;
}

// --- writing ---

result<group_number> journal::create(write_batch& to, const std::string& name,
                                     std::uint32_t generation) {
  if (name.empty() || name.size() > group_name_bytes_max)
    return error{"id.invalid", "a group's name has 1 to 200 bytes"};
  check(find(name) == nullptr);
  journal_group g;
  g.number = groups_.empty() ? 1 : groups_.rbegin()->first + 1;
  g.name = name;
  g.generation = generation;
  g.anchor.chain = hasher_.genesis(name);
  g.head = g.anchor.chain;
  bytes named;
  rows::writer(named)
      .number(generation)
      .raw(bytes_view(reinterpret_cast<const std::uint8_t*>(name.data()), name.size()));
  put_field(to, g.number, rows::field::name, named);
  put_field(to, g.number, rows::field::hard, rows::encode(g.hard));
  put_field(to, g.number, rows::field::anchor, rows::encode(g.anchor));
  put_field(to, g.number, rows::field::snapshot, rows::encode(g.snapshot));
  put_committed(to, g.number, g.committed);
  const group_number number = g.number;
  groups_.emplace(number, std::move(g));
  return number;
}

result<group_number> journal::found(write_batch& to, const std::string& name,
                                    std::uint32_t generation, const membership& members) {
  auto number = create(to, name, generation);
  if (!number) return number;
  group_output first;
  first.hard = hard_state{1, 0};
  first.append.push_back(
      {1, 1, entry_type::change, std::make_shared<const bytes>(members.encode())});
  if (auto ok = write(to, *number, first, 1); !ok) return ok.error();
  end_turn(to);
  return number;
}

result<group_number> journal::found(write_batch& to, const std::string& name,
                                    std::uint32_t generation, node_number self) {
  return found(to, name, generation, membership::of_voters(std::span(&self, 1)));
}

result<group_number> journal::join(write_batch& to, const std::string& name,
                                   std::uint32_t generation) {
  return create(to, name, generation);
}

/// The log begins anew after a snapshot whose content is in place.
void journal::install(write_batch& to, journal_group& g, const group_output& output) {
  check(output.install_chain.size() == sizeof(chain_hash));
  turns_->settle_all(to);
  to.erase_range(journal_table::entries, rows::entry_key(g.number, 0),
                 rows::entry_key(g.number + 1, 0));
  g.snapshot = *output.install;
  g.anchor.index = g.last = g.committed = g.snapshot.index;
  g.anchor.term = g.last_term = g.snapshot.term;
  std::copy(output.install_chain.begin(), output.install_chain.end(), g.anchor.chain.begin());
  g.head = g.anchor.chain;
  put_field(to, g.number, rows::field::anchor, rows::encode(g.anchor));
  put_field(to, g.number, rows::field::snapshot, rows::encode(g.snapshot));
  put_committed(to, g.number, g.committed);
}

result<void> journal::truncate(write_batch& to, journal_group& g, journal_index from) {
  if (from <= g.committed || from > g.last)
    return error{"group.unsafe", "truncation of group " + g.name + " at " + std::to_string(from)};
  auto snapshot = store_.snapshot();
  if (!snapshot) return snapshot.error();
  auto before = at(**snapshot, g, from - 1);
  if (!before) return before.error();
  turns_->settle_all(to);
  to.erase_range(journal_table::entries, rows::entry_key(g.number, from),
                 rows::entry_key(g.number + 1, 0));
  g.last = before->index;
  g.last_term = before->term;
  g.head = before->chain;
  return {};
}

result<void> journal::write(write_batch& to, group_number number, const group_output& output,
                            journal_index committed) {
  const auto found = groups_.find(number);
  check(found != groups_.end());
  journal_group& g = found->second;
  if (output.hard) {
    const bool second_vote = output.hard->term == g.hard.term && g.hard.voted_for != 0 &&
                             output.hard->voted_for != g.hard.voted_for;
    if (guards_.one_vote_per_term && (output.hard->term < g.hard.term || second_vote))
      return error{"group.unsafe",
                   "group " + g.name + ": a second vote in a term, or a lower term"};
    g.hard = *output.hard;
    put_field(to, number, rows::field::hard, rows::encode(g.hard));
  }
  if (output.install) install(to, g, output);
  if (output.truncate_from)
    if (auto ok = truncate(to, g, *output.truncate_from); !ok) return ok;
  for (const log_entry& e : output.append) {
    check(e.index == g.last + 1);
    check(e.term >= g.last_term);
    g.head = hasher_.next(g.head, g.generation, e);
    g.last = e.index;
    g.last_term = e.term;
    turns_->add(number, e, g.head);
  }
  if (output.snapshot) {
    g.snapshot = *output.snapshot;
    put_field(to, number, rows::field::snapshot, rows::encode(g.snapshot));
  }
  if (!output.empty() && !output.acknowledged.empty()) {
    for (const auto& [node, a] : output.acknowledged) g.acknowledged[node] = a;
    put_field(to, number, rows::field::acknowledged, rows::encode(g.acknowledged));
  }
  if (!output.empty() && committed > g.committed) {
    g.committed = committed;
    put_committed(to, number, committed);
  }
  return {};
}

void journal::end_turn(write_batch& to) { turns_->end_turn(to); }

result<bool> journal::retain_from(write_batch& to, group_number number, journal_index first) {
  const auto found = groups_.find(number);
  check(found != groups_.end());
  journal_group& g = found->second;
  const journal_index last_cut =
      std::min({first == 0 ? 0 : first - 1, g.snapshot.index, g.anchor.index + retain_entries_max});
  if (last_cut <= g.anchor.index) return false;
  auto snapshot = store_.snapshot();
  if (!snapshot) return snapshot.error();
  auto anchor = at(**snapshot, g, last_cut);
  if (!anchor) return anchor.error();
  turns_->settle(to, number);
  to.erase_range(journal_table::entries, rows::entry_key(number, g.anchor.index + 1),
                 rows::entry_key(number, last_cut + 1));
  g.anchor = *anchor;
  put_field(to, number, rows::field::anchor, rows::encode(g.anchor));
  if (std::exchange(g.history_from, 0) != 0) rows::erase_field(to, number, rows::field::history);
  return true;
}

}  // namespace millrace
