// The simulation's disk: ordered maps with commits that become durable when the simulation says so,
// crashes that drop what was not, and faults on demand. The platter outlives the store, as a disk
// outlives a process.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "cluster/large_commit.hpp"
#include "cluster/write_batch.hpp"

namespace millrace {

/// What is on the platter. Values are shared, so copies are cheap.
using memory_tables = std::array<std::map<bytes, shared_bytes>, store_tables_max>;

/// One disk. Outlives the stores that are opened on it one after the other. Single-threaded but for
/// the store's reads.
class memory_disk {
 public:
  memory_disk();

  // --- faults ---
  /// The commit that many commits from now (1 = the next, 0 = none) fails with an I/O error;
  /// `lands` = its writes are found after the crash all the same.
  void fail_commit(std::uint64_t in_commits, bool lands = false);
  /// Off: commits are visible at once but durable only after sync_now().
  void set_auto_sync(bool on) { auto_sync_ = on; }
  void sync_now();
  /// Power loss: back to what was durable. Stores that are open refuse everything from now on.
  void crash();
  /// Flips one bit of a durable and visible value: bit 0 is the lowest of byte 0. False when there
  /// is no such value.
  bool flip_bit(table_id table, bytes_view key, std::size_t bit);
  /// Replaces a value, or removes it.
  void tamper(table_id table, bytes_view key, std::optional<bytes> value);
  /// What is left of the disk; commits do not lower it.
  void set_free_bytes(std::uint64_t free) { free_bytes_ = free; }

  [[nodiscard]] std::uint64_t commits() const { return commits_; }
  /// Commits that would be lost in a crash now.
  [[nodiscard]] bool unsynced() const { return !undo_.empty(); }
  [[nodiscard]] const memory_tables& visible() const { return *visible_; }

 private:
  friend class memory_store;
  struct undo {
    table_id table;
    bytes key;
    shared_bytes value;  // before the commit; null = was not there
  };
  memory_tables& writable();
  void set(table_id table, const bytes& key, shared_bytes value);
  void apply(const write& w);

  std::shared_ptr<memory_tables>
      visible_;             // shared with snapshots: copied before a write while one lives
  std::vector<undo> undo_;  // of what is not synced
  bool auto_sync_ = true;
  bool failed_ = false;
  bool failing_lands_ = false;
  std::uint64_t fail_in_ = 0;  // 0 = no plan
  std::uint64_t commits_ = 0;
  std::uint64_t incarnation_ = 0;  // counts crashes
  std::uint64_t free_bytes_ = 1ull << 40;
  std::mutex mutex_;
};

class memory_store final : public large_store {
 public:
  /// As a process that opens the disk after a start.
  explicit memory_store(std::shared_ptr<memory_disk> disk);
  [[nodiscard]] result<std::unique_ptr<store_snapshot>> snapshot() override;
  [[nodiscard]] result<void> commit(std::span<const write> writes) override;
  [[nodiscard]] result<void> commit_all(const write_source& from) override;
  [[nodiscard]] result<store_space> space() const override;

 private:
  [[nodiscard]] bool refused() const;

  std::shared_ptr<memory_disk> disk_;
  std::uint64_t incarnation_;
};

}  // namespace millrace
