// A sink for those who send one command, or a few, and take each answer by itself.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "cluster/engine.hpp"

namespace millrace {

/// Calls `f` for every reply, on the engine's threads: as a reply_sink, it must not block.
class each_reply final : public reply_sink {
 public:
  explicit each_reply(std::function<void(reply)> f) : f_(std::move(f)) {}
  void on_replies(std::vector<reply> replies) override {
    for (auto& r : replies) f_(std::move(r));
  }

 private:
  std::function<void(reply)> f_;
};

}  // namespace millrace
