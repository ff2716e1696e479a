// An exchange without a socket: runs what is posted at once, keeps the answer.
#pragma once

#include <optional>
#include <string>

#include "nodes/http/message.hpp"

namespace millrace::tests {

class stream_double final : public http::stream {
 public:
  void write(std::string bytes) override { text += bytes; }
  [[nodiscard]] std::size_t pending() const override { return waiting; }
  [[nodiscard]] bool closed() const override { return ended; }
  void on_drained(std::function<void()> call) override { drained = std::move(call); }
  void close() override { ended = true; }
  std::string text;
  std::size_t waiting = 0;
  bool ended = false;
  std::function<void()> drained;
};

class exchange_double final : public http::exchange {
 public:
  using exchange::exchange;
  void answer(http::response r) override { answered = std::move(r); }
  std::shared_ptr<http::stream> open(http::response h) override {
    head = std::move(h);
    return stream;
  }
  void drop() override { dropped = true; }
  void post(std::function<void()> call) override { call(); }
  [[nodiscard]] std::size_t thread() const override { return 0; }

  bool dropped = false;
  std::optional<http::response> answered;
  std::optional<http::response> head;
  std::shared_ptr<stream_double> stream = std::make_shared<stream_double>();
};

}  // namespace millrace::tests
