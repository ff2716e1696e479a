// Marks at least a step apart; when there are too many, every second one goes and the step doubles.
#include "cluster/journal_size.hpp"

#include <algorithm>

namespace millrace {

void journal_size::add(journal_index index, std::size_t size) {
  if (marks_.empty() || total_ - marks_.back().before >= step_) marks_.push_back({index, total_});
  total_ += size + entry_overhead;
  if (marks_.size() <= marks_max) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < marks_.size(); i += 2) marks_[kept++] = marks_[i];
  marks_.resize(kept);
  step_ *= 2;
}

journal_index journal_size::first_within(std::uint64_t bytes_max) const {
  if (marks_.empty() || total_ - marks_.front().before <= bytes_max) return 0;
  const auto first = std::find_if(marks_.begin(), marks_.end(),
                                  [&](const mark& m) { return total_ - m.before <= bytes_max; });
  return first != marks_.end() ? first->index : marks_.back().index;
}

void journal_size::forget(journal_index first) {
  const auto end =
      std::find_if(marks_.begin(), marks_.end(), [&](const mark& m) { return m.index >= first; });
  marks_.erase(marks_.begin(), end);
}

void journal_size::save(row_writer& to) const {
  to.u64(total_).u64(step_).u32(static_cast<std::uint32_t>(marks_.size()));
  for (const auto& m : marks_) to.u64(m.index).u64(m.before);
}

void journal_size::load(row_reader& from) {
  total_ = from.u64();
  step_ = std::max(from.u64(), step_bytes_first);
  marks_.clear();
  for (auto n = from.u32(); n > 0 && from.ok(); --n) {
    const auto index = from.u64();
    marks_.push_back({index, from.u64()});
  }
}

}  // namespace millrace
