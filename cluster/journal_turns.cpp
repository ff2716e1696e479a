// Rows of turns: written whole, moved group by group, erased once nothing in them waits.
#include "cluster/journal_turns.hpp"

#include <algorithm>

#include "cluster/check.hpp"

namespace millrace {

namespace rows = journal_rows;

namespace {

using turn_key_bytes = std::array<std::uint8_t, 8>;

turn_key_bytes turn_key(std::uint64_t turn) {
  turn_key_bytes key{};
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::uint8_t>(turn >> (8 * (key.size() - 1 - i)));
  return key;
}

std::string name_of(bytes_view key) {
  std::uint64_t turn = 0;
  for (const auto b : key) turn = turn << 8 | b;
  return std::to_string(turn);
}

template <class F>
result<void> each_turn(store_snapshot& snapshot, F take) {
  auto cursor = snapshot.scan(journal_table::turns);
  if (!cursor) return cursor.error();
  auto found = (*cursor)->seek({});
  for (; found && *found; found = (*cursor)->next()) {
    auto items = parse_turn((*cursor)->key(), (*cursor)->value());
    if (!items) return items.error();
    if (auto ok = take((*cursor)->key(), *items); !ok) return ok;
  }
  if (!found) return found.error();
  return {};
}

}  // namespace

result<std::vector<turn_item>> parse_turn(bytes_view key, bytes_view value) {
  std::vector<turn_item> out;
  rows::reader in(value);
  while (!in.done()) {
    turn_item item;
    item.group = in.number<group_number>();
    item.index = in.number<journal_index>();
    const auto size = in.number<std::uint32_t>();
    if (!in.ok() || size > in.rest().size() || size < journal_head_bytes)
      return error{"journal.damaged", "turn " + name_of(key) + ": an entry's length"};
    item.row = in.take(size);
    out.push_back(item);
  }
  return out;
}

result<std::map<journal_index, bytes_view>> rows_in_turns(store_snapshot& snapshot,
                                                          group_number group, journal_index from,
                                                          journal_index to) {
  std::map<journal_index, bytes_view> out;
  auto done = each_turn(snapshot, [&](bytes_view, const std::vector<turn_item>& items) {
    for (const auto& item : items)
      if (item.group == group && item.index >= from && item.index <= to) out[item.index] = item.row;
    return result<void>();
  });
  if (!done) return done.error();
  return out;
}

result<void> turn_log::recover(store& on) {
  check(fresh_.empty() && waiting_.empty());
  auto snapshot = on.snapshot();
  if (!snapshot) return snapshot.error();
  write_batch batch;
  auto moved = each_turn(**snapshot, [&](bytes_view key, const std::vector<turn_item>& items) {
    for (const auto& item : items) {
      const auto entry_key = rows::entry_key(item.group, item.index);
      if (auto sound = rows::parse_entry(entry_key, item.row, false); !sound)
        return result<void>(sound.error());
      const auto group = rows::read_group(**snapshot, item.group);
      if (!group) return result<void>(group.error());
      if (item.index <= group->anchor.index) continue;  // it had moved, and retention has passed it
      batch.put(journal_table::entries, entry_key, item.row);
    }
    batch.erase(journal_table::turns, key);
    return result<void>();
  });
  if (!moved || batch.empty()) return moved;
  return on.commit(batch.writes());
}

void turn_log::add(group_number group, const log_entry& entry, const chain_hash& chain) {
  stored_row row;
  row.index = entry.index;
  row.head = rows::entry_head(rows::entry_key(group, entry.index), entry, chain);
  row.payload = entry.payload;
  fresh_.emplace_back(group, std::move(row));
}

bool turn_log::worth_a_turn() const {
  std::size_t groups = 0, size = 0;
  group_number last = 0;
  for (const auto& [group, row] : fresh_) {
    groups += group != last ? 1 : 0;
    last = group;
    size += row.size();
  }
  return groups >= limits_.groups_min && size <= limits_.turn_bytes_max &&
         size <= fresh_.size() * limits_.entry_bytes_max;
}

void turn_log::put(write_batch& to, group_number group, const stored_row& row) {
  to.put(journal_table::entries, rows::entry_key(group, row.index), row.head, row.payload);
}

void turn_log::put_turn(write_batch& to) {
  scratch_.clear();
  rows::writer out(scratch_);
  const auto turn = next_turn_++;
  for (auto& [group, row] : fresh_) {
    out.number(group).number(row.index).number(static_cast<std::uint32_t>(row.size()));
    out.raw(row.head);
    if (row.payload) out.raw(*row.payload);
    row.turn = turn;
    waiting_bytes_ += row.size();
    auto& queue = waiting_[group];
    if (queue.empty()) order_.push_back(group);
    queue.push_back(std::move(row));
  }
  turns_[turn] = fresh_.size();
  to.append(journal_table::turns, turn_key(turn), scratch_);
}

void turn_log::end_turn(write_batch& to) {
  if (fresh_.empty()) return;
  if (worth_a_turn()) {
    if (turns_.size() >= limits_.turns_min) settle(to, order_.front());
    while (waiting_bytes_ > limits_.waiting_bytes_max) settle(to, order_.front());
    put_turn(to);
  } else {
    for (const auto& [group, row] : fresh_) {
      settle(to, group);  // its entries stay without a gap
      put(to, group, row);
    }
  }
  fresh_.clear();
}

void turn_log::settle(write_batch& to, group_number group) {
  const auto found = waiting_.find(group);
  if (found == waiting_.end()) return;
  for (const auto& row : found->second) {
    put(to, group, row);
    waiting_bytes_ -= row.size();
    --turns_[row.turn];
  }
  waiting_.erase(found);
  std::erase(order_, group);
  erase_turns(to);
}

void turn_log::settle_all(write_batch& to) {
  while (!order_.empty()) settle(to, order_.front());
}

void turn_log::erase_turns(write_batch& to) {
  while (!turns_.empty() && turns_.begin()->second == 0) {
    to.erase(journal_table::turns, turn_key(turns_.begin()->first));
    turns_.erase(turns_.begin());
  }
}

}  // namespace millrace
