// The live event streams that are open.
// One tick for all of them serves heartbeats; commits wake them by the engine's own watch.
#include "nodes/gateway/event_hub.hpp"

#include <algorithm>

namespace millrace::gateway {

void event_hub::add(std::shared_ptr<live_stream> s) {
  const std::lock_guard lock(mutex_);
  streams_.push_back(std::move(s));
}

std::size_t event_hub::size() const {
  const std::lock_guard lock(mutex_);
  return streams_.size();
}

void event_hub::tick() {
  std::vector<std::shared_ptr<live_stream>> all;
  {
    const std::lock_guard lock(mutex_);
    all = streams_;
  }
  std::vector<std::shared_ptr<live_stream>> ended;
  for (const auto& s : all)
    if (!s->tick()) ended.push_back(s);
  if (ended.empty()) return;
  const std::lock_guard lock(mutex_);
  std::erase_if(streams_, [&](const auto& s) {
    return std::find(ended.begin(), ended.end(), s) != ended.end();
  });
}

void event_hub::clear() {
  std::vector<std::shared_ptr<live_stream>> dropped;
  const std::lock_guard lock(mutex_);
  dropped.swap(streams_);
}

}  // namespace millrace::gateway
