// One open group inside the loop core. Included by loop_*.cpp only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "cluster/loop_core.hpp"

namespace millrace {

struct loop_core::member {
  member(group_number n, const group_options& o, std::shared_ptr<group_listener> l)
      : number(n), core(o), listener(std::move(l)) {}
  group_number number;
  group core;
  std::shared_ptr<group_listener> listener;
  group_id id = 0;
  std::uint32_t generation = 1;
  std::vector<shared_bytes> proposals;  // of this turn
  std::optional<group_status> told;     // role, term and leader as the listener knows them
  struct sent_back {
    journal_index previous = 0;
    std::uint64_t at_ms = 0;
  };
  std::map<node_number, sent_back> caught_up;  // what members beyond the log's begin were sent last
};

}  // namespace millrace
