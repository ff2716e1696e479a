// The journal environment: the logs of all groups of a node on one store, each record with a CRC
// and a hash chain.
//
//   table 0 entries   group:u32be index:u64be -> crc:u32 type:u8 term:u64 chain:u8[32] payload
//   table 1 groups    group:u32be field:u8    -> crc:u32 value
//     field 1 name        generation:u32 name
//     field 2 hard state  term:u64 voted_for:u64
//     field 3 anchor      index:u64 term:u64 chain:u8[32]     what the log begins after; index 0:
//                         a whole log
//     field 4 committed   index:u64                           durable lazily: up to it all is
//                         history
//     field 5 snapshot    index:u64 term:u64 configuration_index:u64 configuration
//     field 6 acknowledged, or not there   { node:u64 incarnation:u64 boots:u64 term:u64 index:u64
//     }
//                         of every follower, written with the commits that its leader makes anyway
//     field 7 history, or not there   first:u64   entries from there on up to the anchor are still
//                         to be fetched from peers
//   table 2 node      field:u8 -> crc:u32 value               (identity.hpp)
//                     2:u8 node:u64be -> crc:u32 incarnation:u64   of each peer's directory, as it
//                         was heard first
//   table 3 turns     turn:u64be -> entries of many groups    (journal_turns.hpp)
//                     that are not in table 0 yet
//
// Numbers are little-endian unless said. crc is CRC32C over key ++ everything after the crc: a
// record in the wrong place is found too. chain(i) = SHA-256(chain(i-1) generation:u32 index:u64
// term:u64 type:u8 payload); chain(0) = SHA-256("millrace" name).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/chain_hash.hpp"
#include "cluster/group.hpp"
#include "cluster/log_entry.hpp"
#include "cluster/store.hpp"
#include "cluster/write_batch.hpp"

namespace millrace {

inline constexpr std::size_t group_name_bytes_max = 200;
inline constexpr journal_index retain_entries_max = 4096;  // cut by one call of retain_from
inline constexpr std::size_t journal_head_bytes = 45;  // of an entry's value, before the payload

namespace journal_table {
inline constexpr table_id entries = 0;
inline constexpr table_id groups = 1;
inline constexpr table_id node = 2;
inline constexpr table_id turns = 3;
inline constexpr table_id count = 4;
}  // namespace journal_table

struct journal_anchor {
  journal_index index = 0;
  term_number term = 0;
  chain_hash chain{};
};

/// What a group's metadata says, and where its log ends.
struct journal_group {
  group_number number = 0;
  std::string name;
  std::uint32_t generation = 1;
  hard_state hard;
  journal_anchor anchor;
  journal_index committed = 0;
  group_snapshot snapshot;
  acknowledgements acknowledged;
  journal_index history_from = 0;  // wanted before the anchor, from here on; 0 = nothing
  journal_index last = 0;          // of the log; the anchor's when it is empty
  term_number last_term = 0;
  chain_hash head{};  // chain at `last`
};

/// One entry as read.
struct journal_entry {
  log_entry entry;
  chain_hash chain{};
};

/// Reads [from, to] of a group with CRC check, stopping after `bytes_max` of payload (but never
/// before one entry). Any thread. Errors: journal.damaged naming group and index (also for one that
/// is missing), disk.failed.
[[nodiscard]] result<std::vector<journal_entry>> read_journal(store_snapshot& snapshot,
                                                              group_number group,
                                                              journal_index from, journal_index to,
                                                              std::size_t bytes_max);

/// When entries go into the row of a turn first (journal_turns.hpp).
struct turn_limits {
  std::size_t groups_min = 4;  // a turn with fewer groups goes to the table of entries at once,
  std::size_t entry_bytes_max = 16 * 1024;   // as does one whose entries are larger than this each
  std::size_t turn_bytes_max = 1024 * 1024;  // and one that is larger as a whole
  std::size_t turns_min = 16;  // wait until the first group moves, then one with every turn,
  std::size_t waiting_bytes_max = 4 * 1024 * 1024;  // and as many as it takes beyond this
};

class turn_log;

/// Entries that end a journal's missing history: those after `before`, up to its anchor.
struct history_chunk {
  journal_anchor before;
  std::vector<log_entry> entries;  // consecutive
};

/// Writes for many groups. Keeps per group what the next write needs (end of the log, chain head):
/// after a failed commit it must not be used again. Single-threaded.
class journal {
 public:
  /// The store must outlive it.
  explicit journal(store& on, guards on_guards = {}, turn_limits limits = {});
  ~journal();

  /// Reads the metadata of all groups and the last entry of each. Writes what an earlier process
  /// left half way (journal_turns.hpp). Errors: journal.damaged, disk.failed.
  [[nodiscard]] result<void> load();
  [[nodiscard]] const journal_group* find(std::string_view name) const;
  [[nodiscard]] const journal_group* find(group_number number) const;
  [[nodiscard]] std::vector<const journal_group*> groups() const;

  /// A new group with a log of entry 1, the founding configuration, in term 1. Error: id.invalid
  /// (name).
  [[nodiscard]] result<group_number> found(write_batch& to, const std::string& name,
                                           std::uint32_t generation, node_number self);
  /// The same with several voters: each writes the same.
  [[nodiscard]] result<group_number> found(write_batch& to, const std::string& name,
                                           std::uint32_t generation, const membership& members);
  /// A group that is founded elsewhere and takes this node in: an empty log. Error: id.invalid.
  [[nodiscard]] result<group_number> join(write_batch& to, const std::string& name,
                                          std::uint32_t generation);
  /// What libraft starts from. Reads everything after the snapshot, and up to `trailing` entries
  /// before it, and checks CRC, chain, sequence and terms. Errors: journal.damaged naming group and
  /// index, disk.failed.
  [[nodiscard]] result<group_image> image(group_number number, journal_index trailing = 0) const;
  /// The chain hash at an index that is in the journal, or its anchor. Errors: journal.damaged,
  /// disk.failed.
  [[nodiscard]] result<chain_hash> chain_at(group_number number, journal_index index) const;
  /// A step's output as writes, with the lazily durable `committed`. Its entries follow with
  /// end_turn. Error: group.unsafe (guard 11), journal.damaged.
  [[nodiscard]] result<void> write(write_batch& to, group_number number, const group_output& output,
                                   journal_index committed);
  /// The entries of all groups since the last call: before each commit.
  void end_turn(write_batch& to);
  /// Cuts what is below `first`, at most retain_entries_max entries, leaving an anchor; limited to
  /// what the snapshot contains. False when nothing is to be cut. Errors: journal.damaged,
  /// disk.failed.
  [[nodiscard]] result<bool> retain_from(write_batch& to, group_number number, journal_index first);

  // ---- after a snapshot (journal_history.cpp) ----
  /// The state of the group's host begins from a snapshot at that index. When the log does not hold
  /// that entry it begins anew behind it, as after an install that a crash came before. Error:
  /// disk.failed, journal.damaged.
  [[nodiscard]] result<void> adopt(write_batch& to, group_number number,
                                   const group_snapshot& snapshot, const chain_hash& chain);
  /// Entries below the anchor are wanted, from `first` on.
  void want_history(write_batch& to, group_number number, journal_index first);
  /// Puts entries before the anchor that the hash chain proves: computed from `chunk.before` it has
  /// to come to the anchor's. False when they do not fit the anchor (any more), or nothing is
  /// wanted. Error: journal.damaged (they are not the ones that the chain was made of).
  [[nodiscard]] result<bool> back_fill(write_batch& to, group_number number,
                                       const history_chunk& chunk);

 private:
  [[nodiscard]] result<journal_group> load_group(store_snapshot& snapshot,
                                                 group_number number) const;
  [[nodiscard]] result<group_number> create(write_batch& to, const std::string& name,
                                            std::uint32_t generation);
  void install(write_batch& to, journal_group& g, const group_output& output);
  [[nodiscard]] result<void> truncate(write_batch& to, journal_group& g, journal_index from);

  store& store_;
  guards guards_;
  chain_hasher hasher_;
  std::map<group_number, journal_group> groups_;
  std::unique_ptr<turn_log> turns_;
};

}  // namespace millrace
