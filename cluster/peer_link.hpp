// The link between nodes over ZeroMQ: one ROUTER per class (consensus, bulk) takes what the peers'
// DEALERs send, CURVE with our own ZAP handler says who they are. One thread of ours takes
// arrivals, handshakes and beacons; sends leave on the caller's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/clock.hpp"
#include "cluster/peer_book.hpp"
#include "cluster/peer_outlet.hpp"
#include "cluster/peer_transport.hpp"

namespace millrace {

struct peer_link_options {
  std::string cluster;  // both ends must name the same
  node_number self = 0;
  curve_key key;
  std::string consensus = "tcp://127.0.0.1:0";  // where to listen; port 0 = any free one
  std::string bulk = "tcp://127.0.0.1:0";
  std::vector<peer_entry> peers;
  peer_limits limits;
};

/// What came under keys that are not listed.
struct peer_refusals {
  std::uint64_t handshakes = 0;
  std::uint64_t frames = 0;  // of connections whose key was struck off meanwhile
};

class peer_link : public peer_transport {
 public:
  /// Binds and starts the thread; `time` outlives it. Errors: config.invalid, port.unavailable.
  [[nodiscard]] static result<std::unique_ptr<peer_link>> start(peer_link_options options,
                                                                peer_listener listener,
                                                                const clock& time);
  /// Another allow-list, other addresses, another own key; while the link runs. Connections that
  /// fit stay; what comes under a key that is not listed any more is refused from now on. Returns
  /// when it is in force. Errors: config.invalid (nothing has changed).
  [[nodiscard]] virtual result<void> reload(curve_key own, std::vector<peer_entry> peers) = 0;
  /// Where it listens, with the ports that were chosen.
  [[nodiscard]] virtual std::string consensus_address() const = 0;
  [[nodiscard]] virtual std::string bulk_address() const = 0;
  [[nodiscard]] virtual peer_refusals refusals() const = 0;
  /// Says farewell, joins the thread. Later sends are dropped.
  virtual void stop() = 0;
};

}  // namespace millrace
