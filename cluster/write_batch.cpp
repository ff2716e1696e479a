// The arena: chunks of fixed capacity that are filled in turn; a value larger than a chunk gets a
// chunk of its own. A chunk never grows beyond what it reserved, so views into it stay.
#include "cluster/write_batch.hpp"

#include <algorithm>
#include <utility>

namespace millrace {

namespace {
constexpr std::size_t chunk_bytes = 64 * 1024;
}

bytes_view write_batch::copy(bytes_view from) {
  if (from.empty()) return {};
  while (chunk_ < chunks_.size() &&
         chunks_[chunk_]->capacity() - chunks_[chunk_]->size() < from.size())
    ++chunk_;
  if (chunk_ == chunks_.size()) {
    chunks_.push_back(std::make_unique<bytes>());
    chunks_.back()->reserve(std::max(chunk_bytes, from.size()));
  }
  bytes& chunk = *chunks_[chunk_];
  const std::size_t at = chunk.size();
  chunk.insert(chunk.end(), from.begin(), from.end());
  return bytes_view(chunk.data() + at, from.size());
}

void write_batch::add(write::op what, table_id table, bytes_view key, bytes_view head,
                      bytes_view body) {
  writes_.push_back(write{what, table, key, head, body});
  size_bytes_ += key.size() + head.size() + body.size();
}

void write_batch::put(table_id table, bytes_view key, bytes_view value) {
  const bytes_view kept_key = copy(key);
  add(write::op::put, table, kept_key, copy(value), {});
}

void write_batch::put(table_id table, bytes_view key, bytes_view head, shared_bytes body) {
  const bytes_view kept_key = copy(key);
  const bytes_view kept_head = copy(head);
  add(write::op::put, table, kept_key, kept_head, body ? bytes_view(*body) : bytes_view());
  kept_.push_back(std::move(body));
}

void write_batch::append(table_id table, bytes_view key, bytes_view value) {
  const bytes_view kept_key = copy(key);
  add(write::op::append, table, kept_key, copy(value), {});
}

void write_batch::erase(table_id table, bytes_view key) {
  add(write::op::erase, table, copy(key), {}, {});
}

void write_batch::erase_range(table_id table, bytes_view from, bytes_view to) {
  const bytes_view kept_from = copy(from);
  add(write::op::erase_range, table, kept_from, copy(to), {});
}

void write_batch::clear() {
  writes_.clear();
  kept_.clear();
  size_bytes_ = 0;
  chunk_ = 0;
  std::erase_if(chunks_, [](const auto& chunk) { return chunk->capacity() > chunk_bytes; });
  for (auto& chunk : chunks_) chunk->clear();
}

}  // namespace millrace
