// The bytes of a streamed response between its writers and its connection. Thread-safe.
#pragma once

#include <functional>
#include <mutex>
#include <string>

namespace millrace::http {

class stream_state {
 public:
  /// Queues a piece as one chunk; true when the connection must be woken.
  bool queue(std::string bytes);
  /// No more will come.
  void finish();
  void mark_closed();
  [[nodiscard]] bool closed() const;
  [[nodiscard]] std::size_t pending() const;
  /// More than that waits behind the write under way.
  [[nodiscard]] bool overflown(std::size_t bytes_max) const;
  void on_drained(std::function<void()> call);
  /// Puts the head in front of everything; `chunked`: HTTP/1.1 chunks, else raw bytes until the
  /// close.
  void begin(std::string head, bool chunked);
  /// What is to be sent next; empty when there is nothing or the head is not there yet.
  [[nodiscard]] std::string take();
  /// What was taken has been sent; the call to make when nothing is left.
  [[nodiscard]] std::function<void()> sent();

 private:
  void append(const std::string& bytes);
  mutable std::mutex mutex_;
  std::string queued_;  // framed once begun
  std::string early_;   // pieces that came before the head, not yet framed
  std::size_t sending_ = 0;
  bool begun_ = false;
  bool chunked_ = true;
  bool finished_ = false;
  bool terminated_ = false;
  bool closed_ = false;
  std::function<void()> drained_;
};

}  // namespace millrace::http
