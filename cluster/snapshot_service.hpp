// The thread that drives a node's snapshot_keeper: file work is done there and nowhere else, off
// the workers and off the replication loop.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "cluster/clock.hpp"
#include "cluster/peer_bulk.hpp"
#include "cluster/snapshot_keeper.hpp"

namespace millrace {

class snapshot_service {
 public:
  static constexpr std::size_t inbox_bytes_max = 32 * 1024 * 1024;  // beyond it envelopes are
                                                                    // dropped: asked for again

  /// All outlive it.
  snapshot_service(store& state, store& journal, std::unique_ptr<file_area> files, peer_bulk& bulk,
                   const clock& time, snapshot_keeper::seams around, snapshot_limits limits = {});
  /// Stops.
  ~snapshot_service();

  /// Begins to take envelopes. Error: disk.failed.
  [[nodiscard]] result<void> start();
  void stop();
  /// Calls `what` on the thread. Any thread; nothing happens once it has stopped.
  void call(std::function<void(snapshot_keeper&, std::uint64_t now_us)> what);

 private:
  struct task {
    std::function<void(snapshot_keeper&, std::uint64_t now_us)> what;
    std::size_t size = 0;
  };
  void push(task t);
  void take_envelope(bulk_tag tag, node_number from, bytes_view body);
  void run();
  [[nodiscard]] std::uint64_t now_us() const {
    return static_cast<std::uint64_t>(clock_.monotonic_us());
  }

  std::unique_ptr<file_area> files_;
  peer_bulk& bulk_;
  const clock& clock_;
  snapshot_keeper keeper_;
  std::mutex mutex_;
  std::condition_variable cv_;
  std::deque<task> tasks_;
  std::size_t waiting_bytes_ = 0;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace millrace
