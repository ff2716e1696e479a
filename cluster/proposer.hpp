// Between a plant host and the log: what a host may ask for, and what it is told.
// The replication loop implements `proposer`; tests and the simulation implement it too.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cluster/log_entry.hpp"
#include "cluster/peer_message.hpp"
#include "schemas/result.hpp"

namespace millrace {

/// A host's ear. Called on the loop's thread, in the order of the log: it must not block, and hands
/// over to its own executor. What it throws ends the process.
class group_listener {
 public:
  virtual ~group_listener() = default;
  /// Entries that are committed and on this node's disk: every index from the host's own applied
  /// index on, exactly once, consecutive, of all types. Those read back from the journal after a
  /// start come first, then live ones, whose payload is the buffer that was proposed (compare
  /// pointers to know one's own). `status` is as of the last entry.
  virtual void on_committed(group_number group, std::span<const log_entry> entries,
                            const group_status& status) = 0;
  /// Proposals that are certainly not in the log: node.disk_reserve, entry.too_large,
  /// node.not_ready (no leader here, or not in the proposal's term).
  virtual void on_refused(group_number group, std::span<const shared_bytes> payloads,
                          const error& why) = 0;
  /// The role, the term or the known leader changed (also once after the group was opened, after
  /// its journal was handed out). A leader may decide once it has applied everything up to
  /// `status.last` of this call.
  virtual void on_role(group_number group, const group_status& status) = 0;
  /// A linearizable read (loop_core::read) may be served from what is applied up to `index`; 0:
  /// leadership was lost before that was certain.
  virtual void on_readable(group_number, std::uint64_t /*token*/, journal_index /*index*/) {}
  /// Raft's own offer: the leader has no log any more from where this node's ends. Its journal, or
  /// a snapshot's content, comes by itself (on_member_behind over there).
  virtual void on_snapshot_offered(group_number, node_number /*from*/, const install_snapshot&) {}
  /// This node leads, and neither its log nor its journal has what that member needs next, or it is
  /// so far behind that a snapshot is the shorter way. Comes again and again until it has one.
  virtual void on_member_behind(group_number, node_number /*member*/, journal_index /*needs*/) {}
};

/// Thread-safe.
class proposer {
 public:
  virtual ~proposer() = default;
  /// Asks for a payload (an entry, at most entry_bytes_max) to be the group's next log entry, if
  /// this node leads in that term still: it was decided on what the log held then. Proposals of one
  /// thread to one group keep their order. The outcome comes to the group's listener: on_committed
  /// or on_refused; after a lost leadership perhaps neither.
  virtual void propose(group_number group, shared_bytes payload, term_number term) = 0;
  /// The host's durable checkpoint contains everything up to `index`.
  virtual void checkpointed(group_number group, journal_index index) = 0;
  /// Entries below `first` may go (retention); never beyond the checkpoint or what Raft needs.
  virtual void retain_from(group_number group, journal_index first) = 0;
};

}  // namespace millrace
