// All groups of a node and their journal as one pure core: proposals and time in, one batch of
// writes out (group commit), then committed entries to the listeners. No thread, no clock, no
// waiting: the loop's thread and the simulation drive it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cluster/group.hpp"
#include "cluster/journal.hpp"
#include "cluster/peer_transport.hpp"
#include "cluster/peer_wire.hpp"
#include "cluster/proposer.hpp"
#include "cluster/snapshot_file.hpp"
#include "cluster/store.hpp"

namespace millrace {

struct loop_options {
  group_options group;     // of every group of this node
  std::string cluster;     // envelopes of another one are refused
  peer_identity identity;  // of this node's directory
  std::uint64_t reserve_bytes =
      256ull * 1024 * 1024;        // below this much free space proposals are refused
  std::uint32_t greet_ms = 1'000;  // to a peer that is sent nothing else, who this node is
  std::uint32_t tick_ms = 50;      // the grid that all groups' timeouts are looked at on
  std::size_t turn_bytes_max = 16 * 1024 * 1024;  // payload bytes of one transaction
  turn_limits turns;
  std::size_t replay_bytes_max =
      4 * 1024 * 1024;  // payload bytes of one call of on_committed while replaying
  std::size_t inbox_bytes_max = 64 * 1024 * 1024;  // of messages from peers that wait: beyond they
                                                   // are dropped, Raft repeats
  std::size_t envelope_bytes_aim = 4 * 1024 * 1024;  // an envelope is closed at this size
  journal_index catch_up_entries_max = 0;  // a member further behind the checkpoint gets a
                                           // snapshot, though the journal has the entries; 0: never
  term_number term_jump_max = 10'000'000;  // a message's term above one's own: a month of elections
  journal_index index_jump_max = journal_index{1} << 40;
};

struct loop_status {
  std::uint64_t turns = 0;           // transactions so far
  std::uint64_t entries = 0;         // appended so far
  std::uint64_t bytes = 0;           // written so far
  std::uint64_t commit_us_last = 0;  // duration of the last transaction
  std::uint64_t commit_us_max = 0;
  std::uint64_t refused = 0;            // proposals
  std::uint64_t envelopes_refused = 0;  // from peers: malformed, another cluster's, too many
  std::uint64_t frames_refused = 0;     // unknown group, other generation, implausible
  std::uint64_t peers_refused = 0;      // frames of voters that forgot what they acknowledged
  std::uint64_t stalls = 0;             // the loop was away for half an election timeout
  std::uint64_t caught_up =
      0;  // messages with entries from the journal that Raft's log has no more
  bool below_reserve = false;
  std::uint64_t free_bytes = 0;
};

/// All groups of a node, without thread, clock or waiting. Usage, as the thread and the simulation
/// do it: propose()/checkpointed() any number of times; prepare(now); if anything is to be written,
/// the store's commit of batch(); finish(now). Both call the listeners; nothing that needs this
/// commit is told to anyone before finish().
class loop_core {
 public:
  /// All must outlive it. Without `peers` every group has to have one voter.
  loop_core(store& journal_store, loop_options options, peer_transport* peers = nullptr);
  ~loop_core();

  /// Reads what groups there are. Error: journal.damaged, disk.failed.
  [[nodiscard]] result<void> load();
  /// Opens the group, and hands out what is certainly committed above `applied` before it returns.
  /// A name that the journal does not know is founded with these members (none: this node alone);
  /// when this node is not among them, it joins and waits for the log. Errors: journal.damaged,
  /// disk.failed, id.invalid (also: the name's id is another's), state.damaged (the journal begins
  /// above applied + 1, or ends below applied).
  [[nodiscard]] result<group_number> open_group(const std::string& name, journal_index applied,
                                                std::shared_ptr<group_listener> listener,
                                                std::uint64_t now_ms,
                                                const membership& founders = {});
  /// An envelope that the transport had from that node. Its messages are looked at in the next
  /// turn.
  void receive(node_number from, bytes_view envelope);
  /// Nodes whose directory is another than the one that was heard first under their number (it was
  /// wiped, or replaced): nothing of them is taken, so that nobody votes twice or forgets what it
  /// acknowledged.
  [[nodiscard]] const std::set<node_number>& strangers() const { return strangers_; }
  /// Answered by on_readable. Error: node.not_ready, plant.unknown.
  [[nodiscard]] result<void> read(group_number group, std::uint64_t token, std::uint64_t now_ms);
  /// The content of a snapshot is in place.
  [[nodiscard]] result<void> install(group_number group, node_number from,
                                     const install_snapshot& offer, std::uint64_t now_ms);
  /// The same with a snapshot that a peer made and the host's state begins from now: in the term at
  /// hand, since what it contains is committed in every term. The log before it is history, wanted
  /// from `head.history_from` on.
  [[nodiscard]] result<void> install(group_number group, node_number from,
                                     const snapshot_head& head, std::uint64_t now_ms);
  /// Before open_group: the host's state begins from a snapshot that the journal may not have heard
  /// of before the process ended. Nothing when there is no such group yet. Errors: journal.damaged,
  /// disk.failed.
  [[nodiscard]] result<void> adopt(const std::string& name, const snapshot_head& head);
  /// Entries before the journal's begin are wanted, from `first` on. Errors: disk.failed,
  /// plant.unknown.
  [[nodiscard]] result<void> want_history(group_number group, journal_index first);
  /// journal::back_fill in a transaction of its own. Errors: as there (harmless), disk.failed,
  /// plant.unknown.
  [[nodiscard]] result<bool> back_fill(group_number group, const history_chunk& chunk);
  /// For changes of members and leadership; what they cause leaves with the next turn. Null when it
  /// is not open.
  [[nodiscard]] group* find(group_number number);
  /// Refused unless this node leads in that term (0: in any) when the proposal's turn comes.
  void propose(group_number group, shared_bytes payload, term_number term = 0);
  [[nodiscard]] result<void> checkpointed(group_number group, journal_index index,
                                          std::uint64_t now_ms);
  /// Cuts a slice of the journal of a group below `first`, as far as checkpoints allow, in a
  /// transaction of its own. False when nothing was to be cut.
  [[nodiscard]] result<bool> retain_from(group_number group, journal_index first);
  /// Steps all groups that have work; what they want written is in batch() then.
  [[nodiscard]] result<void> prepare(std::uint64_t now_ms);
  [[nodiscard]] const write_batch& batch() const { return batch_; }
  /// The batch is on the disk (or was empty).
  [[nodiscard]] result<void> finish(std::uint64_t now_ms);
  /// prepare, commit, finish. False when there was nothing to write.
  [[nodiscard]] result<bool> turn(std::uint64_t now_ms);
  /// True while something waits that the last turn had no room for, or that came since.
  [[nodiscard]] bool more() const { return !waiting_.empty() || !inbox_.empty(); }

  /// How much can still be written: below the reserve proposals are refused (node.disk_reserve).
  void set_space(std::uint64_t free_bytes) {
    status_.free_bytes = free_bytes;
    status_.below_reserve = free_bytes < options_.reserve_bytes;
  }
  /// What a transaction took, for status().
  void note_commit(std::uint64_t us) {
    status_.commit_us_last = us;
    status_.commit_us_max = std::max(status_.commit_us_max, us);
  }
  /// Names and numbers of all groups in the journal, opened or not.
  [[nodiscard]] std::vector<std::pair<std::string, group_number>> groups() const;
  [[nodiscard]] result<group_status> status(group_number group) const;
  [[nodiscard]] const loop_status& status() const { return status_; }
  [[nodiscard]] journal& log() { return journal_; }

 private:
  struct member;
  struct proposal {
    group_number group;
    shared_bytes payload;
    term_number term;
  };
  struct inbound {
    node_number from;
    peer_identity who;
    peer_frame frame;
  };
  [[nodiscard]] result<void> ensure(const std::string& name, const membership& founders);
  [[nodiscard]] result<void> receive_waiting(std::uint64_t now_ms);
  [[nodiscard]] result<void> take(inbound&& in, std::uint64_t now_ms);
  [[nodiscard]] bool same_directory(node_number from, const peer_identity& who);
  void write_directories();
  void greet(std::uint64_t now_ms);
  [[nodiscard]] bool plausible(const peer_message& m, const group_status& own) const;
  [[nodiscard]] result<void> tick_all(std::uint64_t now_ms);
  [[nodiscard]] result<void> post(member& m);
  [[nodiscard]] result<bool> complete(const member& m, peer_message& what);
  [[nodiscard]] result<void> catch_up(member& m, node_number peer,
                                      const append_entries_result& answer, std::uint64_t now_ms);
  void put_out(member& m, node_number peer, peer_message what);
  void send(node_number peer, std::vector<peer_frame> frames);
  void send_all();
  [[nodiscard]] result<void> hand_out(member& m, journal_index from, journal_index to,
                                      group_status status);
  [[nodiscard]] result<void> commit_output(group_number number, const group_output& output,
                                           journal_index committed);
  [[nodiscard]] result<void> commit_batch();
  [[nodiscard]] result<void> replay(member& m, journal_index applied);
  [[nodiscard]] result<void> propose_waiting(std::uint64_t now_ms);
  [[nodiscard]] result<void> deliver_committed(member& m);
  [[nodiscard]] result<void> deliver(member& m);
  void tell_role(member& m);
  void refuse(member& m, std::span<const shared_bytes> payloads, const error& why);

  store& store_;
  loop_options options_;
  journal journal_;
  std::map<group_number, std::unique_ptr<member>> members_;
  std::deque<proposal> waiting_;
  write_batch batch_;
  loop_status status_;
  std::uint64_t ticked_ms_ = 0;
  std::uint64_t prepared_ms_ = 0;
  peer_transport* peers_;
  std::map<group_id, member*> by_id_;
  std::deque<inbound> inbox_;
  std::size_t inbox_bytes_ = 0;
  std::map<node_number, std::vector<peer_frame>> outbox_;
  std::map<node_number, std::uint64_t> sequences_;
  std::map<node_number, std::uint64_t> said_ms_;      // when it was last sent something
  std::uint64_t greeted_ms_ = 0;                      // all peers were looked at
  std::map<node_number, std::uint64_t> directories_;  // of peers: their incarnations
  std::vector<node_number> heard_first_;              // not written yet
  std::set<node_number> strangers_;
};

}  // namespace millrace
