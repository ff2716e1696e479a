// A queue of calls, and turns of the keeper between them.
#include "cluster/snapshot_service.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <utility>

namespace millrace {

namespace {
constexpr int snapshot_nice = 5;  // as the writer of checkpoints
}

snapshot_service::snapshot_service(store& state, store& journal, std::unique_ptr<file_area> files,
                                   peer_bulk& bulk, const clock& time,
                                   snapshot_keeper::seams around, snapshot_limits limits)
    : files_(std::move(files)),
      bulk_(bulk),
      clock_(time),
      keeper_(state, journal, *files_, std::move(around), limits) {}

snapshot_service::~snapshot_service() { stop(); }

result<void> snapshot_service::start() {
  if (auto ok = keeper_.start(); !ok) return ok;
  thread_ = std::thread([this] { run(); });
  for (const auto tag : {bulk_tag::snapshots, bulk_tag::history})
    bulk_.take(tag,
               [this, tag](node_number from, bytes_view body) { take_envelope(tag, from, body); });
  return {};
}

void snapshot_service::stop() {
  if (!thread_.joinable()) return;
  for (const auto tag : {bulk_tag::snapshots, bulk_tag::history}) bulk_.take(tag, {});
  {
    const std::scoped_lock lock(mutex_);
    ends_ = true;
  }
  cv_.notify_all();
  thread_.join();
}

void snapshot_service::call(std::function<void(snapshot_keeper&, std::uint64_t)> what) {
  push({std::move(what), 0});
}

void snapshot_service::push(task t) {
  {
    const std::scoped_lock lock(mutex_);
    if (ends_ || (t.size > 0 && waiting_bytes_ + t.size > inbox_bytes_max)) return;
    waiting_bytes_ += t.size;
    tasks_.push_back(std::move(t));
  }
  cv_.notify_one();
}

void snapshot_service::take_envelope(bulk_tag tag, node_number from, bytes_view body) {
  auto copy = std::make_shared<const bytes>(body.begin(), body.end());
  const auto size = copy->size();
  push({[tag, from, copy = std::move(copy)](snapshot_keeper& k, std::uint64_t now) {
          k.receive(from, tag, *copy, now);
        },
        size});
}

void snapshot_service::run() {
  pthread_setname_np(pthread_self(), "snapshots");
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), snapshot_nice);
  auto next = now_us();
  while (true) {
    std::deque<task> now;
    {
      std::unique_lock lock(mutex_);
      const auto at = now_us();
      if (next > at)
        cv_.wait_for(lock, std::chrono::microseconds(next - at),
                     [&] { return ends_ || !tasks_.empty(); });
      if (ends_) return;
      now.swap(tasks_);
      waiting_bytes_ = 0;
    }
    for (auto& t : now) t.what(keeper_, now_us());
    next = keeper_.turn(now_us());
  }
}

}  // namespace millrace
