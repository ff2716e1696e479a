// The threads around the state environment: cold reads off the CAF workers, and one writer for
// checkpoint slices. A failed write ends the process: what is on the disk is unknown then, and a
// restart is the tested way.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cluster/store.hpp"
#include "cluster/write_batch.hpp"

namespace millrace {

class state_io {
 public:
  static constexpr int exit_code = 70;  // as the replication loop
  static constexpr std::size_t reads_per_snapshot = 64;
  static constexpr std::size_t slices_waiting_max =
      64;  // beyond, slices follow each other without a rest
  static constexpr int rest_ms_max = 20;

  /// `on` outlives it.
  state_io(store& on, unsigned readers);
  /// Stops; what is queued is done before.
  ~state_io();
  void stop();

  /// Calls `task` on a reader thread with a snapshot that is at least as new as the call.
  void read(std::function<void(store_snapshot&)> task);
  /// Calls `task` on a thread that reads long stretches of the journal, one after another: nobody
  /// waits for it but who asked.
  void page(std::function<void()> task);
  /// Commits slices in order, then calls `written` on the writer's thread.
  void write(std::shared_ptr<write_batch> slice, std::function<void()> written);

  /// Calls `change`, which commits by itself, in its turn among the slices; then `changed` on the
  /// writer's thread. An error that left the store as it was is handed on, another ends the
  /// process.
  void change(std::function<result<void>(store&)> change,
              std::function<void(const result<void>&)> changed);

  /// A snapshot for a quick look-up on the calling thread, at least as new as the last write; kept
  /// until the next write.
  [[nodiscard]] store_snapshot& here();
  /// Lets go of the calling thread's snapshot when it is out of date, so that its pages can be
  /// reused.
  void drop_stale_here();
  [[nodiscard]] store& on() { return store_; }

 private:
  struct slice {
    std::function<result<void>(store&)> change;
    std::function<void(const result<void>&)> changed;
  };
  void read_loop();
  void page_loop();
  void write_loop();
  void rest(std::chrono::steady_clock::duration took);

  store& store_;
  std::uint64_t number_;                   // of this object in the process
  std::atomic<std::uint64_t> version_{0};  // odd while a commit is under way
  std::mutex read_mutex_, page_mutex_, write_mutex_;
  std::condition_variable read_cv_, page_cv_, write_cv_;
  std::deque<std::function<void(store_snapshot&)>> reads_;
  std::deque<std::function<void()>> pages_;
  std::deque<slice> slices_;
  bool reads_end_ = false, pages_end_ = false, writes_end_ = false;
  std::vector<std::thread> readers_;
  std::thread pager_;
  std::thread writer_;
};

}  // namespace millrace
