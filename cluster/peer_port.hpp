// The seam between the replication loop and the transport: opaque envelopes between nodes.
// ZeroMQ in production, a simulated network in the tests. What arrives goes to
// replication_loop::receive (loop_core::receive), on any thread.
#pragma once

#include "cluster/log_entry.hpp"

namespace millrace {

class peer_port {
 public:
  virtual ~peer_port() = default;
  /// Never blocks. May lose, double, delay and reorder, but never change: Raft repeats what
  /// matters. `bulk`: large and not urgent, so that it does not hold up heartbeats. Called on the
  /// loop's thread.
  virtual void send(node_number to, shared_bytes envelope, bool bulk) = 0;
};

}  // namespace millrace
