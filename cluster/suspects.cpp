// A short list, looked through from end to end: it is empty unless a process died.
#include "cluster/suspects.hpp"

#include <algorithm>

namespace millrace {

std::uint32_t suspects::blame(hash128 id, std::string where) {
  const auto known =
      std::find_if(all_.begin(), all_.end(), [&](const suspect& s) { return s.id == id; });
  if (known != all_.end()) return ++known->deaths;
  restore({id, 1, std::move(where)});
  return 1;
}

void suspects::restore(suspect s) {
  if (all_.size() >= count_max) {
    const auto harmless = std::find_if(all_.begin(), all_.end(),
                                       [](const suspect& one) { return one.deaths < deaths_max; });
    all_.erase(harmless != all_.end() ? harmless : all_.begin());
  }
  all_.push_back(std::move(s));
}

bool suspects::acquit(hash128 id) {
  return std::erase_if(all_,
                       [&](const suspect& s) { return s.id == id && s.deaths < deaths_max; }) > 0;
}

bool suspects::poisonous(hash128 id) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const suspect& s) { return s.id == id && s.deaths >= deaths_max; });
}

}  // namespace millrace
