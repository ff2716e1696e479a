// Where the peers' envelopes of one class come in: a ROUTER that only listed keys get past. It can
// change its own key while it runs: connections that stand stay, new ones meet the new key.
#pragma once

#include <functional>
#include <string>
#include <zmq.hpp>

#include "cluster/curve_key.hpp"
#include "cluster/peer_outlet.hpp"

namespace millrace {

/// Single-threaded.
class peer_inlet {
 public:
  peer_inlet(zmq::context_t& context, std::string address, bool bulk);

  /// Error: port.unavailable.
  [[nodiscard]] result<void> bind(const curve_key& own, const std::string& zap_domain,
                                  const peer_limits& limits);
  /// Listens anew with another key; what fails is tried again by listen_again().
  void change_key(const curve_key& own);
  void listen_again();
  /// Hands out up to `frames_max` waiting frames with the public key that each came under. The view
  /// is aligned to 8 bytes. A message that is no single frame is handed out as an empty one.
  void take(std::size_t frames_max,
            const std::function<void(const std::string& key, bytes_view frame)>& arrived);
  void close() { socket_.close(); }

  [[nodiscard]] void* handle() { return socket_.handle(); }
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  std::string address_;
  bool bulk_;
  bool listening_ = false;
  zmq::socket_t socket_;
  std::string key_;  // reused
  bytes aligned_;
};

}  // namespace millrace
