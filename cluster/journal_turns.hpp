// What one commit holds of many groups, as one row. Each group's entries lie next to each other in
// the table of entries, so that a commit for many groups changes a page or more for each of them,
// all over the file; the disk takes several times as long for that as for the same bytes in one
// place. The first commit therefore writes one row with everything, and entries move into their
// table later, one group's of many turns at once. Which way they come there nobody sees: readers
// look in both tables of one snapshot.
//
//   table 3 turns   turn:u64be -> { group:u32 index:u64 size:u32 row:u8[size] }
//
// `row` is the entry's row as in the table of entries, with the CRC over the key that it has there.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "cluster/journal_rows.hpp"

namespace millrace {

/// An entry in the row of a turn.
struct turn_item {
  group_number group = 0;
  journal_index index = 0;
  bytes_view row;
};

/// The items of a turn's row, in order. Error: journal.damaged.
[[nodiscard]] result<std::vector<turn_item>> parse_turn(bytes_view key, bytes_view value);

/// Rows of a group's entries [from, to] that stand in turns, by index. The views live as long as
/// the snapshot. Errors: journal.damaged, disk.failed.
[[nodiscard]] result<std::map<journal_index, bytes_view>> rows_in_turns(store_snapshot& snapshot,
                                                                        group_number group,
                                                                        journal_index from,
                                                                        journal_index to);

/// The writer's side. Single-threaded; after a failed commit it must not be used again.
class turn_log {
 public:
  explicit turn_log(turn_limits limits) : limits_(limits) {}

  /// Moves everything that an earlier process left in turns. Before anything else. Errors:
  /// journal.damaged naming group and index, disk.failed.
  [[nodiscard]] result<void> recover(store& on);
  /// An entry of this turn. Those of one group come in order.
  void add(group_number group, const log_entry& entry, const chain_hash& chain);
  /// Writes what was added, and moves some of what waits.
  void end_turn(write_batch& to);
  /// Moves all of a group that waits from earlier turns.
  void settle(write_batch& to, group_number group);
  /// Moves all that waits: no turn is left, so that none brings back what is erased next.
  void settle_all(write_batch& to);

 private:
  struct stored_row {
    journal_index index = 0;
    std::array<std::uint8_t, journal_head_bytes> head{};
    shared_bytes payload;
    std::uint64_t turn = 0;
    [[nodiscard]] std::size_t size() const { return head.size() + (payload ? payload->size() : 0); }
  };
  using fresh_row = std::pair<group_number, stored_row>;

  [[nodiscard]] bool worth_a_turn() const;
  static void put(write_batch& to, group_number group, const stored_row& row);
  void put_turn(write_batch& to);
  void erase_turns(write_batch& to);

  turn_limits limits_;
  std::vector<fresh_row> fresh_;                            // of this turn
  std::map<group_number, std::deque<stored_row>> waiting_;  // in turns
  std::deque<group_number> order_;                          // of those, who waits longest first
  std::map<std::uint64_t, std::size_t> turns_;              // stored ones: rows that wait in them
  std::size_t waiting_bytes_ = 0;
  std::uint64_t next_turn_ = 1;
  bytes scratch_;
};

}  // namespace millrace
