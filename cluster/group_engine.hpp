// The inside of the group core: libraft's server and what has to be known around it. Included by
// group*.cpp only.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cluster/check.hpp"
#include "cluster/group.hpp"

// raft.h does not compile as C++ with its assertions (sizeof of an anonymous struct); raft_sizes.c
// compiles them as C.
extern "C" {
#define static_assert(...)
#include <raft.h>
#undef static_assert
extern const unsigned long millrace_raft_sizes[4];
}

namespace millrace {

/// A configuration and where it stands in the log.
struct placed_configuration {
  journal_index index = 0;
  bytes encoded;
};

/// The terms of a log as runs: from `first` on it is `term`, until the next run.
struct term_run {
  journal_index first = 0;
  term_number term = 0;
};

/// As libraft holds it, for an event that takes it over. The bytes were checked when they came.
[[nodiscard]] raft_configuration to_raft(const bytes& encoded);
[[nodiscard]] error raft_error(const char* what, int rv);

struct group::engine {
  explicit engine(group_options o);
  ~engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  void set_now(std::uint64_t ms) { now_ms = std::max(now_ms, ms); }
  [[nodiscard]] bool leads() const { return raft_state(const_cast<raft*>(&r)) == RAFT_LEADER; }
  [[nodiscard]] term_number term_at(journal_index index) const;
  [[nodiscard]] bool has_peers() const { return members.members().size() > 1; }

  // group.cpp
  result<void> start_raft(const group_image& image);
  void note(const log_entry& e);
  void drop_cache();

  // group_step.cpp: one event through libraft, and what comes of it
  result<void> step(raft_event& event, std::span<const log_entry> offered, const char* what);
  result<void> collect(const raft_update& update, std::span<const log_entry> offered);
  result<void> append(const raft_update& update, std::span<const log_entry> offered);
  result<void> truncate(journal_index from);
  void begin_install(const raft_update& update);
  void post(const raft_message& m);
  [[nodiscard]] append_entries outgoing(const raft_append_entries& m) const;
  [[nodiscard]] std::optional<peer_message> translate(const raft_message& m) const;
  result<void> apply_configurations(journal_index until);
  void role_changed();

  // group_receive.cpp: messages in, with the guards
  result<void> deliver(node_number from, raft_message& m, std::span<const log_entry> offered);
  result<void> receive(node_number from, const request_vote& m);
  result<void> receive(node_number from, const request_vote_result& m);
  result<void> receive(node_number from, append_entries m);
  result<void> receive(node_number from, append_entries_result m);
  result<void> receive(node_number from, const install_snapshot& m);
  result<void> receive(node_number from, const timeout_now& m);
  result<void> take_entries(node_number from, const append_entries& m,
                            std::span<const log_entry> entries);
  result<void> own_term_as_sole_voter();

  // group_members.cpp
  result<void> submit(std::span<const log_entry> entries);
  result<void> submit_queued();
  result<void> submit_change(const membership& next);
  result<void> poll_promotion();
  [[nodiscard]] result<void> may_change(const membership& next) const;

  group_options options;
  raft r{};
  bool started = false;
  std::uint64_t now_ms = 0;
  std::uint64_t next_timeout_ms = 0;
  boot_position boot;

  group_output output;         // not taken yet
  bool hard_taken = false;     // a term or vote was taken and is not durable
  bool install_taken = false;  // likewise a snapshot
  bool installing = false;
  raft_snapshot_metadata installed{};           // ours until PERSISTED_SNAPSHOT
  void* submitted = nullptr;                    // batch of a submission that may be refused
  const install_snapshot* offer = nullptr;      // that is handed to libraft
  std::vector<group_message> ready;             // may leave
  std::vector<group_message> late, late_taken;  // after the writes to come, those under way

  journal_index first = 1;  // of libraft's log
  journal_index last = 0;
  journal_index sent = 0;   // the log's end when messages last left
  journal_index taken = 0;  // up to here the output was taken, and is what durable() speaks of
  journal_index durable = 0;
  journal_index delivered = 0;
  std::deque<log_entry> cache;  // the end of the log, consecutive
  std::size_t cache_bytes = 0;
  std::deque<term_run> runs;                        // of the log and the snapshot
  std::deque<placed_configuration> configurations;  // the one at the snapshot and all later
  membership members;                               // of the last configuration
  journal_index configuration_committed = 0;
  group_snapshot snapshot;

  std::deque<shared_bytes> queued;  // while leadership is handed over
  std::vector<shared_bytes> refused;
  std::vector<std::pair<std::uint64_t, journal_index>> reads;  // token, index or 0
  std::vector<read_answer> answered;
  node_number leader = 0;  // who was heard to lead in leader_term
  term_number leader_term = 0;
  bool led = false;
  term_number led_term = 0;
  std::map<node_number, journal_index> offered_snapshots;
  acknowledgements acknowledged;

  node_number promotee = 0;
  promotion promoted = promotion::none;
  unsigned round = 0;
  journal_index round_target = 0;
  std::uint64_t round_start_ms = 0;
};

}  // namespace millrace
