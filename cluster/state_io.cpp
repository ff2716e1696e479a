// Reader threads take several tasks at once, so that many activations share one snapshot.
// Each thread that looks up by itself keeps one snapshot as long as nothing was written since.
#include "cluster/state_io.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "cluster/check.hpp"

namespace millrace {

namespace {

std::atomic<std::uint64_t> owners{0};
constexpr int writer_nice = 5;

struct kept_snapshot {
  std::uint64_t owner = 0;
  std::uint64_t version = 0;
  std::unique_ptr<store_snapshot> snapshot;
};
thread_local kept_snapshot kept;

std::unique_ptr<store_snapshot> open(store& s) {
  auto snapshot = s.snapshot();
  if (!snapshot) {
    std::fprintf(stderr, "state environment: %s: %s\n", snapshot.error().code.c_str(),
                 snapshot.error().detail.c_str());
    std::_Exit(state_io::exit_code);
  }
  return std::move(snapshot).value();
}

}  // namespace

state_io::state_io(store& on, unsigned readers) : store_(on), number_(++owners) {
  for (unsigned i = 0; i < readers; ++i) readers_.emplace_back([this] { read_loop(); });
  pager_ = std::thread([this] { page_loop(); });
  writer_ = std::thread([this] { write_loop(); });
}

state_io::~state_io() { stop(); }

void state_io::stop() {
  {
    const std::scoped_lock lock(read_mutex_, page_mutex_, write_mutex_);
    reads_end_ = pages_end_ = writes_end_ = true;
  }
  read_cv_.notify_all();
  page_cv_.notify_all();
  write_cv_.notify_all();
  for (auto& t : readers_)
    if (t.joinable()) t.join();
  if (pager_.joinable()) pager_.join();
  if (writer_.joinable()) writer_.join();
  if (kept.owner == number_) kept = {};
}

void state_io::read(std::function<void(store_snapshot&)> task) {
  {
    const std::scoped_lock lock(read_mutex_);
    reads_.push_back(std::move(task));
  }
  read_cv_.notify_one();
}

void state_io::page(std::function<void()> task) {
  {
    const std::scoped_lock lock(page_mutex_);
    pages_.push_back(std::move(task));
  }
  page_cv_.notify_one();
}

void state_io::write(std::shared_ptr<write_batch> batch, std::function<void()> written) {
  change([batch = std::move(batch)](store& on) { return on.commit(batch->writes()); },
         [written = std::move(written)](const result<void>&) { written(); });
}

void state_io::change(std::function<result<void>(store&)> change,
                      std::function<void(const result<void>&)> changed) {
  {
    const std::scoped_lock lock(write_mutex_);
    slices_.push_back({std::move(change), std::move(changed)});
  }
  write_cv_.notify_one();
}

void state_io::read_loop() {
  pthread_setname_np(pthread_self(), "state-read");
  std::vector<std::function<void(store_snapshot&)>> now;
  while (true) {
    {
      std::unique_lock lock(read_mutex_);
      read_cv_.wait(lock, [&] { return reads_end_ || !reads_.empty(); });
      if (reads_.empty()) return;
      while (!reads_.empty() && now.size() < reads_per_snapshot) {
        now.push_back(std::move(reads_.front()));
        reads_.pop_front();
      }
    }
    const auto snapshot = open(store_);
    for (auto& task : now) task(*snapshot);
    now.clear();
    if (kept.owner == number_) kept = {};
  }
}

void state_io::page_loop() {
  pthread_setname_np(pthread_self(), "pages");
  while (true) {
    std::function<void()> task;
    {
      std::unique_lock lock(page_mutex_);
      page_cv_.wait(lock, [&] { return pages_end_ || !pages_.empty(); });
      if (pages_.empty()) return;
      task = std::move(pages_.front());
      pages_.pop_front();
    }
    task();
  }
}

void state_io::write_loop() {
  pthread_setname_np(pthread_self(), "state-write");
  // What waits for nobody gives way to what commands wait for.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), writer_nice);
  while (true) {
    slice next;
    {
      std::unique_lock lock(write_mutex_);
      write_cv_.wait(lock, [&] { return writes_end_ || !slices_.empty(); });
      if (slices_.empty()) return;
      next = std::move(slices_.front());
      slices_.pop_front();
    }
    const auto began = std::chrono::steady_clock::now();
    version_.fetch_add(1, std::memory_order_acq_rel);
    const auto done = next.change(store_);
    if (!done && done.error().code == "disk.failed") {
      std::fprintf(stderr, "state environment: %s: %s\n", done.error().code.c_str(),
                   done.error().detail.c_str());
      std::_Exit(exit_code);
    }
    version_.fetch_add(1, std::memory_order_release);
    next.changed(done);
    rest(std::chrono::steady_clock::now() - began);
  }
}

/// The disk belongs to the journal first: between slices it has it for as long as the last one
/// took.
void state_io::rest(std::chrono::steady_clock::duration took) {
  std::unique_lock lock(write_mutex_);
  if (slices_.size() > slices_waiting_max) return;
  const auto pause =
      std::min<std::chrono::steady_clock::duration>(took, std::chrono::milliseconds(rest_ms_max));
  write_cv_.wait_for(lock, pause,
                     [&] { return writes_end_ || slices_.size() > slices_waiting_max; });
}

store_snapshot& state_io::here() {
  const auto version = version_.load(std::memory_order_acquire);
  // While a commit is under way others may see it already: nobody goes on with an older snapshot.
  if (kept.owner != number_ || kept.version != version || version % 2 != 0 || !kept.snapshot) {
    kept.snapshot.reset();
    kept = {number_, version, open(store_)};
  }
  return *kept.snapshot;
}

void state_io::drop_stale_here() {
  if (kept.owner == number_ && kept.version != version_.load(std::memory_order_relaxed)) kept = {};
}

}  // namespace millrace
