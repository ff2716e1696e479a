// The disk seam: one ordered key-value environment with numbered tables, as the engine sees it.
// LMDB in production, a map with faults in the simulation. Keys are compared as unsigned bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "schemas/model.hpp"
#include "schemas/result.hpp"

namespace millrace {

/// Number of a table in its store, 0 .. store_tables_max - 1. Who owns the store names them.
using table_id = std::uint8_t;

inline constexpr table_id store_tables_max = 32;
inline constexpr std::size_t store_key_bytes_max = 511;  // LMDB's; at least 1

/// One write of a commit. All views are the caller's until the commit returns.
struct write {
  enum class op : std::uint8_t {
    put,          // key := head ++ body
    append,       // the same, and the key is above every key of the table (faster, fuller pages)
    erase,        // key goes; one that is not there is no error
    erase_range,  // all keys in [key, head) go; an empty `head` = to the end of the table
  };
  op what = op::put;
  table_id table = 0;
  bytes_view key;
  bytes_view head;
  bytes_view body = {};
};

struct store_space {
  std::uint64_t used_bytes = 0;  // pages in use in the environment
  std::uint64_t file_bytes = 0;  // its file's size
  std::uint64_t free_bytes = 0;  // how much more can be written: the smaller of disk and map
};

/// Walks one table of a snapshot. After a move that answers false the cursor stands nowhere, and
/// key() and value() must not be called. Views live as long as the snapshot.
class store_cursor {
 public:
  virtual ~store_cursor() = default;
  /// To the first key at or above `key`. Error here and below: disk.failed (the environment's
  /// structure is damaged).
  [[nodiscard]] virtual result<bool> seek(bytes_view key) = 0;
  /// To the last key below `key`; an empty `key` = to the table's last key.
  [[nodiscard]] virtual result<bool> seek_before(bytes_view key) = 0;
  [[nodiscard]] virtual result<bool> next() = 0;
  [[nodiscard]] virtual result<bool> previous() = 0;
  [[nodiscard]] virtual bytes_view key() const = 0;
  [[nodiscard]] virtual bytes_view value() const = 0;
};

/// What was committed when it was taken, unchanged by later commits. Any thread, one at a time;
/// must not outlive its store, and should not live long: while it lives, no page it can see is
/// reused.
class store_snapshot {
 public:
  virtual ~store_snapshot() = default;
  /// The value, or nothing. The view lives as long as the snapshot. Error: disk.failed.
  [[nodiscard]] virtual result<std::optional<bytes_view>> get(table_id table, bytes_view key) = 0;
  /// Must not outlive the snapshot. Error: disk.failed.
  [[nodiscard]] virtual result<std::unique_ptr<store_cursor>> scan(table_id table) = 0;
};

/// The environment. snapshot() and space() from any thread; commit() from one thread at a time.
class store {
 public:
  virtual ~store() = default;
  /// Error: disk.failed.
  [[nodiscard]] virtual result<std::unique_ptr<store_snapshot>> snapshot() = 0;
  /// All of the writes, in order, or none, synced to the disk when it returns. Error: disk.failed,
  /// after which the store refuses everything: whether the writes are there is unknown until the
  /// process starts anew (fail-stop).
  [[nodiscard]] virtual result<void> commit(std::span<const write> writes) = 0;
  [[nodiscard]] virtual result<store_space> space() const = 0;
};

}  // namespace millrace
