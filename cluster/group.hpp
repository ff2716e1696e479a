// One plant's Raft group as a pure core over libraft's raft_step: inputs and time in; writes and
// committed entries out. No I/O, no clock, no thread. Only this room sees raft.h. So far a group
// has one voter, this node.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cluster/guards.hpp"
#include "cluster/log_entry.hpp"
#include "schemas/result.hpp"

namespace millrace {

struct group_options {
  node_number self = 1;
  std::uint32_t election_timeout_ms = 300;
  std::uint32_t heartbeat_timeout_ms = 50;
  std::uint32_t seed = 1;  // of the election timeouts
  guards on;
};

/// Term and vote; durable before anything of its step or a later one leaves (Raft figure 2).
struct hard_state {
  term_number term = 0;
  node_number voted_for = 0;  // 0 = none
  bool operator==(const hard_state&) const = default;
};

/// The point that the log begins after: what is contained in the host's checkpoint as Raft knows
/// it.
struct group_snapshot {
  journal_index index = 0;  // 0 = none, the log begins at 1
  term_number term = 0;
  journal_index configuration_index = 0;
  bytes configuration;  // as libraft encodes it
};

/// What the journal holds of a group when the node starts.
struct group_image {
  hard_state hard;
  group_snapshot snapshot;
  std::vector<log_entry>
      tail;  // everything after the snapshot, consecutive; payloads only of `change` entries
};

/// What must be on the disk, in this order, in one commit, before durable() is called.
struct group_output {
  std::optional<hard_state> hard;
  std::optional<journal_index> truncate_from;  // drop this index and all above, then append
  std::vector<log_entry> append;
  std::optional<group_snapshot> snapshot;
  [[nodiscard]] bool empty() const {
    return !hard && !truncate_from && append.empty() && !snapshot;
  }
};

/// Single-threaded. Every error is a reason to end the process, unless said otherwise.
class group {
 public:
  explicit group(group_options options);
  ~group();
  group(const group&) = delete;
  group& operator=(const group&) = delete;

  /// The first configuration of a new group with this node as its only voter: the payload of entry
  /// 1, a `change`.
  [[nodiscard]] static bytes founding_configuration(node_number self);
  /// What starting on this image wants on the disk *before* start() is called (guard 3: the new
  /// term and the own vote of a sole voter). Pass the image with `hard` replaced by it. Empty when
  /// nothing.
  [[nodiscard]] std::optional<hard_state> before_start(const group_image& image) const;
  /// Begins. What the image holds up to status().committed is the caller's to read from the
  /// journal; take_committed() goes on after it. Time never decreases from call to call. Errors:
  /// journal.damaged (an image that is no log), config.invalid (a configuration with other voters).
  [[nodiscard]] result<void> start(const group_image& image, std::uint64_t now_ms);
  /// Appends proposals. Error: node.not_ready when not leader (harmless, nothing was appended).
  [[nodiscard]] result<void> propose(std::span<const shared_bytes> payloads, std::uint64_t now_ms);
  /// Fires what is due; cheap when nothing is.
  [[nodiscard]] result<void> tick(std::uint64_t now_ms);
  /// The host's durable checkpoint contains `index`; the log before it may be forgotten here.
  /// Ignored when it is not above the last one or not yet committed.
  [[nodiscard]] result<void> checkpointed(journal_index index, std::uint64_t now_ms);

  /// What has to be written since the last call. The next durable() speaks of everything taken so
  /// far.
  [[nodiscard]] group_output take_output();
  /// All that was taken is on the disk.
  [[nodiscard]] result<void> durable(std::uint64_t now_ms);
  /// Entries that are committed and durable here and were not handed out before, in order.
  [[nodiscard]] std::vector<log_entry> take_committed();
  [[nodiscard]] group_status status() const;
  /// The last index that checkpointed() took note of.
  [[nodiscard]] journal_index snapshot_index() const;
  /// Entries of the log that are still held in memory.
  [[nodiscard]] std::size_t held() const;

 private:
  struct engine;
  std::unique_ptr<engine> engine_;
};

}  // namespace millrace
