// The way out to one peer, for one class of envelopes: a DEALER that talks to the peer's ROUTER,
// and the watch over its handshakes. What it cannot take at once is dropped and counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "cluster/curve_key.hpp"
#include "cluster/peer_frame.hpp"
#include "cluster/write_batch.hpp"

namespace millrace {

/// Bounds of a link's sockets. The same on all nodes.
struct peer_limits {
  std::size_t consensus_bytes_max = 32 * 1024 * 1024;  // queued towards one peer
  std::size_t bulk_bytes_max = 64 * 1024 * 1024;
  int queue_max = 1'000;  // frames, per peer, class and direction
  int handshake_ms_max = 3'000;
  int reconnect_ms = 50;  // doubles with each try up to
  int reconnect_ms_max = 1'000;
  int heartbeat_ms = 1'000;  // of ZMTP; a connection that is dead ends after three
  std::int64_t beacon_us = 250'000;
  std::int64_t silence_us_max = 1'500'000;  // then a peer is down
  std::int64_t farewell_ms_max = 100;       // the last frames of a clean stop
};

/// Where a peer listens, and the keys that it may show there, to be tried in turn.
struct outlet_target {
  std::string address;
  std::vector<std::string> keys;
  bool operator==(const outlet_target&) const = default;
};

/// send() from any thread, the rest from the link's thread.
class peer_outlet {
 public:
  peer_outlet(zmq::context_t& context, const peer_limits& limits, frame_head head);
  ~peer_outlet();

  /// Begins to connect, or begins anew. Keeps the connection when it fits what is asked for.
  void aim(const curve_key& own, const outlet_target& target);
  /// False: dropped.
  bool send(frame_kind kind, bytes_view envelope);
  /// To be polled for input; then look() takes note of handshakes.
  [[nodiscard]] void* events() { return events_.handle(); }
  void look();
  /// Connects again, with the next key, after a handshake that failed. Called now and then.
  void retry();
  /// Closes; what is queued may still leave for `ms`.
  void close(int ms);

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  /// True when nothing was sent since the last call.
  [[nodiscard]] bool idle() { return !spoke_.exchange(false); }

 private:
  void connect();
  void disconnect();
  bool drop(frame_kind kind);

  zmq::context_t& context_;
  const peer_limits& limits_;
  const frame_head head_;
  std::shared_ptr<std::atomic<std::size_t>> queued_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::atomic<bool> connected_{false}, spoke_{false};
  std::atomic<std::uint64_t> sent_{0}, dropped_{0};
  std::mutex socket_mutex_;  // a ZeroMQ socket may change threads behind a lock
  zmq::socket_t socket_;
  zmq::socket_t events_;
  curve_key own_;
  outlet_target target_;
  std::size_t key_ = 0;  // of target_.keys
  bool failed_ = false;  // the last handshake
};

}  // namespace millrace
