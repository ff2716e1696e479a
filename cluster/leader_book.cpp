#include "cluster/leader_book.hpp"

#include <algorithm>
#include <iterator>

namespace millrace {

node_number leader_book::leader(std::string_view plant) const {
  const std::scoped_lock lock(mutex_);
  const auto found = lines_.find(plant);
  return found != lines_.end() && found->second.known ? found->second.at : 0;
}

void leader_book::learn(std::string_view plant, node_number node) {
  const std::scoped_lock lock(mutex_);
  lines_.insert_or_assign(std::string(plant), line{node, true, 0});
}

node_number leader_book::next(std::string_view plant, std::span<const node_number> candidates,
                              std::int64_t now_us) {
  const std::scoped_lock lock(mutex_);
  auto& l = lines_.try_emplace(std::string(plant)).first->second;
  const bool silent = l.asked_us != 0 && now_us - l.asked_us >= patience_us;
  if (l.at != 0 && !silent) {
    if (l.asked_us == 0) l.asked_us = now_us;
    return l.at;
  }
  if (candidates.empty()) return l.at;
  const auto last = std::find(candidates.begin(), candidates.end(), l.at);
  const bool more = last != candidates.end() && std::next(last) != candidates.end();
  l = {more ? *std::next(last) : candidates.front(), false, now_us};
  return l.at;
}

}  // namespace millrace
