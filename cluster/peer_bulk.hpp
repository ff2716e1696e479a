// Bulk envelopes between nodes, by their first byte: who takes a tag registers for it, who sends
// names it. Nothing is promised: what is sent may be dropped, and is sent again by who needs it.
//
//   envelope := tag:u8 zero:u8[7] body        the body is aligned to 8 bytes
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <shared_mutex>

#include "cluster/peer_transport.hpp"

namespace millrace {

enum class bulk_tag : std::uint8_t {
  streams = 1,    // messages between plants (plant_mail)
  requests = 2,   // what a router hands to the node that leads a plant
  replies = 3,    // and what comes back
  placement = 4,  // who hosts which plant
  snapshots = 5,  // files of plants' states (snapshot_wire)
  history = 6     // entries before a snapshot (history_wire)
};
inline constexpr std::size_t bulk_tags_max = 16;
inline constexpr std::size_t bulk_head_bytes = 8;
inline constexpr std::size_t bulk_body_max = envelope_bytes_max - bulk_head_bytes;

/// Thread-safe.
class peer_bulk {
 public:
  /// Called on the transport's thread: must not block, and copies what it keeps.
  using handler = std::function<void(node_number from, bytes_view body)>;

  /// What comes with `tag` goes to `to` from now on (empty: is dropped). No call of the last one
  /// runs any more when this returns; not to be called from a handler.
  void take(bulk_tag tag, handler to);
  /// False: there is no way out (yet), or the body is too large. True promises nothing.
  bool send(node_number to, bulk_tag tag, bytes_view body);

  /// For peer_listener::bulk.
  void receive(node_number from, bytes_view envelope);
  /// The way out; outlives this, or is taken back with null.
  void attach(peer_transport* out);
  /// Envelopes that nobody takes: malformed, or of an unknown tag.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  std::shared_mutex handlers_mutex_;  // held while a handler runs, which may send
  std::array<handler, bulk_tags_max> handlers_;
  std::shared_mutex out_mutex_;
  peer_transport* out_ = nullptr;
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace millrace
