// What the servers of a group say to each other, as plain structs: the group core takes and gives
// them, the wire format (peer_wire.hpp) carries them. Raft's words.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "cluster/log_entry.hpp"

namespace millrace {

struct request_vote {
  term_number term = 0;
  node_number candidate = 0;
  journal_index last_index = 0;  // the candidate's durable log ends here
  term_number last_term = 0;
  bool disrupt_leader = false;  // a transfer: voters may leave their leader for it
  bool pre_vote = false;
  bool operator==(const request_vote&) const = default;
};

struct request_vote_result {
  term_number term = 0;
  bool granted = false;
  bool pre_vote = false;
  bool operator==(const request_vote_result&) const = default;
};

struct append_entries {
  term_number term = 0;
  journal_index previous_index = 0;
  term_number previous_term = 0;
  journal_index commit = 0;
  std::vector<log_entry> entries;  // consecutive from previous_index + 1
  /// Outgoing only: so many of the first entries are not in memory any more; whoever sends the
  /// message reads them from the journal first.
  std::uint32_t missing = 0;
};

struct append_entries_result {
  term_number term = 0;
  journal_index rejected = 0;    // the previous index that did not fit; 0 = success
  journal_index last_index = 0;  // durable and matching up to here; when rejected a hint
  bool operator==(const append_entries_result&) const = default;
};

/// What a snapshot is. It is handed to a group only when its content is in place (libraft moves no
/// content in pieces).
struct install_snapshot {
  term_number term = 0;
  journal_index index = 0;
  term_number index_term = 0;
  journal_index configuration_index = 0;
  bytes configuration;
  bytes chain;  // of the entry at `index`; filled in by who knows the journal
  bool operator==(const install_snapshot&) const = default;
};

struct timeout_now {
  term_number term = 0;
  journal_index last_index = 0;
  term_number last_term = 0;
  bool operator==(const timeout_now&) const = default;
};

using peer_message = std::variant<request_vote, request_vote_result, append_entries,
                                  append_entries_result, install_snapshot, timeout_now>;

/// A message with its other end: the receiver of what goes out, the sender of what came in.
struct group_message {
  node_number peer = 0;
  peer_message what;
};

[[nodiscard]] inline term_number term_of(const peer_message& m) {
  return std::visit([](const auto& what) { return what.term; }, m);
}

/// A process's start of a group: what is below this was there when it began.
struct boot_position {
  term_number term = 0;
  journal_index last = 0;
  bool operator==(const boot_position&) const = default;
};

/// Who sends: its directory's incarnation and how often that was started (identity.hpp).
struct peer_identity {
  std::uint64_t incarnation = 0;
  std::uint64_t boots = 0;
  bool operator==(const peer_identity&) const = default;
};

}  // namespace millrace
