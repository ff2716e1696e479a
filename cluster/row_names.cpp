// Appended and merged: names come by the batch, with each image.
#include "cluster/row_names.hpp"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace millrace {

std::uint32_t row_names::hash(std::string_view name) {
  return static_cast<std::uint32_t>(XXH3_64bits(name.data(), name.size()));
}

void row_names::listed(std::optional<std::vector<std::uint32_t>> hashes) {
  listed_ = hashes.has_value();
  hashes_ = hashes ? std::move(*hashes) : std::vector<std::uint32_t>();
  merge(0);
}

void row_names::add(const std::vector<std::uint32_t>& hashes) {
  if (!listed_) return;
  const auto sorted = hashes_.size();
  hashes_.insert(hashes_.end(), hashes.begin(), hashes.end());
  merge(sorted);
}

/// Brings in order what stands behind the first `sorted`.
void row_names::merge(std::size_t sorted) {
  const auto middle = hashes_.begin() + static_cast<std::ptrdiff_t>(sorted);
  std::sort(middle, hashes_.end());
  std::inplace_merge(hashes_.begin(), middle, hashes_.end());
  hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
  if (hashes_.size() <= names_max) return;
  listed_ = false;
  hashes_ = std::vector<std::uint32_t>();
}

bool row_names::may_hold(std::uint32_t hash) const {
  return !listed_ || std::binary_search(hashes_.begin(), hashes_.end(), hash);
}

}  // namespace millrace
