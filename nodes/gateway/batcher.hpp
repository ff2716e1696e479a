// Gathers the commands of one turn of a server thread into one batch for the engine, and brings the
// replies back.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cluster/engine.hpp"
#include "nodes/http/message.hpp"

namespace millrace::gateway {

/// Called on the thread of the exchange that the command came with.
using on_reply = std::function<void(reply)>;

class batcher {
 public:
  batcher(engine_api& engine, std::size_t threads)
      : engine_(engine), pending_(threads == 0 ? 1 : threads) {}
  /// Must be called on the exchange's own thread. What is pushed in one turn goes out together, in
  /// this order.
  void push(http::exchange& e, request r, on_reply back,
            const std::shared_ptr<http::exchange>& keep);

 private:
  struct batch {
    std::vector<request> requests;
    std::vector<on_reply> backs;
    std::shared_ptr<http::exchange> home;
  };
  void flush(std::size_t thread);
  engine_api& engine_;
  std::vector<batch> pending_;
};

}  // namespace millrace::gateway
