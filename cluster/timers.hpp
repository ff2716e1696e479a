// Durable timers: (actor, name) -> due. Filed and fired by journaled records only, so every replica
// has the same table; the leader asks which are due and proposes the record that fires them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cluster/row.hpp"

namespace millrace {

/// One armed timer.
struct timer_ref {
  std::string actor;  // "kind/id"
  std::string name;
  timestamp due;
};

/// Pure table, not thread-safe. An armed timer costs about 250 bytes.
class timer_table {
 public:
  /// Arms or moves the timer; a due time of 0 cancels it.
  void arm(std::string_view actor, std::string_view name, timestamp due);
  /// A record fired it: true when it was pending with exactly this due, and it is gone now.
  bool fire(std::string_view actor, std::string_view name, timestamp due);
  /// True when it is pending with exactly this due.
  [[nodiscard]] bool pending(std::string_view actor, std::string_view name, timestamp due) const;

  /// Up to `limit` timers due at `now` that were not handed out yet, earliest first; they count as
  /// handed out.
  [[nodiscard]] std::vector<timer_ref> take_due(timestamp now, std::size_t limit);
  /// When the next timer that was not handed out is due; not given when there is none.
  [[nodiscard]] timestamp next_due() const;
  /// What was handed out and has not fired may be handed out again (a lost proposal, a lost actor).
  void hand_back(std::string_view actor, std::string_view name);
  void hand_back_all();

  [[nodiscard]] std::size_t size() const { return timers_.size(); }
  /// Keys changed since the last call, each with its row (empty = erase).
  [[nodiscard]] std::vector<std::pair<std::string, bytes>> take_dirty();
  /// Key is without the table's prefix. Error: state.damaged.
  [[nodiscard]] result<void> load(std::string_view key, bytes_view row);
  [[nodiscard]] std::uint64_t hash() const;
  /// Calls f(actor, name, due), by actor and name.
  template <class F>
  void for_each(F&& f) const {
    for (const auto& [k, due] : timers_) f(k.first, k.second, due);
  }

 private:
  using key = std::pair<std::string, std::string>;
  using view = std::pair<std::string_view, std::string_view>;
  struct less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      const int order = std::string_view(a.first).compare(b.first);
      return order != 0 ? order < 0 : std::string_view(a.second) < std::string_view(b.second);
    }
  };
  using table = std::map<key, timestamp, less>;
  struct earlier {
    bool operator()(table::const_iterator a, table::const_iterator b) const {
      if (a->second != b->second) return a->second < b->second;
      return less()(a->first, b->first);
    }
  };

  table timers_;
  std::set<table::const_iterator, earlier> waiting_;  // those not handed out, by due
  std::set<key, less> dirty_;
};

}  // namespace millrace
