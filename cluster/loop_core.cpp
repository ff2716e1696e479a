// One turn of all groups: what waited is proposed, everything that has to be on the disk goes into
// one batch, and only after its commit does anyone hear of it.
#include "cluster/loop_core.hpp"

#include <algorithm>
#include <optional>

#include "cluster/check.hpp"
#include "cluster/journal_rows.hpp"
#include "cluster/loop_member.hpp"

namespace millrace {

loop_core::loop_core(store& journal_store, loop_options options, peer_transport* peers)
    : store_(journal_store),
      options_(std::move(options)),
      journal_(journal_store, options_.group.on, options_.turns),
      peers_(peers) {}

loop_core::~loop_core() = default;

result<void> loop_core::load() {
  auto snapshot = store_.snapshot();
  if (!snapshot) return snapshot.error();
  auto known = journal_rows::read_peers(**snapshot);
  if (!known) return known.error();
  directories_ = std::move(*known);
  return journal_.load();
}

result<void> loop_core::commit_batch() {
  auto done = batch_.empty() ? result<void>() : store_.commit(batch_.writes());
  batch_.clear();
  return done;
}

result<void> loop_core::commit_output(group_number number, const group_output& output,
                                      journal_index committed) {
  if (auto ok = journal_.write(batch_, number, output, committed); !ok) {
    batch_.clear();
    return ok;
  }
  journal_.end_turn(batch_);
  return commit_batch();
}

result<void> loop_core::ensure(const std::string& name, const membership& founders) {
  if (journal_.find(name) != nullptr) return {};
  const auto self = options_.group.self;
  auto made = founders.members().empty()           ? journal_.found(batch_, name, 1, self)
              : founders.role_of(self).has_value() ? journal_.found(batch_, name, 1, founders)
                                                   : journal_.join(batch_, name, 1);
  if (!made) return made.error();
  return commit_batch();
}

result<group_number> loop_core::open_group(const std::string& name, journal_index applied,
                                           std::shared_ptr<group_listener> listener,
                                           std::uint64_t now_ms, const membership& founders) {
  check(batch_.empty());
  const group_id id = group_id_of(name);
  if (const auto other = by_id_.find(id); other != by_id_.end())
    return error{"id.invalid", "the name " + name + " has the id of another group"};
  if (auto ok = ensure(name, founders); !ok) return ok.error();
  const journal_group& g = *journal_.find(name);
  check(!members_.contains(g.number));
  if (applied < g.anchor.index || applied > g.last)
    return error{"state.damaged", "group " + name + ": the checkpoint is at " +
                                      std::to_string(applied) + ", the journal holds " +
                                      std::to_string(g.anchor.index + 1) + " to " +
                                      std::to_string(g.last)};
  auto image = journal_.image(g.number, options_.group.trailing_entries);
  if (!image) return image.error();
  image->committed = std::max(image->committed, applied);  // a checkpoint holds what is committed
  auto m = std::make_unique<member>(g.number, options_.group, std::move(listener));
  m->id = id;
  m->generation = g.generation;
  if (const auto hard = m->core.before_start(*image)) {
    group_output first;
    first.hard = image->hard = *hard;
    if (auto ok = commit_output(g.number, first, g.committed); !ok) return ok.error();
  }
  if (auto ok = m->core.start(*image, now_ms); !ok) return ok.error();
  if (auto ok = commit_output(g.number, m->core.take_output(), m->core.status().delivered); !ok)
    return ok.error();
  const auto status = m->core.status();
  if (auto ok = hand_out(*m, applied + 1, status.delivered, status); !ok) return ok.error();
  tell_role(*m);
  by_id_.emplace(id, m.get());
  members_.emplace(g.number, std::move(m));
  return g.number;
}

/// What is durable in the journal, to the listener.
result<void> loop_core::hand_out(member& m, journal_index from, journal_index to,
                                 group_status status) {
  if (from > to) return {};
  auto snapshot = store_.snapshot();
  if (!snapshot) return snapshot.error();
  while (from <= to) {
    auto slice = read_journal(**snapshot, m.number, from, to, options_.replay_bytes_max);
    if (!slice) return slice.error();
    std::vector<log_entry> entries;
    entries.reserve(slice->size());
    for (journal_entry& e : *slice) entries.push_back(std::move(e.entry));
    from = entries.back().index + 1;
    status.delivered = entries.back().index;
    m.listener->on_committed(m.number, entries, status);
  }
  return {};
}

void loop_core::propose(group_number group, shared_bytes payload, term_number term) {
  check(payload != nullptr);
  waiting_.push_back({group, std::move(payload), term});
}

void loop_core::refuse(member& m, std::span<const shared_bytes> payloads, const error& why) {
  status_.refused += payloads.size();
  m.listener->on_refused(m.number, payloads, why);
}

result<void> loop_core::propose_waiting(std::uint64_t now_ms) {
  // Only what waits now: a listener that is refused may propose again at once.
  std::size_t left = waiting_.size();
  for (std::size_t size = 0; left > 0 && size < options_.turn_bytes_max; --left) {
    const proposal p = std::move(waiting_.front());
    waiting_.pop_front();
    const auto found = members_.find(p.group);
    check(found != members_.end());
    member& m = *found->second;
    if (p.payload->size() > entry_bytes_max)
      refuse(m, {&p.payload, 1}, error{"entry.too_large", "the entry is larger than 1 MB"});
    else if (options_.group.on.term_of_proposal && p.term != 0 && p.term != m.core.status().term)
      refuse(m, {&p.payload, 1}, error{"node.not_ready", "leadership moved"});
    else if (status_.below_reserve)
      refuse(m, {&p.payload, 1}, error{"node.disk_reserve", "less space is free than the reserve"});
    else {
      size += p.payload->size();
      m.proposals.push_back(p.payload);
    }
  }
  for (auto& [number, m] : members_) {
    if (m->proposals.empty()) continue;
    auto ok = m->core.propose(m->proposals, now_ms);
    if (!ok && ok.error().code != "node.not_ready") return ok;
    if (!ok) refuse(*m, m->proposals, ok.error());
    m->proposals.clear();
  }
  return {};
}

result<void> loop_core::tick_all(std::uint64_t now_ms) {
  const std::uint64_t away = prepared_ms_ == 0 ? 0 : now_ms - prepared_ms_;
  prepared_ms_ = now_ms;
  const std::uint64_t grid = now_ms - now_ms % options_.tick_ms;
  if (peers_ != nullptr && away > options_.group.election_timeout_ms / 2) {
    // Peers may have spoken meanwhile: what they said is heard before their silence counts.
    ++status_.stalls;
    ticked_ms_ = grid;
    return {};
  }
  if (grid <= ticked_ms_) return {};
  ticked_ms_ = grid;
  for (auto& [number, m] : members_)
    if (auto ok = m->core.tick(now_ms); !ok) return ok;
  return {};
}

result<void> loop_core::prepare(std::uint64_t now_ms) {
  check(batch_.empty());
  if (auto ok = receive_waiting(now_ms); !ok) return ok;
  // What a majority has now is on this disk since an earlier turn: who waits for it need not wait
  // for the commit of this one as well.
  for (auto& [number, m] : members_)
    if (auto ok = deliver_committed(*m); !ok) return ok;
  if (!waiting_.empty())
    if (auto ok = propose_waiting(now_ms); !ok) return ok;
  if (auto ok = tick_all(now_ms); !ok) return ok;
  for (auto& [number, m] : members_) {
    if (auto ok = post(*m); !ok) return ok;
    const group_output output = m->core.take_output();
    if (output.empty()) continue;
    status_.entries += output.append.size();
    if (auto ok = journal_.write(batch_, number, output, m->core.status().delivered); !ok)
      return ok;
  }
  journal_.end_turn(batch_);
  write_directories();
  greet(now_ms);
  send_all();
  return {};
}

result<void> loop_core::finish(std::uint64_t now_ms) {
  if (!batch_.empty()) {
    ++status_.turns;
    status_.bytes += batch_.size_bytes();
    batch_.clear();
  }
  for (auto& [number, m] : members_) {
    if (auto ok = m->core.durable(now_ms); !ok) return ok;
    if (auto ok = deliver(*m); !ok) return ok;
    if (auto ok = post(*m); !ok) return ok;
  }
  send_all();
  return {};
}

result<bool> loop_core::turn(std::uint64_t now_ms) {
  if (auto ok = prepare(now_ms); !ok) return ok.error();
  const bool writes = !batch_.empty();
  if (writes)
    if (auto ok = store_.commit(batch_.writes()); !ok) return ok.error();
  if (auto ok = finish(now_ms); !ok) return ok.error();
  return writes;
}

result<void> loop_core::deliver_committed(member& m) {
  const std::vector<log_entry> entries = m.core.take_committed();
  if (entries.empty()) return {};
  const auto here = std::find_if(entries.begin(), entries.end(),
                                 [](const log_entry& e) { return e.payload != nullptr; });
  group_status status = m.core.status();
  if (here != entries.begin())  // not in memory any more, or never was since the start
    if (auto ok = hand_out(m, entries.front().index, std::prev(here)->index, status); !ok)
      return ok;
  if (here != entries.end())
    m.listener->on_committed(m.number, std::span(here, entries.end()), status);
  return {};
}

result<void> loop_core::deliver(member& m) {
  if (auto ok = deliver_committed(m); !ok) return ok;
  if (const auto lost = m.core.take_refused(); !lost.empty())
    refuse(m, lost, error{"node.not_ready", "leadership was handed over"});
  for (const read_answer& r : m.core.take_reads())
    m.listener->on_readable(m.number, r.token, r.index.value_or(0));
  tell_role(m);
  return {};
}

void loop_core::tell_role(member& m) {
  const group_status status = m.core.status();
  if (m.told && m.told->role == status.role && m.told->term == status.term &&
      m.told->leader == status.leader)
    return;
  m.told = status;
  m.listener->on_role(m.number, status);
}

result<void> loop_core::checkpointed(group_number group, journal_index index,
                                     std::uint64_t now_ms) {
  const auto found = members_.find(group);
  check(found != members_.end());
  return found->second->core.checkpointed(index, now_ms);
}

result<bool> loop_core::retain_from(group_number group, journal_index first) {
  check(batch_.empty());
  auto cut = journal_.retain_from(batch_, group, first);
  if (!cut || !*cut) return cut;
  if (auto ok = commit_batch(); !ok) return ok.error();
  return true;
}

std::vector<std::pair<std::string, group_number>> loop_core::groups() const {
  std::vector<std::pair<std::string, group_number>> out;
  for (const journal_group* g : journal_.groups()) out.emplace_back(g->name, g->number);
  return out;
}

result<group_status> loop_core::status(group_number group) const {
  const auto found = members_.find(group);
  if (found == members_.end()) return error{"plant.unknown", "group " + std::to_string(group)};
  return found->second->core.status();
}

}  // namespace millrace
