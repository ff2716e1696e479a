// The bytes of a streamed response between its writers and its connection.
// Chunk framing of RFC 9112 §7.1 happens here, under the lock, so that pieces never interleave.
#include "nodes/http/stream_state.hpp"

#include <array>
#include <charconv>

namespace millrace::http {

void stream_state::append(const std::string& bytes) {
  if (bytes.empty()) return;
  if (!chunked_) {
    queued_ += bytes;
    return;
  }
  std::array<char, 20> size{};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), bytes.size(), 16).ptr;
  queued_.append(size.data(), end);
  queued_ += "\r\n";
  queued_ += bytes;
  queued_ += "\r\n";
}

bool stream_state::queue(std::string bytes) {
  const std::lock_guard lock(mutex_);
  if (closed_ || finished_) return false;
  if (begun_)
    append(bytes);
  else
    early_ += bytes;
  return begun_;
}

void stream_state::finish() {
  const std::lock_guard lock(mutex_);
  finished_ = true;
}

void stream_state::mark_closed() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  drained_ = nullptr;
}

bool stream_state::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_ || (terminated_ && queued_.empty() && sending_ == 0);
}

std::size_t stream_state::pending() const {
  const std::lock_guard lock(mutex_);
  return queued_.size() + early_.size() + sending_;
}

bool stream_state::overflown(std::size_t bytes_max) const {
  const std::lock_guard lock(mutex_);
  return queued_.size() + early_.size() > bytes_max;
}

void stream_state::on_drained(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  if (!closed_) drained_ = std::move(call);
}

void stream_state::begin(std::string head, bool chunked) {
  const std::lock_guard lock(mutex_);
  begun_ = true;
  chunked_ = chunked;
  queued_ = std::move(head);
  append(early_);
  early_.clear();
}

std::string stream_state::take() {
  const std::lock_guard lock(mutex_);
  if (!begun_) return {};
  if (finished_ && !terminated_) {
    if (chunked_) queued_ += "0\r\n\r\n";
    terminated_ = true;
  }
  std::string out;
  out.swap(queued_);
  sending_ = out.size();
  return out;
}

std::function<void()> stream_state::sent() {
  const std::lock_guard lock(mutex_);
  sending_ = 0;
  return queued_.empty() && !finished_ ? drained_ : nullptr;
}

}  // namespace millrace::http
