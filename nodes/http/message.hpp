// HTTP messages as the gateway sees them: plain values and the exchange they travel in.
// Keeps Beast and Asio out of every file that only answers requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::http {

struct header {
  std::string name;
  std::string value;
};

/// ASCII case-insensitive equality, as header names need it.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);

/// One complete request: the body has been read, transfer codings undone.
struct request {
  std::string method;
  std::string target;  // as sent: still percent-encoded, with its query
  std::vector<header> headers;
  std::string body;

  /// First value of a header; empty when absent.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
};

struct response {
  int status = 200;
  std::vector<header>
      headers;  // without Content-Length, Connection and Date, which the session writes
  std::string body;
  bool close = false;  // end the connection after this response

  response& set(std::string_view name, std::string value);
  [[nodiscard]] std::string_view get(std::string_view name) const;
};

/// The open end of a streamed response. Thread-safe.
class stream {
 public:
  virtual ~stream() = default;
  /// Queues bytes; without effect once closed.
  virtual void write(std::string bytes) = 0;
  /// Bytes queued and not yet taken by the socket.
  [[nodiscard]] virtual std::size_t pending() const = 0;
  /// True once the client has gone or the server stops.
  [[nodiscard]] virtual bool closed() const = 0;
  /// Called on the connection's own thread each time everything queued has been sent. Set before
  /// the first write.
  virtual void on_drained(std::function<void()> call) = 0;
  virtual void close() = 0;
};

/// One request under way. Either `answer` or `open` is called, once, from any thread; an exchange
/// that is dropped unanswered answers 500 by itself.
class exchange {
 public:
  explicit exchange(http::request r) : request_(std::move(r)) {}
  virtual ~exchange() = default;
  [[nodiscard]] const http::request& request() const { return request_; }
  [[nodiscard]] http::request& request() { return request_; }
  virtual void answer(response r) = 0;
  [[nodiscard]] virtual std::shared_ptr<stream> open(response head) = 0;
  /// Closes the connection without an answer, as a crashed system would (fault switches of the
  /// simulators).
  virtual void drop() = 0;
  /// Runs `call` later on the connection's own thread, after what is already due there.
  virtual void post(std::function<void()> call) = 0;
  /// Number of the connection's thread, 0..threads-1.
  [[nodiscard]] virtual std::size_t thread() const = 0;

 private:
  http::request request_;
};

/// Answers requests. Called on the server's threads; must not block.
class handler {
 public:
  virtual ~handler() = default;
  virtual void handle(std::shared_ptr<exchange> e) = 0;
};

/// Bounds of one server; every one is a setting of [http] in config/node.toml.
struct limits {
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t headers_max = 100;
  std::size_t body_bytes_max = 1024 * 1024;
  std::size_t discard_bytes_max =
      64 * 1024 * 1024;  // read and thrown away after a refusal, so that it arrives
  std::size_t connections_max = 2048;
  std::size_t stream_bytes_max = 1024 * 1024;  // queued for one slow reader of a stream
  std::uint32_t header_ms_max = 10'000;
  std::uint32_t body_ms_max = 30'000;
  std::uint32_t idle_ms_max = 75'000;
  std::uint32_t write_ms_max = 30'000;
  std::uint32_t handling_ms_max = 60'000;
  std::uint32_t discard_ms_max = 10'000;
  std::uint32_t stop_ms_max = 5'000;
};

}  // namespace millrace::http
