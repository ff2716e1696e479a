// The replication loop's thread: drains the queue of proposals, drives loop_core, commits, and
// sleeps until there is work. While one transaction is synced the next turn's proposals queue up:
// batches form by themselves.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "cluster/clock.hpp"
#include "cluster/loop_core.hpp"

namespace millrace {

/// The thread. An I/O error or a broken group ends the process with exit code 70 before anything is
/// told to anyone.
class replication_loop final : public proposer {
 public:
  static constexpr int exit_code = 70;  // EX_SOFTWARE: the service manager starts the node anew

  /// All must outlive it. Without `peers` every group has one voter.
  replication_loop(store& journal_store, const clock& time, loop_options options,
                   peer_transport* peers = nullptr);
  /// Stops.
  ~replication_loop() override;

  /// Reads the journal's groups and starts the thread. Error: journal.damaged, disk.failed.
  [[nodiscard]] result<void> start();
  /// Finishes what was proposed before the call, then ends the thread. Later proposals are dropped.
  void stop();

  /// As loop_core::open_group, on the loop's thread; `cb` is called there, after the journal was
  /// handed out.
  void open_group(std::string name, journal_index applied, std::shared_ptr<group_listener> listener,
                  std::function<void(result<group_number>)> cb, membership founders = {});
  /// For peer_listener: copies the envelope. At most `inbox_bytes_max` wait, more are dropped.
  void receive(node_number from, bytes_view envelope);
  void propose(group_number group, shared_bytes payload, term_number term = 0) override;
  void checkpointed(group_number group, journal_index index) override;
  void retain_from(group_number group, journal_index first) override;
  /// As loop_core::read; `refused` is called on the loop's thread when it is.
  void read(group_number group, std::uint64_t token, std::function<void(const error&)> refused);
  /// As loop_core::install and back_fill; `then` is called on the loop's thread.
  void install(group_number group, node_number from, snapshot_head head,
               std::function<void(const group_status&)> then);
  void back_fill(group_number group, history_chunk chunk, std::function<void(result<bool>)> then);
  void want_history(group_number group, journal_index first);
  /// Hands leadership of the group to that voter (0: the one that has most) when this node leads
  /// it.
  void transfer(group_number group, node_number to = 0);
  /// Calls `ask` on the loop's thread, between turns (status, metrics).
  void call(std::function<void(loop_core&)> ask);

 private:
  struct message;
  void push(std::unique_ptr<message> m);
  [[nodiscard]] std::unique_ptr<message> take();
  void handle(message& m);
  void retain_slice(group_number group, journal_index first);
  void run();
  [[nodiscard]] bool turn();
  void look_at_space();
  void name_strangers();
  void wait_for_work();
  [[nodiscard]] std::uint64_t now_ms() const;

  store& store_;
  const clock& clock_;
  loop_options options_;
  loop_core core_;
  std::atomic<message*> head_{nullptr};  // newest first
  std::atomic<bool> sleeping_{false};
  std::atomic<std::size_t> received_bytes_{0};  // of envelopes that wait
  int wake_fd_ = -1;
  std::int64_t space_looked_us_ = 0;
  std::int64_t strangers_said_us_ = 0;
  bool stopping_ = false;  // the loop's thread only
  std::thread thread_;
};

}  // namespace millrace
