// One keep-alive HTTP/1.1 connection of the load generator: cheap enough to leave the machine to
// the node. It knows only what the gateway sends: a status line, headers, Content-Length, a body.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schemas/result.hpp"

namespace millrace::load {

struct http_answer {
  unsigned status = 0;
  std::string_view body;  // valid until the next call on the connection
};

class http_connection {
 public:
  /// Connects to HOST:PORT (numeric IPv4). Error: disk.failed never; request.malformed for the
  /// address or when refused.
  [[nodiscard]] static result<http_connection> open(std::string_view host_port);
  http_connection(http_connection&& other) noexcept;
  http_connection& operator=(http_connection&& other) noexcept;
  http_connection(const http_connection&) = delete;
  http_connection& operator=(const http_connection&) = delete;
  ~http_connection();

  [[nodiscard]] int fd() const { return fd_; }
  /// Queues bytes and sends what the socket takes at once. False when the connection is gone.
  [[nodiscard]] bool send(std::string_view bytes);
  /// Reads what is there; false when the connection is gone.
  [[nodiscard]] bool receive();
  /// The next whole answer, if there is one. nullopt: not yet. A malformed one has status 0.
  [[nodiscard]] std::optional<http_answer> next();
  /// Sends one request and waits for its answer; status 0 when the connection is gone.
  [[nodiscard]] http_answer exchange(std::string_view request);

 private:
  explicit http_connection(int fd) : fd_(fd) {}
  int fd_ = -1;
  std::string in_;
  std::size_t taken_ = 0;  // bytes of in_ that were handed out
  std::string out_;
};

/// Writes a POST (or GET, where body is absent) with a bearer token and, when given, an idempotency
/// key.
void append_request(std::string& out, std::string_view method, std::string_view path,
                    std::string_view token, std::string_view key,
                    std::optional<std::string_view> body, bool minimal);

}  // namespace millrace::load
