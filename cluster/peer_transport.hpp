// The seam between a node and its peers: opaque envelopes out and in, and what is known of each
// peer. Production has `peer_link` (ZeroMQ); tests and the simulation implement it too.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cluster/log_entry.hpp"

namespace millrace {

/// Of one envelope; larger ones are dropped by the sender and refused by the receiver.
inline constexpr std::size_t envelope_bytes_max = 8 * 1024 * 1024;

/// What a node knows of a peer. `up`: it was heard from within the silence limit; `reached`: both
/// connections to it have passed their handshakes.
struct peer_status {
  node_number node = 0;
  bool up = false;
  bool reached = false;
  std::int64_t heard_us = 0;  // monotonic clock of this node, 0 = never
  std::uint64_t sent = 0;     // envelopes handed to the wire; nobody knows whether they arrived
  std::uint64_t received = 0;
  std::uint64_t dropped = 0;  // by send(): unknown, not connected, queue full, or too large
  std::uint64_t refused = 0;  // from it: malformed, another cluster's, a revoked key
  std::uint64_t doubled = 0;  // from a second process under its number, all refused
};

/// Where envelopes arrive. Called on the transport's thread: must not block, and copies what it
/// keeps. The view is aligned to 8 bytes and lives for the call. `from` is who the peer's key
/// belongs to, whatever the envelope says.
struct peer_listener {
  std::function<void(node_number from, bytes_view envelope)> consensus;
  std::function<void(node_number from, bytes_view envelope)> bulk;
  std::function<void(node_number peer, bool up)> changed;  // may be empty
};

/// Thread-safe.
class peer_transport {
 public:
  virtual ~peer_transport() = default;
  /// Never blocks and promises nothing: an envelope may be dropped or overtaken by one of the other
  /// class, but none comes in part or changed. Consensus and bulk have queues and connections of
  /// their own, so that a snapshot never delays a heartbeat.
  virtual void send(node_number to, shared_bytes envelope, bool bulk) = 0;
  /// In order of the nodes' numbers.
  [[nodiscard]] virtual std::vector<peer_status> peers() const = 0;
};

}  // namespace millrace
