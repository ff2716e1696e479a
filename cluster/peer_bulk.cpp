#include "cluster/peer_bulk.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "cluster/check.hpp"

namespace millrace {

void peer_bulk::take(bulk_tag tag, handler to) {
  check(static_cast<std::size_t>(tag) < bulk_tags_max);
  const std::unique_lock lock(handlers_mutex_);
  handlers_[static_cast<std::size_t>(tag)] = std::move(to);
}

bool peer_bulk::send(node_number to, bulk_tag tag, bytes_view body) {
  if (body.size() > bulk_body_max) return false;
  auto envelope = std::make_shared<bytes>(bulk_head_bytes + body.size());
  (*envelope)[0] = static_cast<std::uint8_t>(tag);
  std::copy(body.begin(), body.end(), envelope->begin() + bulk_head_bytes);
  const std::shared_lock lock(out_mutex_);
  if (out_ == nullptr) return false;
  out_->send(to, std::move(envelope), true);
  return true;
}

void peer_bulk::receive(node_number from, bytes_view envelope) {
  const auto head = envelope.first(std::min(envelope.size(), bulk_head_bytes));
  const bool formed = head.size() == bulk_head_bytes && head[0] < bulk_tags_max &&
                      std::all_of(head.begin() + 1, head.end(), [](auto b) { return b == 0; });
  const std::shared_lock lock(handlers_mutex_);
  if (!formed || !handlers_[head[0]]) {
    ++refused_;
    return;
  }
  handlers_[head[0]](from, envelope.subspan(bulk_head_bytes));
}

void peer_bulk::attach(peer_transport* out) {
  const std::unique_lock lock(out_mutex_);
  out_ = out;
}

}  // namespace millrace
