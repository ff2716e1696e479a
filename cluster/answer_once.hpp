// Callbacks of readers that have to hear something, whatever becomes of who should answer.
#pragma once

#include <memory>
#include <utility>

#include "cluster/engine.hpp"

namespace millrace {

/// A callback that is called exactly once: with node.not_ready when whoever should answer is gone.
template <class T>
class answer_once {
 public:
  explicit answer_once(done<T> cb) : cb_(std::move(cb)) {}
  answer_once(const answer_once&) = delete;
  answer_once& operator=(const answer_once&) = delete;
  ~answer_once() {
    if (cb_) cb_(error{"node.not_ready", "The actor is being restarted or the node is stopping"});
  }
  void operator()(result<T> r) { std::exchange(cb_, nullptr)(std::move(r)); }

 private:
  done<T> cb_;
};

template <class T>
std::shared_ptr<answer_once<T>> once(done<T> cb) {
  return std::make_shared<answer_once<T>>(std::move(cb));
}

}  // namespace millrace
