// The live event streams that are open, so that they can be counted, bounded and kept awake.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace millrace::gateway {

/// Something that wants a call every second or so.
class live_stream {
 public:
  virtual ~live_stream() = default;
  /// False once it has ended and may be forgotten.
  [[nodiscard]] virtual bool tick() = 0;
};

/// Thread-safe.
class event_hub {
 public:
  void add(std::shared_ptr<live_stream> s);
  [[nodiscard]] std::size_t size() const;
  /// Ticks every stream; called by one thread of the node.
  void tick();
  void clear();

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<live_stream>> streams_;
};

}  // namespace millrace::gateway
