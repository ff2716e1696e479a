// What snapshots and the history before them do to the logs of a node.
#include <algorithm>

#include "cluster/check.hpp"
#include "cluster/loop_member.hpp"

namespace millrace {

result<void> loop_core::install(group_number group, node_number from, const snapshot_head& head,
                                std::uint64_t now_ms) {
  auto* found = find(group);
  if (found == nullptr) return error{"plant.unknown", "group " + std::to_string(group)};
  const install_snapshot content{std::max(found->status().term, head.of.term),
                                 head.of.index,
                                 head.of.term,
                                 head.configuration_index,
                                 head.configuration,
                                 bytes(head.chain.begin(), head.chain.end())};
  if (!found->wants(content)) return {};  // the log came there by itself
  // Harmless when the process ends before the install is written: less is missing then.
  if (auto ok = want_history(group, head.history_from); !ok) return ok;
  return found->install(from, content, now_ms);
}

result<void> loop_core::adopt(const std::string& name, const snapshot_head& head) {
  const auto* g = journal_.find(name);
  if (g == nullptr) return {};
  check(batch_.empty());
  const group_number number = g->number;
  const group_snapshot begins{head.of.index, head.of.term, head.configuration_index,
                              head.configuration};
  if (auto ok = journal_.adopt(batch_, number, begins, head.chain); !ok) return ok;
  if (batch_.empty()) return {};
  journal_.want_history(batch_, number, head.history_from);
  return commit_batch();
}

result<void> loop_core::want_history(group_number group, journal_index first) {
  if (journal_.find(group) == nullptr)
    return error{"plant.unknown", "group " + std::to_string(group)};
  check(batch_.empty());
  journal_.want_history(batch_, group, first);
  return commit_batch();
}

result<bool> loop_core::back_fill(group_number group, const history_chunk& chunk) {
  if (journal_.find(group) == nullptr)
    return error{"plant.unknown", "group " + std::to_string(group)};
  check(batch_.empty());
  auto put = journal_.back_fill(batch_, group, chunk);
  if (!put || !*put) return put;
  if (auto ok = commit_batch(); !ok) return ok.error();
  return true;
}

}  // namespace millrace
