// The writes of one commit with the bytes they refer to: keys and small values copied into an
// arena, payloads referenced. Reused from turn to turn, so that a turn allocates nothing once warm.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cluster/store.hpp"

namespace millrace {

/// Bytes that never change, shared by whoever needs them.
using shared_bytes = std::shared_ptr<const bytes>;

/// Single-threaded. References given out by writes() live until clear() or the next change.
class write_batch {
 public:
  /// Copies key and value.
  void put(table_id table, bytes_view key, bytes_view value);
  /// Copies key and head, keeps `body`: value = head ++ body.
  void put(table_id table, bytes_view key, bytes_view head, shared_bytes body);
  /// As put; the key is above all keys of the table.
  void append(table_id table, bytes_view key, bytes_view value);
  void erase(table_id table, bytes_view key);
  /// [from, to); an empty `to` = to the end of the table.
  void erase_range(table_id table, bytes_view from, bytes_view to);
  /// Forgets the writes, keeps the memory.
  void clear();

  [[nodiscard]] std::span<const write> writes() const { return writes_; }
  [[nodiscard]] bool empty() const { return writes_.empty(); }
  /// Bytes of all keys and values.
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  bytes_view copy(bytes_view from);
  void add(write::op what, table_id table, bytes_view key, bytes_view head, bytes_view body);

  std::vector<write> writes_;
  std::vector<std::unique_ptr<bytes>> chunks_;  // each reserved once: bytes in it never move
  std::size_t chunk_ = 0;                       // the one that is being filled
  std::vector<shared_bytes> kept_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace millrace
