// The HTTP/1.1 server: listens, keeps connections within their bounds, hands complete requests to a
// handler. Beast and Asio stay behind this header, since they compile slowly.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "nodes/http/message.hpp"
#include "schemas/result.hpp"

namespace millrace::http {

struct server_options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;   // 0 = any free port
  std::size_t threads = 1;  // connections are spread over them and stay on theirs
  limits bounds;
};

/// Figures of a running server.
struct server_figures {
  std::uint64_t accepted = 0, refused = 0, open = 0, malformed = 0, timed_out = 0;
};

class server {
 public:
  /// Listens and starts the threads. Error: config.invalid when the address cannot be used.
  [[nodiscard]] static result<std::unique_ptr<server>> start(server_options options,
                                                             std::shared_ptr<handler> h);
  virtual ~server() = default;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual server_figures figures() const = 0;
  /// Stops accepting, lets what is under way finish within limits::stop_ms_max, closes everything,
  /// joins the threads.
  virtual void stop() = 0;
};

}  // namespace millrace::http
