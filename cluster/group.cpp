// The group core's beginning, its proposals, and what leaves it: writes, messages, committed
// entries. libraft 0.22 keeps only the terms of its log, no payloads: what is in flight is held
// here, shared with the proposer.
#include "cluster/group.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <utility>

#include "cluster/group_engine.hpp"

namespace millrace {

namespace {

error no_log(const char* what) { return error{"journal.damaged", what}; }
error not_leading() { return error{"node.not_ready", "no leader here"}; }

/// Nothing when no configuration is there yet: a member that joins.
std::optional<membership> latest_configuration(const group_image& image) {
  for (auto e = image.tail.rbegin(); e != image.tail.rend(); ++e)
    if (e->type == entry_type::change && e->payload) return membership::decode(*e->payload);
  return membership::decode(image.snapshot.configuration);
}

result<void> validate(const group_image& image) {
  const journal_index after = image.snapshot.index + 1;
  const bool empty = image.tail.empty();
  if (empty && image.snapshot.index == 0) return {};
  journal_index expected = empty ? after : image.tail.front().index;
  if (expected > after || (!empty && image.tail.back().index < image.snapshot.index))
    return no_log("the entries do not meet the snapshot");
  term_number term = expected == after ? image.snapshot.term : 0;
  for (const log_entry& e : image.tail) {
    if (e.index != expected++) return no_log("the entries are not consecutive");
    if (e.term < term || e.term > image.hard.term) return no_log("the terms are out of order");
    if (e.type == entry_type::change && (!e.payload || !membership::decode(*e.payload)))
      return no_log("no valid configuration");
    term = e.term;
  }
  if (image.snapshot.index == 0 && image.tail.front().type != entry_type::change)
    return no_log("the log does not begin with a configuration");
  if (!latest_configuration(image)) return no_log("no valid configuration");
  return {};
}

}  // namespace

group::group(group_options options) : engine_(std::make_unique<engine>(options)) {}
group::~group() = default;

bytes group::founding_configuration(node_number self) {
  return membership::of_voters(std::span(&self, 1)).encode();
}

std::optional<hard_state> group::before_start(const group_image& image) const {
  const auto last = latest_configuration(image);
  if (!engine_->options.on.sole_voter_term || !last || !last->sole_voter_is(engine_->options.self))
    return std::nullopt;
  return hard_state{image.hard.term + 1, engine_->options.self};
}

result<void> group::engine::start_raft(const group_image& image) {
  // raft_malloc, since the engine frees the array when START fails.
  raft_entry* entries = nullptr;
  if (!image.tail.empty()) {
    entries = static_cast<raft_entry*>(raft_calloc(image.tail.size(), sizeof(raft_entry)));
    check(entries != nullptr);
  }
  for (std::size_t i = 0; i < image.tail.size(); ++i) {
    const log_entry& e = image.tail[i];
    entries[i].term = e.term;
    entries[i].type = static_cast<raft_entry_type>(e.type);
    if (e.payload)
      entries[i].buf = {const_cast<std::uint8_t*>(e.payload->data()), e.payload->size()};
  }
  raft_snapshot_metadata metadata{};
  raft_event event{};
  event.type = RAFT_START;
  event.start.term = image.hard.term;
  event.start.voted_for = image.hard.voted_for;
  event.start.start_index = first;
  event.start.entries = entries;
  event.start.n_entries = static_cast<unsigned>(image.tail.size());
  if (image.snapshot.index > 0) {
    metadata.index = image.snapshot.index;
    metadata.term = image.snapshot.term;
    metadata.configuration_index = image.snapshot.configuration_index;
    metadata.configuration = to_raft(image.snapshot.configuration);
    event.start.metadata = &metadata;
  }
  auto ok = step(event, {}, "start");
  if (ok) raft_free(entries);
  return ok;
}

result<void> group::start(const group_image& image, std::uint64_t now_ms) {
  engine& e = *engine_;
  check(!e.started);
  if (auto ok = validate(image); !ok) return ok;
  e.started = true;
  e.set_now(now_ms);
  e.snapshot = image.snapshot;
  e.acknowledged = image.acknowledged;
  e.first = image.tail.empty() ? image.snapshot.index + 1 : image.tail.front().index;
  e.last = e.first - 1;
  if (image.snapshot.index > 0) {
    e.configurations.push_back({image.snapshot.configuration_index, image.snapshot.configuration});
    e.configuration_committed = image.snapshot.configuration_index;
    if (e.first > image.snapshot.index) e.runs.push_back({image.snapshot.index, e.snapshot.term});
  }
  for (const log_entry& entry : image.tail) e.note(entry);
  e.cache.clear();  // payloads of what was read are in the journal
  e.cache_bytes = 0;
  e.taken = e.durable = e.last;
  e.boot = {image.hard.term, e.last};
  if (const auto known = latest_configuration(image)) e.members = *known;
  if (auto ok = e.start_raft(image); !ok) return ok;
  e.delivered = std::min(std::max<journal_index>(raft_commit_index(&e.r), image.committed), e.last);
  return e.apply_configurations(e.delivered);
}

/// Takes an entry into what is known of the log, at its end.
void group::engine::note(const log_entry& e) {
  if (runs.empty() || runs.back().term != e.term) runs.push_back({e.index, e.term});
  last = e.index;
  if (e.type == entry_type::change && e.index > configuration_committed) {
    configurations.push_back({e.index, *e.payload});
    members = *membership::decode(*e.payload);
  }
  cache.push_back(e);
  cache_bytes += e.payload ? e.payload->size() : 0;
}

/// Lets go what was handed out and is on the disk, unless a peer that lags will want it.
void group::engine::drop_cache() {
  journal_index until = std::min(delivered, durable);
  if (leads() && has_peers() && cache_bytes <= options.cache_bytes_max)
    for (const member& m : members.members()) {
      raft_index match = 0;
      if (m.node == options.self || m.role == member_role::spare) continue;
      if (raft_match_index(&r, m.node, &match) == 0) until = std::min<journal_index>(until, match);
    }
  while (!cache.empty() && cache.front().index <= until) {
    cache_bytes -= cache.front().payload ? cache.front().payload->size() : 0;
    cache.pop_front();
  }
}

result<void> group::propose(std::span<const shared_bytes> payloads, std::uint64_t now_ms) {
  engine& e = *engine_;
  check(e.started);
  if (payloads.empty()) return {};
  e.set_now(now_ms);
  if (!e.leads()) return not_leading();
  if (raft_transferee(&e.r) != 0 || !e.queued.empty()) {
    if (e.queued.size() + payloads.size() > e.options.queued_max) return not_leading();
    e.queued.insert(e.queued.end(), payloads.begin(), payloads.end());
    return {};
  }
  std::vector<log_entry> entries;
  entries.reserve(payloads.size());
  for (const shared_bytes& p : payloads)
    entries.push_back(
        {e.last + entries.size() + 1, raft_current_term(&e.r), entry_type::command, p});
  return e.submit(entries);
}

std::vector<shared_bytes> group::take_refused() { return std::exchange(engine_->refused, {}); }

result<journal_index> group::barrier(std::uint64_t now_ms) {
  engine& e = *engine_;
  e.set_now(now_ms);
  if (!e.leads() || raft_transferee(&e.r) != 0) return not_leading();
  const log_entry entry{e.last + 1, raft_current_term(&e.r), entry_type::barrier,
                        std::make_shared<const bytes>()};
  if (auto ok = e.submit(std::span(&entry, 1)); !ok) return ok.error();
  return e.last;
}

result<void> group::read(std::uint64_t token, std::uint64_t now_ms) {
  engine& e = *engine_;
  e.set_now(now_ms);
  if (!e.leads() || raft_transferee(&e.r) != 0) return not_leading();
  // Nobody but a majority of this term, after now, commits what has not left yet.
  journal_index index =
      e.last > e.sent && e.term_at(e.last) == raft_current_term(&e.r) ? e.last : 0;
  if (e.members.sole_voter_is(e.options.self))
    index = raft_commit_index(&e.r);
  else if (index == 0) {
    const auto made = barrier(now_ms);
    if (!made) return made.error();
    index = *made;
  }
  e.reads.emplace_back(token, index);
  return {};
}

std::vector<read_answer> group::take_reads() {
  engine& e = *engine_;
  auto out = std::exchange(e.answered, {});
  std::erase_if(e.reads, [&](const auto& waiting) {
    if (waiting.second > e.delivered) return false;
    out.push_back({waiting.first, waiting.second});
    return true;
  });
  return out;
}

result<void> group::checkpointed(journal_index index, std::uint64_t now_ms) {
  engine& e = *engine_;
  check(e.started);
  if (index <= e.snapshot.index || index > e.delivered || index > raft_commit_index(&e.r) ||
      e.installing)
    return {};
  e.set_now(now_ms);
  const term_number term = e.term_at(index);
  while (e.configurations.size() > 1 && e.configurations[1].index <= index)
    e.configurations.pop_front();
  e.snapshot = {index, term, e.configurations.front().index, e.configurations.front().encoded};
  const auto trailing = e.has_peers() ? e.options.trailing_entries : 0;
  raft_event event{};
  event.type = RAFT_SNAPSHOT;
  event.snapshot.metadata.index = index;
  event.snapshot.metadata.term = term;
  event.snapshot.metadata.configuration_index = e.snapshot.configuration_index;
  event.snapshot.metadata.configuration = to_raft(e.snapshot.configuration);
  event.snapshot.trailing = trailing;
  if (auto ok = e.step(event, {}, "snapshot"); !ok) return ok;
  if (index > trailing && index - trailing >= e.first) e.first = index - trailing + 1;
  while (e.runs.size() > 1 && e.runs[1].first <= std::min(e.first, index)) e.runs.pop_front();
  e.output.snapshot = e.snapshot;
  return {};
}

group_output group::take_output() {
  engine& e = *engine_;
  e.taken = e.last;
  e.hard_taken = e.hard_taken || e.output.hard.has_value();
  e.install_taken = e.install_taken || e.output.install.has_value();
  e.late_taken.insert(e.late_taken.end(), std::make_move_iterator(e.late.begin()),
                      std::make_move_iterator(e.late.end()));
  e.late.clear();
  auto out = std::exchange(e.output, {});
  if (out.empty()) std::swap(out.acknowledged, e.output.acknowledged);  // with the next commit
  return out;
}

result<void> group::durable(std::uint64_t now_ms) {
  engine& e = *engine_;
  check(e.started);
  e.set_now(now_ms);
  e.hard_taken = false;
  const auto release = [&](std::vector<group_message>& from) {
    e.ready.insert(e.ready.end(), std::make_move_iterator(from.begin()),
                   std::make_move_iterator(from.end()));
    from.clear();
  };
  release(e.late_taken);
  if (std::exchange(e.install_taken, false)) {
    e.durable = e.snapshot.index;
    e.installing = false;
    raft_event event{};
    event.type = RAFT_PERSISTED_SNAPSHOT;
    event.persisted_snapshot.metadata = std::exchange(e.installed, {});
    event.persisted_snapshot.last = true;
    if (auto ok = e.step(event, {}, "persisted snapshot"); !ok) return ok;
  }
  if (e.taken > e.durable && !e.installing) {
    e.durable = e.taken;
    raft_event event{};
    event.type = RAFT_PERSISTED_ENTRIES;
    event.persisted_entries.index = e.taken;
    if (e.taken > e.r.last_stored)
      if (auto ok = e.step(event, {}, "persisted entries"); !ok) return ok;
  }
  if (e.output.empty()) release(e.late);
  return {};
}

std::vector<group_message> group::take_messages() {
  engine_->sent = engine_->last;
  return std::exchange(engine_->ready, {});
}

std::vector<log_entry> group::take_committed() {
  engine& e = *engine_;
  std::vector<log_entry> out;
  if (e.installing) return out;
  const journal_index committed = raft_commit_index(&e.r);
  const journal_index until = e.options.on.apply_after_durable ? std::min(committed, e.durable)
                                                               : std::min(committed, e.last);
  while (e.delivered < until) {
    const journal_index index = ++e.delivered;
    if (!e.cache.empty() && index >= e.cache.front().index)
      out.push_back(e.cache[index - e.cache.front().index]);
    else
      out.push_back({index, e.term_at(index), entry_type::command, nullptr});
  }
  e.drop_cache();
  return out;
}

group_status group::status() const {
  const engine& e = *engine_;
  group_status s;
  // libraft's accessors are not const-correct; they only read.
  switch (raft_state(const_cast<raft*>(&e.r))) {
    case RAFT_LEADER:
      s.role = group_role::leader;
      break;
    case RAFT_CANDIDATE:
      s.role = group_role::candidate;
      break;
    case RAFT_FOLLOWER:
    case RAFT_UNAVAILABLE:
      s.role = group_role::follower;
      break;
  }
  s.term = raft_current_term(&e.r);
  s.leader = e.leads() ? e.options.self : e.leader_term == s.term ? e.leader : 0;
  s.last = e.last;
  s.durable = e.durable;
  s.committed = raft_commit_index(&e.r);
  s.delivered = e.delivered;
  s.voters = static_cast<std::uint32_t>(e.members.voters());
  return s;
}

journal_index group::snapshot_index() const { return engine_->snapshot.index; }

std::size_t group::held() const { return engine_->cache.size(); }

boot_position group::boot() const { return engine_->boot; }

}  // namespace millrace
