// The table of durable timers and the order in which they fall due.
// A key of the state environment is actor NUL name: neither can contain NUL (ids have no control
// characters).
#include "cluster/timers.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace millrace {

void timer_table::arm(std::string_view actor, std::string_view name, timestamp due) {
  auto it = timers_.find(view{actor, name});
  if (it != timers_.end()) {
    if (it->second == due) return;
    waiting_.erase(it);
    dirty_.insert(it->first);
    if (!due.given()) {
      timers_.erase(it);
      return;
    }
    it->second = due;
  } else {
    if (!due.given()) return;
    it = timers_.emplace(key{actor, name}, due).first;
    dirty_.insert(it->first);
  }
  waiting_.insert(it);
}

bool timer_table::fire(std::string_view actor, std::string_view name, timestamp due) {
  if (!pending(actor, name, due)) return false;
  arm(actor, name, {});
  return true;
}

bool timer_table::pending(std::string_view actor, std::string_view name, timestamp due) const {
  const auto it = timers_.find(view{actor, name});
  return it != timers_.end() && it->second == due;
}

std::vector<timer_ref> timer_table::take_due(timestamp now, std::size_t limit) {
  std::vector<timer_ref> out;
  while (!waiting_.empty() && out.size() < limit) {
    const auto it = *waiting_.begin();
    if (it->second > now) break;
    out.push_back({it->first.first, it->first.second, it->second});
    waiting_.erase(waiting_.begin());
  }
  return out;
}

timestamp timer_table::next_due() const {
  return waiting_.empty() ? timestamp() : (*waiting_.begin())->second;
}

void timer_table::hand_back(std::string_view actor, std::string_view name) {
  const auto it = timers_.find(view{actor, name});
  if (it != timers_.end()) waiting_.insert(it);
}

void timer_table::hand_back_all() {
  for (auto it = timers_.cbegin(); it != timers_.cend(); ++it) waiting_.insert(it);
}

std::vector<std::pair<std::string, bytes>> timer_table::take_dirty() {
  std::vector<std::pair<std::string, bytes>> out;
  out.reserve(dirty_.size());
  for (const auto& k : dirty_) {
    const auto it = timers_.find(k);
    out.emplace_back(k.first + '\0' + k.second,
                     it == timers_.end() ? bytes() : row_writer().time(it->second).seal());
  }
  dirty_.clear();
  return out;
}

result<void> timer_table::load(std::string_view stored_key, bytes_view row) {
  const auto cut = stored_key.find('\0');
  auto in = row_reader::open(row, "timer");
  if (!in) return std::move(in).error();
  if (cut == std::string_view::npos) return error{"state.damaged", "timer: the key has no name"};
  const auto it =
      timers_
          .insert_or_assign(key{stored_key.substr(0, cut), stored_key.substr(cut + 1)}, in->time())
          .first;
  waiting_.insert(it);
  return {};
}

std::uint64_t timer_table::hash() const {
  std::uint64_t h = 0;
  for (const auto& [k, due] : timers_) {
    h = XXH3_64bits_withSeed(k.first.data(), k.first.size(), h);
    h = XXH3_64bits_withSeed(k.second.data(), k.second.size(), h);
    h ^= static_cast<std::uint64_t>(due.micros()) * 0x9E3779B97F4A7C15ull;
  }
  return h;
}

}  // namespace millrace
