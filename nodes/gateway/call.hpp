// One request inside the gateway: its exchange, who sent it, what it asks for, and the ways to
// answer it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "nodes/gateway/auth.hpp"
#include "nodes/gateway/metrics.hpp"
#include "nodes/gateway/path.hpp"
#include "nodes/http/message.hpp"
#include "nodes/http/problem.hpp"
#include "schemas/result.hpp"

namespace millrace::gateway {

class call : public std::enable_shared_from_this<call> {
 public:
  call(std::shared_ptr<http::exchange> e, metrics& m)
      : exchange(std::move(e)), metrics_(m), arrived_(std::chrono::steady_clock::now()) {}

  /// Answers with JSON.
  void json(int status, std::string body);
  /// Answers with problem+json; `title` of a kind's refusal when the catalogue has none.
  void fail(const error& e, std::string_view title = {}, std::uint32_t retry_after_s = 0);
  /// Answers as it is, with the headers that every answer carries.
  void answer(http::response r);
  /// Runs `f` on the request's own thread.
  void later(std::function<void()> f) { exchange->post(std::move(f)); }
  [[nodiscard]] const http::request& request() const { return exchange->request(); }
  [[nodiscard]] std::chrono::nanoseconds age() const {
    return std::chrono::steady_clock::now() - arrived_;
  }

  std::shared_ptr<http::exchange> exchange;
  gateway::target target;
  identity who;
  std::string correlation;  // as the client gave it or made here
  std::string code;         // of the refusal, for the log
  gateway::route route = gateway::route::unknown;

 private:
  void log(int status) const;
  metrics& metrics_;
  std::chrono::steady_clock::time_point arrived_;
};

using call_ptr = std::shared_ptr<call>;

}  // namespace millrace::gateway
