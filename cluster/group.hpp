// One plant's Raft group as a pure core over libraft's raft_step: inputs, messages and time in;
// writes, messages and committed entries out. No I/O, no clock, no thread. Only the files group*
// see raft.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cluster/guards.hpp"
#include "cluster/log_entry.hpp"
#include "cluster/membership.hpp"
#include "cluster/peer_message.hpp"
#include "schemas/result.hpp"

namespace millrace {

struct group_options {
  node_number self = 1;
  std::uint32_t election_timeout_ms = 300;
  std::uint32_t heartbeat_timeout_ms = 50;
  std::uint32_t install_timeout_ms = 600'000;      // until a snapshot is offered anew
  std::uint32_t seed = 1;                          // of the election timeouts
  std::uint32_t inflight_entries_max = 32;         // sent to a peer and not acknowledged
  std::uint32_t trailing_entries = 4'096;          // kept for peers that lag, below a checkpoint
  std::size_t cache_bytes_max = 16 * 1024 * 1024;  // payloads kept for peers that lag
  std::size_t queued_max = 1'024;                  // proposals while leadership is handed over
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

/// What a follower acknowledged to this node as its leader, kept against disks that forget.
struct acknowledgement {
  peer_identity who;
  term_number term = 0;  // of the leader
  journal_index index = 0;
  bool operator==(const acknowledgement&) const = default;
};
using acknowledgements = std::map<node_number, acknowledgement>;

/// What the journal holds of a group when the node starts. Nothing at all: a member that joins.
struct group_image {
  hard_state hard;
  group_snapshot snapshot;
  /// Consecutive up to the end of the log, from the snapshot on or from a little before it;
  /// payloads only of `change` entries.
  std::vector<log_entry> tail;
  journal_index committed = 0;  // certainly: up to here the shell hands out what the journal holds
  acknowledgements acknowledged;
};

/// What must be on the disk, in this order, in one commit, before durable() is called.
struct group_output {
  std::optional<hard_state> hard;
  std::optional<group_snapshot> install;       // the whole log goes; it begins after this one,
  bytes install_chain;                         // whose entry has this chain hash
  std::optional<journal_index> truncate_from;  // drop this index and all above, then append
  std::vector<log_entry> append;
  std::optional<group_snapshot> snapshot;
  acknowledgements acknowledged;  // no reason for a commit of its own
  [[nodiscard]] bool empty() const {
    return !hard && !install && !truncate_from && append.empty() && !snapshot;
  }
};

/// A linearizable read may be served from what is applied up to `index`; nothing: leadership was
/// lost, ask again.
struct read_answer {
  std::uint64_t token = 0;
  std::optional<journal_index> index;
};

/// How the last promote() ended.
enum class promotion : std::uint8_t { none, running, aborted, finished };

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
  /// Begins: a sole voter leads at once, everybody else follows. What the image holds up to
  /// status().delivered is the caller's to read from the journal; take_committed() goes on after
  /// it. Time never decreases from call to call. Error: journal.damaged (an image that is no log).
  [[nodiscard]] result<void> start(const group_image& image, std::uint64_t now_ms);

  /// Appends proposals, or keeps them while leadership is handed over. Error: node.not_ready when
  /// not leader (harmless, nothing was appended).
  [[nodiscard]] result<void> propose(std::span<const shared_bytes> payloads, std::uint64_t now_ms);
  /// Proposals that were kept and are certainly not in the log, since leadership went.
  [[nodiscard]] std::vector<shared_bytes> take_refused();
  /// Appends an entry without content. Error: node.not_ready (harmless).
  [[nodiscard]] result<journal_index> barrier(std::uint64_t now_ms);
  /// Asks when state may be read as of now; all reads of a turn share one barrier, or an entry of
  /// this turn serves them. Error: node.not_ready (harmless).
  [[nodiscard]] result<void> read(std::uint64_t token, std::uint64_t now_ms);
  [[nodiscard]] std::vector<read_answer> take_reads();

  /// A message for this group. An install_snapshot is not taken here: install() is its way in.
  [[nodiscard]] result<void> receive(const group_message& m, const peer_identity& from,
                                     std::uint64_t now_ms);
  /// Guard 9: false when that server has forgotten what it acknowledged to this node. Nothing of it
  /// may be received then.
  [[nodiscard]] bool admits(node_number peer, const peer_identity& who,
                            const boot_position& boot) const;
  [[nodiscard]] boot_position boot() const;
  /// True while an offered snapshot is of use here: later than the log, and none is installing.
  [[nodiscard]] bool wants(const install_snapshot& offer) const;
  /// The content of the offered snapshot is in place (fetched, verified, swapped in): the log
  /// begins after it. From there on take_committed() goes on. Harmless when wants() is false.
  [[nodiscard]] result<void> install(node_number from, const install_snapshot& offer,
                                     std::uint64_t now_ms);
  /// Peers that were offered a snapshot and have not reached it: their content has to be provided.
  [[nodiscard]] std::vector<node_number> needs_snapshot() const;

  /// Fires what is due; cheap when nothing is.
  [[nodiscard]] result<void> tick(std::uint64_t now_ms);
  /// The host's durable checkpoint contains `index`; the log before it may be forgotten here.
  /// Ignored when it is not above the last one or not yet committed.
  [[nodiscard]] result<void> checkpointed(journal_index index, std::uint64_t now_ms);

  // ---- members (leader) ---- Errors, harmless all: node.not_ready (not leader, or not yet),
  // config.invalid (never).
  /// One server more, less, or in another role. Not ready before every member has the last change.
  [[nodiscard]] result<void> change(const membership& next, std::uint64_t now_ms);
  /// Makes a standby a voter once its log has caught up; promotion_status() tells.
  [[nodiscard]] result<void> promote(node_number node, std::uint64_t now_ms);
  [[nodiscard]] promotion promotion_status() const;
  /// Hands leadership to a voter, 0 = to the one that has most.
  [[nodiscard]] result<void> transfer(node_number to, std::uint64_t now_ms);
  /// Gives leadership up; somebody is elected.
  [[nodiscard]] result<void> step_down(std::uint64_t now_ms);
  [[nodiscard]] const membership& members() const;
  [[nodiscard]] bool transferring() const;
  /// As the leader knows; 0 when unknown.
  [[nodiscard]] journal_index match_of(node_number node) const;

  /// What has to be written since the last call. The next durable() speaks of everything taken so
  /// far.
  [[nodiscard]] group_output take_output();
  /// All that was taken is on the disk.
  [[nodiscard]] result<void> durable(std::uint64_t now_ms);
  /// What may leave now: AppendEntries also before the own write, everything else, and all after a
  /// new term or vote, only after durable().
  [[nodiscard]] std::vector<group_message> take_messages();
  /// Entries that are committed and durable here and were not handed out before, in order. Without
  /// payload: it is in the journal only.
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
