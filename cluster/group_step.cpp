// One event through libraft, and what comes of it: term and vote, entries, messages, a snapshot.
// The order in which things may leave and be written is decided here (libraft's contract).
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "cluster/group_engine.hpp"

namespace millrace {

raft_configuration to_raft(const bytes& encoded) {
  raft_configuration out{};
  const raft_buffer buffer{const_cast<std::uint8_t*>(encoded.data()), encoded.size()};
  check(raft_configuration_decode(&buffer, &out) == 0);
  return out;
}

error raft_error(const char* what, int rv) {
  return error{"group.unsafe", std::string(what) + ": " + raft_strerror(rv)};
}

group::engine::engine(group_options o) : options(o) {
  const std::array sizes{sizeof(raft), sizeof(raft_event), sizeof(raft_update), sizeof(raft_entry)};
  check(std::equal(sizes.begin(), sizes.end(), millrace_raft_sizes));
  const std::string address = std::to_string(options.self);
  check(raft_init(&r, nullptr, nullptr, options.self, address.c_str()) == 0);
  r.tracer = nullptr;  // else every step formats text into a static buffer
  raft_seed(&r, options.seed);
  raft_set_pre_vote(&r, true);
  raft_set_election_timeout(&r, options.election_timeout_ms);
  raft_set_heartbeat_timeout(&r, options.heartbeat_timeout_ms);
  raft_set_install_snapshot_timeout(&r, options.install_timeout_ms);
  raft_set_max_inflight_entries(&r, options.inflight_entries_max);
}

group::engine::~engine() {
  raft_configuration_close(&installed.configuration);
  raft_close(&r, nullptr);
}

term_number group::engine::term_at(journal_index index) const {
  if (index > last || runs.empty() || index < runs.front().first) return 0;
  const auto after =
      std::upper_bound(runs.begin(), runs.end(), index,
                       [](journal_index i, const term_run& run) { return i < run.first; });
  return std::prev(after)->term;
}

result<void> group::engine::step(raft_event& event, std::span<const log_entry> offered,
                                 const char* what) {
  event.time = now_ms;
  raft_update update{};
  if (const int rv = raft_step(&r, &event, &update); rv != 0) return raft_error(what, rv);
  if (auto ok = collect(update, offered); !ok) return ok;
  next_timeout_ms = std::max<std::uint64_t>(raft_timeout(&r), now_ms + 1);
  role_changed();
  return apply_configurations(raft_commit_index(&r));
}

result<void> group::engine::collect(const raft_update& update, std::span<const log_entry> offered) {
  constexpr unsigned hard = (RAFT_UPDATE_CURRENT_TERM) | (RAFT_UPDATE_VOTED_FOR);
  if ((update.flags & hard) != 0)
    output.hard = hard_state{raft_current_term(&r), static_cast<node_number>(raft_voted_for(&r))};
  if ((update.flags & (RAFT_UPDATE_ENTRIES)) != 0)
    if (auto ok = append(update, offered); !ok) return ok;
  if ((update.flags & (RAFT_UPDATE_SNAPSHOT)) != 0) begin_install(update);
  if ((update.flags & (RAFT_UPDATE_MESSAGES)) != 0)
    for (unsigned i = 0; i < update.messages.n; ++i) post(update.messages.batch[i]);
  return {};
}

/// `offered` is what was submitted or received; libraft takes all of it or the end of it. Or it
/// appends a barrier of its own, at an election.
result<void> group::engine::append(const raft_update& update, std::span<const log_entry> offered) {
  const raft_entry* entries = update.entries.batch;
  const std::size_t n = update.entries.n;
  const journal_index index = update.entries.index;
  raft_free(entries[0].batch);  // ours now; the payloads are not in it
  submitted = nullptr;
  const bool own = entries == &r.barrier;
  if (!own && (n > offered.size() || offered[offered.size() - n].index != index))
    return error{"group.unsafe", "the engine appends what it was not given"};
  if (index <= last)
    if (auto ok = truncate(index); !ok) return ok;
  if (index != last + 1) return error{"group.unsafe", "the engine leaves a gap in the log"};
  for (std::size_t i = 0; i < n; ++i) {
    log_entry e = own ? log_entry{index + i, entries[i].term, entry_type::barrier,
                                  std::make_shared<const bytes>()}
                      : offered[offered.size() - n + i];
    note(e);
    output.append.push_back(std::move(e));
  }
  return {};
}

result<void> group::engine::truncate(journal_index from) {
  if (from <= delivered)
    return error{"group.unsafe", "truncation of what was applied, at " + std::to_string(from)};
  while (!cache.empty() && cache.back().index >= from) {
    cache_bytes -= cache.back().payload ? cache.back().payload->size() : 0;
    cache.pop_back();
  }
  while (!runs.empty() && runs.back().first >= from) runs.pop_back();
  while (!configurations.empty() && configurations.back().index >= from) configurations.pop_back();
  members =
      configurations.empty() ? membership() : *membership::decode(configurations.back().encoded);
  std::erase_if(output.append, [&](const log_entry& e) { return e.index >= from; });
  output.truncate_from = std::min(output.truncate_from.value_or(from), from);
  last = from - 1;
  taken = std::min(taken, last);
  durable = std::min(durable, last);
  sent = std::min(sent, last);
  return {};
}

void group::engine::begin_install(const raft_update& update) {
  const raft_snapshot_metadata& m = update.snapshot.metadata;
  raft_free(update.snapshot.chunk.base);
  installed = m;
  installing = true;
  snapshot = {m.index, m.term, m.configuration_index, offer->configuration};
  cache.clear();
  cache_bytes = 0;
  runs.assign(1, {m.index, m.term});
  configurations.assign(1, {m.configuration_index, snapshot.configuration});
  configuration_committed = m.configuration_index;
  members = *membership::decode(snapshot.configuration);
  first = m.index + 1;
  last = taken = delivered = sent = m.index;
  durable = 0;
  output.truncate_from.reset();
  output.append.clear();
  output.snapshot.reset();
  output.install = snapshot;
  output.install_chain = offer->chain;
}

append_entries group::engine::outgoing(const raft_append_entries& m) const {
  append_entries out{m.term, m.prev_log_index, m.prev_log_term, m.leader_commit, {}, 0};
  out.entries.reserve(m.n_entries);
  for (journal_index i = m.prev_log_index + 1; i <= m.prev_log_index + m.n_entries; ++i)
    if (!cache.empty() && i >= cache.front().index) {
      out.entries.push_back(cache[i - cache.front().index]);
    } else {
      out.entries.push_back({i, term_at(i), entry_type::command, nullptr});
      ++out.missing;
    }
  return out;
}

std::optional<peer_message> group::engine::translate(const raft_message& m) const {
  switch (m.type) {
    case RAFT_APPEND_ENTRIES:
      return outgoing(m.append_entries);
    case RAFT_APPEND_ENTRIES_RESULT:
      return append_entries_result{m.append_entries_result.term, m.append_entries_result.rejected,
                                   m.append_entries_result.last_log_index};
    case RAFT_REQUEST_VOTE:
      return request_vote{m.request_vote.term,           m.request_vote.candidate_id,
                          m.request_vote.last_log_index, m.request_vote.last_log_term,
                          m.request_vote.disrupt_leader, m.request_vote.pre_vote};
    case RAFT_REQUEST_VOTE_RESULT: {
      request_vote_result out{m.request_vote_result.term, m.request_vote_result.vote_granted,
                              m.request_vote_result.pre_vote};
      // Else a candidate with the newest log and an old term never learns why it is denied.
      if (options.on.denied_pre_vote_term && out.pre_vote && !out.granted)
        out.term = std::max<term_number>(out.term, raft_current_term(&r));
      return out;
    }
    case RAFT_INSTALL_SNAPSHOT:
      if (m.install_snapshot.last_index != snapshot.index) return std::nullopt;
      return install_snapshot{m.install_snapshot.term,      snapshot.index,         snapshot.term,
                              snapshot.configuration_index, snapshot.configuration, {}};
    case RAFT_TIMEOUT_NOW:
      return timeout_now{m.timeout_now.term, m.timeout_now.last_log_index,
                         m.timeout_now.last_log_term};
  }
  return std::nullopt;
}

void group::engine::post(const raft_message& m) {
  if (m.server_id == options.self) return;  // the answer to own_term_as_sole_voter
  auto what = translate(m);
  if (!what) return;
  if (m.type == RAFT_INSTALL_SNAPSHOT) offered_snapshots[m.server_id] = snapshot.index;
  const bool hard_waits = output.hard.has_value() || hard_taken;
  const bool waits = hard_waits || (m.type != RAFT_APPEND_ENTRIES && !output.empty());
  auto& to = waits && options.on.vote_after_durable ? late : ready;
  to.push_back({static_cast<node_number>(m.server_id), std::move(*what)});
}

/// Tells libraft which configurations are committed.
result<void> group::engine::apply_configurations(journal_index until) {
  if (installing) return {};
  for (std::size_t i = 0; i < configurations.size(); ++i) {
    const placed_configuration c = configurations[i];
    if (c.index <= configuration_committed || c.index > until) continue;
    configuration_committed = c.index;
    raft_event event{};
    event.type = RAFT_CONFIGURATION;
    event.configuration.index = c.index;
    event.configuration.conf = to_raft(c.encoded);
    if (auto ok = step(event, {}, "configuration"); !ok) return ok;
  }
  return {};
}

/// Whoever leads no longer, or leads anew, knows nothing of what was under way.
void group::engine::role_changed() {
  const bool leading = leads();
  const term_number term = raft_current_term(&r);
  if (leading == led && (!leading || term == led_term)) return;
  led = leading;
  led_term = term;
  for (shared_bytes& p : queued) refused.push_back(std::move(p));
  queued.clear();
  for (const auto& [token, index] : reads) answered.push_back({token, std::nullopt});
  reads.clear();
  offered_snapshots.clear();
  promotee = 0;
  if (promoted == promotion::running) promoted = promotion::aborted;
}

}  // namespace millrace
