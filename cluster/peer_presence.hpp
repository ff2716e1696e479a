// Which peers are there, by what was heard from them. A second process under a peer's number (a
// copied directory) is refused as long as the first one speaks. Pure; single-threaded.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "cluster/peer_transport.hpp"

namespace millrace {

class peer_presence {
 public:
  /// A peer that was silent for that long is down, and its number is free for another process.
  explicit peer_presence(std::int64_t silence_us_max) : silence_us_max_(silence_us_max) {}

  /// What a frame of a peer's session means.
  enum class verdict : std::uint8_t {
    known,    // take it
    came,     // take it; the peer is up from now on
    stranger  // refuse it: another process speaks for this number
  };
  [[nodiscard]] verdict heard(node_number node, std::uint64_t session, std::int64_t now_us);
  /// The session says that it stops. True: the peer is down now.
  [[nodiscard]] bool farewell(node_number node, std::uint64_t session);
  /// Peers that fell silent since the last call.
  [[nodiscard]] std::vector<node_number> fallen_silent(std::int64_t now_us);
  /// Peers of which two processes were heard side by side since the last call.
  [[nodiscard]] std::vector<node_number> doubled();
  void refused(node_number node) { ++at(node).status.refused; }
  void received(node_number node) { ++at(node).status.received; }
  void forget(node_number node) { peers_.erase(node); }
  [[nodiscard]] peer_status status(node_number node) const;

 private:
  struct peer {
    peer_status status;
    std::uint64_t session = 0;
    bool stranger_spoke = false;  // since `session` was heard last
    bool doubled = false;         // and `session` after it: both live
    bool told = false;
  };
  peer& at(node_number node) {
    auto& p = peers_[node];
    p.status.node = node;
    return p;
  }

  std::int64_t silence_us_max_;
  std::map<node_number, peer> peers_;
};

}  // namespace millrace
