// How much of a plant's journal lies behind which entry, for retention by bytes. Pure: a bounded
// number of marks, which grow coarser as the journal grows.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/log_entry.hpp"
#include "cluster/row.hpp"

namespace millrace {

class journal_size {
 public:
  static constexpr std::size_t marks_max = 256;
  static constexpr std::uint64_t step_bytes_first = 64 * 1024;  // between two marks
  static constexpr std::size_t entry_overhead = 64;             // of a row, about

  /// The next entry, with that many bytes of payload.
  void add(journal_index index, std::size_t bytes);
  /// The first entry that may stay when at most `bytes_max` are to stay, 0 = all may. What came
  /// before the first mark counts as nothing, and goes first.
  [[nodiscard]] journal_index first_within(std::uint64_t bytes_max) const;
  /// What lies below `first` is gone.
  void forget(journal_index first);

  /// The fields of a row: total:u64 step:u64 count:u32 (index:u64 before:u64)*
  void save(row_writer& to) const;
  void load(row_reader& from);

 private:
  struct mark {
    journal_index index = 0;
    std::uint64_t before = 0;  // bytes of all entries below it
  };
  std::uint64_t total_ = 0;
  std::uint64_t step_ = step_bytes_first;
  std::vector<mark> marks_;
};

}  // namespace millrace
