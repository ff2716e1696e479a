// Who belongs to a group and who leads it: changes one server at a time, catching up, handing
// leadership over. And how entries of any type reach libraft.
#include <algorithm>
#include <iterator>
#include <utility>

#include "cluster/group_engine.hpp"

namespace millrace {

namespace {

constexpr unsigned rounds_max = 10;  // of catching up, dissertation 4.2.1
constexpr std::uint64_t round_ms_max = 60'000;

error not_ready(const char* why) { return error{"node.not_ready", why}; }
error invalid(const char* why) { return error{"config.invalid", why}; }

/// Servers that are in one and not, or in another role, in the other.
std::size_t difference(const membership& a, const membership& b) {
  std::size_t count = 0;
  for (const member& m : a.members())
    if (b.role_of(m.node) != m.role) ++count;
  for (const member& m : b.members())
    if (!a.role_of(m.node)) ++count;
  return count;
}

}  // namespace

result<void> group::engine::submit(std::span<const log_entry> entries) {
  void* batch = raft_malloc(1);
  check(batch != nullptr);
  std::vector<raft_entry> array(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    // The engine looks into configurations only.
    const bytes& payload = *entries[i].payload;
    array[i].term = entries[i].term;
    array[i].type = static_cast<raft_entry_type>(entries[i].type);
    array[i].buf = {const_cast<std::uint8_t*>(payload.data()), payload.size()};
    array[i].batch = batch;
  }
  raft_event event{};
  event.type = RAFT_SUBMIT;
  event.submit.entries = array.data();
  event.submit.n = static_cast<unsigned>(array.size());
  submitted = batch;
  auto ok = step(event, entries, "submit");
  raft_free(std::exchange(submitted, nullptr));  // ours still when it was refused
  return ok;
}

result<void> group::engine::submit_queued() {
  if (queued.empty() || !leads() || raft_transferee(&r) != 0) return {};
  std::vector<log_entry> entries;
  entries.reserve(queued.size());
  for (shared_bytes& p : queued)
    entries.push_back(
        {last + entries.size() + 1, raft_current_term(&r), entry_type::command, std::move(p)});
  queued.clear();
  return submit(entries);
}

result<void> group::engine::may_change(const membership& next) const {
  if (!leads() || raft_transferee(&r) != 0) return not_ready("no leader here");
  if (difference(members, next) != 1) return invalid("one server at a time");
  if (next.voters() == 0 || next.members().size() > members_max)
    return invalid("a group has voters, and at most 32 members");
  const journal_index committed = raft_commit_index(&r);
  if (configurations.back().index > committed) return not_ready("the last change is under way");
  if (!options.on.safe_changes) return {};
  if (members.voters() == 1 && next.voters() > 1)
    return invalid("a sole voter's group does not grow: it is founded anew");
  if (!next.is_voter(options.self)) return invalid("leadership is handed over first");
  if (term_at(committed) != raft_current_term(&r))
    return not_ready("nothing of this term is committed yet");
  for (const member& m : members.members()) {
    raft_index match = 0;
    if (m.node == options.self || m.role == member_role::spare || !next.role_of(m.node)) continue;
    if (raft_match_index(&r, m.node, &match) != 0 || match < configurations.back().index)
      return not_ready("a member does not have the last change yet; remove the dead first");
  }
  return {};
}

result<void> group::engine::submit_change(const membership& next) {
  if (auto ok = may_change(next); !ok) {
    // Without an entry of the own term a change could be overtaken by one of an older term.
    if (leads() && raft_transferee(&r) == 0 && term_at(last) != raft_current_term(&r)) {
      const log_entry barrier{last + 1, raft_current_term(&r), entry_type::barrier,
                              std::make_shared<const bytes>()};
      if (auto made = submit(std::span(&barrier, 1)); !made) return made;
    }
    return ok;
  }
  const log_entry entry{last + 1, raft_current_term(&r), entry_type::change,
                        std::make_shared<const bytes>(next.encode())};
  return submit(std::span(&entry, 1));
}

result<void> group::engine::poll_promotion() {
  if (promotee == 0) return {};
  raft_index match = 0;
  if (!leads() || raft_match_index(&r, promotee, &match) != 0 || round > rounds_max ||
      now_ms - round_start_ms > round_ms_max) {
    promotee = 0;
    promoted = promotion::aborted;
    return {};
  }
  if (match < round_target) return {};
  if (match < last && now_ms - round_start_ms >= options.election_timeout_ms) {
    ++round;
    round_target = last;
    round_start_ms = now_ms;
    return {};
  }
  auto done = submit_change(members.with(promotee, member_role::voter));
  if (!done && done.error().code == "node.not_ready") return {};  // asked again
  if (!done && done.error().code != "config.invalid") return done;
  promotee = 0;
  promoted = done ? promotion::finished : promotion::aborted;
  return {};
}

result<void> group::change(const membership& next, std::uint64_t now_ms) {
  engine_->set_now(now_ms);
  return engine_->submit_change(next);
}

result<void> group::promote(node_number node, std::uint64_t now_ms) {
  engine& e = *engine_;
  e.set_now(now_ms);
  if (!e.leads()) return not_ready("no leader here");
  if (e.members.role_of(node) != member_role::standby)
    return invalid("only a standby becomes a voter");
  if (e.options.on.safe_changes && e.members.voters() == 1)
    return invalid("a sole voter's group does not grow: it is founded anew");
  e.promotee = node;
  e.promoted = promotion::running;
  e.round = 1;
  e.round_target = e.last;
  e.round_start_ms = e.now_ms;
  return e.poll_promotion();
}

promotion group::promotion_status() const { return engine_->promoted; }

result<void> group::transfer(node_number to, std::uint64_t now_ms) {
  engine& e = *engine_;
  e.set_now(now_ms);
  if (!e.leads() || raft_transferee(&e.r) != 0) return not_ready("no leader here");
  raft_index most = 0;
  if (to == 0)
    for (const member& m : e.members.members()) {
      raft_index match = 0;
      if (m.role != member_role::voter || m.node == e.options.self) continue;
      if (raft_match_index(&e.r, m.node, &match) != 0 || (to != 0 && match <= most)) continue;
      to = m.node;
      most = match;
    }
  if (to == 0 || to == e.options.self || !e.members.is_voter(to))
    return invalid("leadership goes to another voter");
  raft_event event{};
  event.type = RAFT_TRANSFER;
  event.transfer.server_id = to;
  return e.step(event, {}, "transfer");
}

result<void> group::step_down(std::uint64_t now_ms) {
  engine& e = *engine_;
  e.set_now(now_ms);
  if (!e.leads()) return not_ready("no leader here");
  if (e.members.sole_voter_is(e.options.self)) return invalid("nobody else could lead");
  // As if a peer had shown a later term.
  return e.receive(e.options.self, append_entries_result{raft_current_term(&e.r) + 1, 0, 0});
}

const membership& group::members() const { return engine_->members; }

bool group::transferring() const { return raft_transferee(&engine_->r) != 0; }

journal_index group::match_of(node_number node) const {
  raft_index match = 0;
  return raft_match_index(&engine_->r, node, &match) == 0 ? match : 0;
}

}  // namespace millrace
