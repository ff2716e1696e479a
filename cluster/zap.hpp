// ZAP (ZeroMQ RFC 27): the decision about each CURVE handshake of a context's server sockets.
// ZeroMQ accepts any key without a handler, so a server socket sets a domain, enforces it, and a
// `zap_handler` is polled beside it. When that stops, nobody gets in.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <zmq.hpp>

namespace millrace {

/// Makes `socket` a CURVE server whose handshakes the context's handler of that domain decides.
void guard_with_zap(zmq::socket_t& socket, const std::string& secret_key,
                    const std::string& domain);

/// Says who a public key (Z85) belongs to, empty = nobody. What it says comes back as "User-Id" of
/// every message of the connection.
using zap_user_of = std::function<std::string(std::string_view key)>;

/// The parts of the answer to the parts of a request. Pure.
[[nodiscard]] std::vector<std::string> answer_zap(const std::vector<std::string>& request,
                                                  std::string_view domain,
                                                  const zap_user_of& user_of);

/// The one handler of a context. Single-threaded.
class zap_handler {
 public:
  zap_handler(zmq::context_t& context, std::string domain, zap_user_of user_of);
  /// To be polled for input.
  [[nodiscard]] void* handle() { return socket_.handle(); }
  /// Answers one waiting request: true when the key was let in; nullopt when none waits.
  std::optional<bool> answer();

 private:
  std::string domain_;
  zap_user_of user_of_;
  zmq::socket_t socket_;
};

}  // namespace millrace
