// Messages from other servers on their way into libraft, with the guards against what it takes
// wrongly (guards.hpp has the list).
#include <algorithm>
#include <string>
#include <utility>

#include "cluster/group_engine.hpp"

namespace millrace {

namespace {

// Versions as libraft writes them.
constexpr unsigned char vote_version = 2;
constexpr unsigned char append_result_version = 2;

bool valid_changes(const append_entries& m) {
  return std::all_of(m.entries.begin(), m.entries.end(), [](const log_entry& e) {
    return e.type != entry_type::change || membership::decode(*e.payload).has_value();
  });
}

}  // namespace

result<void> group::engine::deliver(node_number from, raft_message& m,
                                    std::span<const log_entry> offered) {
  const std::string address = std::to_string(from);
  m.server_id = from;
  m.server_address = address.c_str();
  raft_event event{};
  event.type = RAFT_RECEIVE;
  event.receive.message = &m;
  return step(event, offered, "receive");
}

result<void> group::engine::receive(node_number from, const request_vote& v) {
  raft_message m{};
  m.type = RAFT_REQUEST_VOTE;
  m.request_vote.version = vote_version;
  m.request_vote.term = v.term;
  m.request_vote.candidate_id = v.candidate;
  m.request_vote.last_log_index = v.last_index;
  m.request_vote.last_log_term = v.last_term;
  m.request_vote.disrupt_leader = v.disrupt_leader;
  m.request_vote.pre_vote = v.pre_vote;
  return deliver(from, m, {});
}

result<void> group::engine::receive(node_number from, const request_vote_result& v) {
  // libraft looks into the candidate's part of a union first, whatever the server is.
  if (options.on.pre_vote_answers && v.pre_vote && raft_state(&r) != RAFT_CANDIDATE) return {};
  raft_message m{};
  m.type = RAFT_REQUEST_VOTE_RESULT;
  m.request_vote_result.version = vote_version;
  m.request_vote_result.term = v.term;
  m.request_vote_result.vote_granted = v.granted;
  m.request_vote_result.pre_vote = v.pre_vote;
  return deliver(from, m, {});
}

result<void> group::engine::receive(node_number from, append_entries m) {
  const term_number term = raft_current_term(&r);
  if (m.term == term && leads())
    return error{"group.unsafe", "two leaders in term " + std::to_string(term)};
  if (!valid_changes(m)) return {};
  if (options.on.compacted_previous && m.term >= term && m.previous_index < first &&
      m.previous_index != snapshot.index) {
    // All that a checkpoint contains is committed, so every leader has it.
    m.previous_index = snapshot.index;
    m.previous_term = snapshot.term;
    std::erase_if(m.entries, [&](const log_entry& e) { return e.index <= snapshot.index; });
  }
  const std::span<const log_entry> all(m.entries);
  std::size_t begin = 0;
  if (options.on.change_first)
    for (std::size_t i = 1; i < all.size(); ++i) {
      if (all[i].type != entry_type::change) continue;
      if (auto ok = take_entries(from, m, all.subspan(begin, i - begin)); !ok) return ok;
      begin = i;
    }
  auto ok = take_entries(from, m, all.subspan(begin));
  if (ok && m.term == raft_current_term(&r)) {
    leader = from;
    leader_term = m.term;
  }
  return ok;
}

/// Part of what `all` brought, consecutive. A change is preceded by the same without entries, so
/// that what is committed before it is known as such first.
result<void> group::engine::take_entries(node_number from, const append_entries& all,
                                         std::span<const log_entry> entries) {
  raft_message m{};
  m.type = RAFT_APPEND_ENTRIES;
  raft_append_entries& a = m.append_entries;
  a.term = all.term;
  a.prev_log_index = all.previous_index;
  a.prev_log_term = all.previous_term;
  a.leader_commit = all.commit;
  if (!entries.empty() && entries.front().index > all.previous_index + 1) {
    a.prev_log_index = entries.front().index - 1;
    a.prev_log_term = (&entries.front() - 1)->term;
  }
  if (options.on.change_first && !entries.empty() && entries.front().type == entry_type::change) {
    if (auto ok = deliver(from, m, {}); !ok) return ok;
    // A change is only made when the one before it is committed.
    if (a.prev_log_term != 0 && term_at(a.prev_log_index) == a.prev_log_term &&
        a.term == raft_current_term(&r))
      if (auto ok = apply_configurations(a.prev_log_index); !ok) return ok;
  }
  if (entries.empty()) return deliver(from, m, {});
  void* batch = raft_malloc(1);  // libraft owns a batch; the payloads stay where they are
  check(batch != nullptr);
  std::vector<raft_entry> array(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bytes& payload = *entries[i].payload;
    array[i].term = entries[i].term;
    array[i].type = static_cast<raft_entry_type>(entries[i].type);
    array[i].buf = {const_cast<std::uint8_t*>(payload.data()), payload.size()};
    array[i].batch = batch;
  }
  a.entries = array.data();
  a.n_entries = static_cast<unsigned>(array.size());
  return deliver(from, m, entries);
}

result<void> group::engine::receive(node_number from, append_entries_result v) {
  raft_index match = 0;
  const bool known =
      leads() && v.term == raft_current_term(&r) && raft_match_index(&r, from, &match) == 0;
  // What it matched once it has: the answer is older than that.
  if (known && options.on.stale_rejections && v.rejected > 0 &&
      (v.rejected <= match || v.last_index < match)) {
    v.rejected = 0;
    v.last_index = match;
  }
  raft_message m{};
  m.type = RAFT_APPEND_ENTRIES_RESULT;
  m.append_entries_result.version = append_result_version;
  m.append_entries_result.term = v.term;
  m.append_entries_result.rejected = v.rejected;
  m.append_entries_result.last_log_index = v.last_index;
  return deliver(from, m, {});
}

/// Content is in place (see group::install).
result<void> group::engine::receive(node_number from, const install_snapshot& v) {
  raft_message m{};
  m.type = RAFT_INSTALL_SNAPSHOT;
  m.install_snapshot.term = v.term;
  m.install_snapshot.last_index = v.index;
  m.install_snapshot.last_term = v.index_term;
  m.install_snapshot.conf_index = v.configuration_index;
  m.install_snapshot.conf = to_raft(v.configuration);
  offer = &v;
  auto ok = deliver(from, m, {});
  offer = nullptr;
  if (ok && v.term == raft_current_term(&r)) {
    leader = from;
    leader_term = v.term;
  }
  return ok;
}

result<void> group::engine::receive(node_number from, const timeout_now& v) {
  raft_message m{};
  m.type = RAFT_TIMEOUT_NOW;
  m.timeout_now.term = v.term;
  m.timeout_now.last_log_index = v.last_index;
  m.timeout_now.last_log_term = v.last_term;
  return deliver(from, m, {});
}

/// A follower that became its group's only voter would lead without a new term, perhaps in one that
/// another server led in: it votes for itself in the next one first.
result<void> group::engine::own_term_as_sole_voter() {
  const raft_time since = r.election_timer_start;
  request_vote v;
  v.term = raft_current_term(&r) + 1;
  v.candidate = options.self;
  v.last_index = last;
  v.last_term = term_at(last);
  v.disrupt_leader = true;
  auto ok = receive(options.self, v);
  r.election_timer_start = since;  // the vote put the timeout off
  return ok;
}

result<void> group::receive(const group_message& m, const peer_identity& from,
                            std::uint64_t now_ms) {
  engine& e = *engine_;
  check(e.started);
  e.set_now(now_ms);
  if (m.peer == e.options.self || std::holds_alternative<install_snapshot>(m.what)) return {};
  if (auto ok = std::visit([&](const auto& what) { return e.receive(m.peer, what); }, m.what); !ok)
    return ok;
  const auto* answer = std::get_if<append_entries_result>(&m.what);
  raft_index match = 0;
  if (answer != nullptr && e.leads() && raft_match_index(&e.r, m.peer, &match) == 0 && match > 0) {
    const acknowledgement now{from, raft_current_term(&e.r), match};
    if (auto& known = e.acknowledged[m.peer]; known != now)
      e.output.acknowledged[m.peer] = known = now;
    if (const auto at = e.offered_snapshots.find(m.peer);
        at != e.offered_snapshots.end() && match >= at->second)
      e.offered_snapshots.erase(at);
  }
  if (auto ok = e.submit_queued(); !ok) return ok;
  return e.poll_promotion();
}

bool group::admits(node_number peer, const peer_identity& who, const boot_position& boot) const {
  const engine& e = *engine_;
  const auto known = e.acknowledged.find(peer);
  if (!e.options.on.remembered_positions || known == e.acknowledged.end()) return true;
  const acknowledgement& a = known->second;
  if (who.incarnation != a.who.incarnation || who.boots < a.who.boots) return false;
  if (who.boots == a.who.boots) return true;
  // It began anew since: at its leader's term or later, and in that term with all it acknowledged.
  return boot.term > a.term || (boot.term == a.term && boot.last >= a.index);
}

bool group::wants(const install_snapshot& offer) const {
  const engine& e = *engine_;
  return !e.installing && !e.leads() && offer.term >= raft_current_term(&e.r) &&
         offer.index > e.delivered && e.term_at(offer.index) != offer.index_term &&
         membership::decode(offer.configuration).has_value();
}

result<void> group::install(node_number from, const install_snapshot& offer, std::uint64_t now_ms) {
  engine& e = *engine_;
  check(e.started);
  e.set_now(now_ms);
  if (!wants(offer)) return {};
  return e.receive(from, offer);
}

std::vector<node_number> group::needs_snapshot() const {
  std::vector<node_number> out;
  for (const auto& [node, index] : engine_->offered_snapshots) out.push_back(node);
  return out;
}

result<void> group::tick(std::uint64_t now_ms) {
  engine& e = *engine_;
  check(e.started);
  e.set_now(now_ms);
  if (e.now_ms < e.next_timeout_ms) return {};
  const bool due = raft_timeout(&e.r) <= e.now_ms;
  if (due && e.options.on.candidate_asks_again && raft_state(&e.r) == RAFT_CANDIDATE) {
    e.r.candidate_state.disrupt_leader = false;
    e.r.candidate_state.in_pre_vote = true;
  }
  if (due && e.options.on.sole_voter_term && raft_state(&e.r) == RAFT_FOLLOWER &&
      e.members.sole_voter_is(e.options.self) && raft_voted_for(&e.r) != e.options.self)
    if (auto ok = e.own_term_as_sole_voter(); !ok) return ok;
  raft_event event{};
  event.type = RAFT_TIMEOUT;
  if (auto ok = e.step(event, {}, "timeout"); !ok) return ok;
  if (auto ok = e.submit_queued(); !ok) return ok;
  return e.poll_promotion();
}

}  // namespace millrace
