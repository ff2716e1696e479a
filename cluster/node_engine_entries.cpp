// A plant's journal as audits read it, out of this node's own copy.
#include "cluster/answer_once.hpp"
#include "cluster/journal_entries.hpp"
#include "cluster/node_engine.hpp"

namespace millrace {

/// The plant says how far it has applied; the pages are read beside it, as event pages are.
void node_engine::entries(entry_query q, done<entry_page> cb) {
  const auto shell = find(q.plant);
  if (!shell)
    return cb(error{"plant.not_leader", "this node has no copy of " + q.plant +
                                            ": ask one that has (GET /v1/cluster)"});
  shell->post([this, q = std::move(q), cb = once(std::move(cb))](plant_shell& s) mutable {
    const auto group = s.group_id();
    if (group == 0) return (*cb)(error{"node.not_ready", "the plant's log is not open"});
    io_->page([journal = journal_.get(), group, q = std::move(q), cb = std::move(cb),
               upto = s.core().applied()] { (*cb)(read_entries(*journal, group, q, upto)); });
  });
}

}  // namespace millrace
