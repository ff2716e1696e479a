// The group core: turns libraft's updates into outputs, and durable positions into committed
// entries. libraft 0.22 keeps only the terms of its log, no payloads: what is in flight is held
// here, shared with the proposer.
#include "cluster/group.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <string>
#include <utility>

#include "cluster/check.hpp"

// raft.h does not compile as C++ with its assertions (sizeof of an anonymous struct); raft_sizes.c
// compiles them as C.
extern "C" {
#define static_assert(...)
#include <raft.h>
#undef static_assert
extern const unsigned long millrace_raft_sizes[4];
}

namespace millrace {

namespace {

/// A decoded configuration; freed here unless released to the engine.
class configuration {
 public:
  configuration() { raft_configuration_init(&held_); }
  ~configuration() { raft_configuration_close(&held_); }
  configuration(const configuration&) = delete;
  configuration& operator=(const configuration&) = delete;
  [[nodiscard]] bool decode(bytes_view from) {
    const raft_buffer buffer{const_cast<std::uint8_t*>(from.data()), from.size()};
    return !from.empty() && raft_configuration_decode(&buffer, &held_) == 0;
  }
  [[nodiscard]] bool only_voter_is(node_number self) const {
    return held_.n == 1 && held_.servers[0].id == self && held_.servers[0].role == RAFT_VOTER;
  }
  raft_configuration release() {
    const raft_configuration out = held_;
    raft_configuration_init(&held_);
    return out;
  }

 private:
  raft_configuration held_{};
};

/// A configuration and where it stands in the log.
struct placed_configuration {
  journal_index index = 0;
  bytes encoded;
};

/// The terms of a log as runs: from `first` on it is `term`, until the next run.
struct term_run {
  journal_index first = 0;
  term_number term = 0;
};

placed_configuration latest_configuration(const group_image& image) {
  for (auto e = image.tail.rbegin(); e != image.tail.rend(); ++e)
    if (e->type == entry_type::change && e->payload) return {e->index, *e->payload};
  return {image.snapshot.configuration_index, image.snapshot.configuration};
}

error raft_error(const char* what, int rv) {
  return error{"group.unsafe", std::string(what) + ": " + raft_strerror(rv)};
}

error no_log(const char* what) { return error{"journal.damaged", what}; }

result<void> validate(const group_image& image, node_number self) {
  journal_index expected = image.snapshot.index + 1;
  term_number term = image.snapshot.term;
  for (const log_entry& e : image.tail) {
    if (e.index != expected++) return no_log("the entries are not consecutive");
    if (e.term < term || e.term > image.hard.term) return no_log("the terms are out of order");
    term = e.term;
  }
  if (image.snapshot.index == 0 &&
      (image.tail.empty() || image.tail.front().type != entry_type::change))
    return no_log("the log does not begin with a configuration");
  configuration last;
  if (!last.decode(latest_configuration(image).encoded)) return no_log("no valid configuration");
  if (!last.only_voter_is(self))
    return error{"config.invalid", "this node is not the group's only voter"};
  return {};
}

}  // namespace

struct group::engine {
  explicit engine(group_options o) : options(o) {
    const std::array sizes{sizeof(raft), sizeof(raft_event), sizeof(raft_update),
                           sizeof(raft_entry)};
    check(std::equal(sizes.begin(), sizes.end(), millrace_raft_sizes));
    const std::string address = std::to_string(options.self);
    check(raft_init(&r, nullptr, nullptr, options.self, address.c_str()) == 0);
    r.tracer = nullptr;  // else every step formats text into a static buffer
    raft_seed(&r, options.seed);
    raft_set_pre_vote(&r, true);
    raft_set_election_timeout(&r, options.election_timeout_ms);
    raft_set_heartbeat_timeout(&r, options.heartbeat_timeout_ms);
  }
  ~engine() { raft_close(&r, nullptr); }
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  void set_now(std::uint64_t ms) { now_ms = std::max(now_ms, ms); }
  int step(raft_event& event, std::span<const shared_bytes> submitted);
  void collect(const raft_update& update, std::span<const shared_bytes> submitted);
  void note_term(journal_index index, term_number term) {
    if (runs.empty() || runs.back().term != term) runs.push_back({index, term});
  }
  result<void> start_raft(const group_image& image);
  result<void> apply_configurations();

  group_options options;
  raft r{};
  bool started = false;
  std::uint64_t now_ms = 0;
  std::uint64_t next_timeout_ms = 0;
  group_output output;      // not taken yet
  journal_index last = 0;   // of the log
  journal_index taken = 0;  // up to here the output was taken
  journal_index durable = 0;
  journal_index delivered = 0;
  std::deque<log_entry> held;                       // (delivered, last]
  std::deque<term_run> runs;                        // of the log from the snapshot on
  std::deque<placed_configuration> configurations;  // the one at the snapshot and all later
  journal_index configuration_committed = 0;
  group_snapshot snapshot;
};

int group::engine::step(raft_event& event, std::span<const shared_bytes> submitted) {
  event.time = now_ms;
  raft_update update{};
  const int rv = raft_step(&r, &event, &update);
  if (rv != 0) return rv;
  collect(update, submitted);
  next_timeout_ms = std::max<std::uint64_t>(raft_timeout(&r), now_ms + 1);
  return 0;
}

void group::engine::collect(const raft_update& update, std::span<const shared_bytes> submitted) {
  constexpr unsigned hard = (RAFT_UPDATE_CURRENT_TERM) | (RAFT_UPDATE_VOTED_FOR);
  if ((update.flags & hard) != 0)
    output.hard = hard_state{raft_current_term(&r), static_cast<node_number>(raft_voted_for(&r))};
  // Alone in its group a server neither installs snapshots nor talks to anyone.
  check((update.flags & (RAFT_UPDATE_SNAPSHOT)) == 0);
  check((update.flags & (RAFT_UPDATE_MESSAGES)) == 0 || update.messages.n == 0);
  if ((update.flags & (RAFT_UPDATE_ENTRIES)) == 0) return;
  // Only its own proposals are appended: no truncation, no barrier of the engine's.
  check(update.entries.index == last + 1);
  check(update.entries.n == submitted.size());
  for (unsigned i = 0; i < update.entries.n; ++i) {
    const raft_entry& from = update.entries.batch[i];
    log_entry e{++last, from.term, static_cast<entry_type>(from.type), submitted[i]};
    note_term(e.index, e.term);
    output.append.push_back(e);
    held.push_back(std::move(e));
  }
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
  event.start.start_index = image.snapshot.index + 1;
  event.start.entries = entries;
  event.start.n_entries = static_cast<unsigned>(image.tail.size());
  if (image.snapshot.index > 0) {
    configuration at_snapshot;
    if (!at_snapshot.decode(image.snapshot.configuration)) {
      raft_free(entries);
      return no_log("no valid configuration in the snapshot");
    }
    metadata.index = image.snapshot.index;
    metadata.term = image.snapshot.term;
    metadata.configuration_index = image.snapshot.configuration_index;
    metadata.configuration = at_snapshot.release();
    event.start.metadata = &metadata;
  }
  if (const int rv = step(event, {}); rv != 0) return raft_error("start", rv);
  raft_free(entries);
  if (raft_state(&r) != RAFT_LEADER) return error{"group.unsafe", "a sole voter did not lead"};
  return {};
}

result<void> group::engine::apply_configurations() {
  const journal_index committed = raft_commit_index(&r);
  for (const placed_configuration& c : configurations) {
    if (c.index <= configuration_committed || c.index > committed) continue;
    configuration decoded;
    if (!decoded.decode(c.encoded)) return no_log("no valid configuration");
    raft_event event{};
    event.type = RAFT_CONFIGURATION;
    event.configuration.index = c.index;
    event.configuration.conf = decoded.release();
    if (const int rv = step(event, {}); rv != 0) return raft_error("configuration", rv);
    configuration_committed = c.index;
  }
  return {};
}

group::group(group_options options) : engine_(std::make_unique<engine>(options)) {}
group::~group() = default;

bytes group::founding_configuration(node_number self) {
  raft_configuration conf{};
  raft_configuration_init(&conf);
  check(raft_configuration_add(&conf, self, std::to_string(self).c_str(), RAFT_VOTER) == 0);
  raft_buffer buffer{};
  check(raft_configuration_encode(&conf, &buffer) == 0);
  const auto* data = static_cast<const std::uint8_t*>(buffer.base);
  bytes out(data, data + buffer.len);
  raft_free(buffer.base);
  raft_configuration_close(&conf);
  return out;
}

std::optional<hard_state> group::before_start(const group_image& image) const {
  configuration last;
  if (!engine_->options.on.sole_voter_term || !last.decode(latest_configuration(image).encoded) ||
      !last.only_voter_is(engine_->options.self))
    return std::nullopt;
  return hard_state{image.hard.term + 1, engine_->options.self};
}

result<void> group::start(const group_image& image, std::uint64_t now_ms) {
  engine& e = *engine_;
  check(!e.started);
  if (auto ok = validate(image, e.options.self); !ok) return ok;
  e.started = true;
  e.set_now(now_ms);
  e.snapshot = image.snapshot;
  e.last = e.taken = e.durable = image.snapshot.index + image.tail.size();
  if (image.snapshot.index > 0) {
    e.note_term(image.snapshot.index, image.snapshot.term);
    e.configurations.push_back({image.snapshot.configuration_index, image.snapshot.configuration});
    e.configuration_committed = image.snapshot.configuration_index;
  }
  for (const log_entry& entry : image.tail) {
    e.note_term(entry.index, entry.term);
    if (entry.type == entry_type::change) e.configurations.push_back({entry.index, *entry.payload});
  }
  if (auto ok = e.start_raft(image); !ok) return ok;
  if (auto ok = e.apply_configurations(); !ok) return ok;
  e.delivered = raft_commit_index(&e.r);
  check(e.delivered == e.last);  // alone, everything that is on the disk is committed
  return {};
}

result<void> group::propose(std::span<const shared_bytes> payloads, std::uint64_t now_ms) {
  engine& e = *engine_;
  check(e.started);
  if (payloads.empty()) return {};
  e.set_now(now_ms);
  std::vector<raft_entry> entries(payloads.size());
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    // The engine looks into configurations only, and frees nothing of what is submitted.
    auto* base = const_cast<std::uint8_t*>(payloads[i]->data());
    entries[i].term = raft_current_term(&e.r);
    entries[i].type = RAFT_COMMAND;
    entries[i].buf = {base, payloads[i]->size()};
    entries[i].batch = base;
  }
  raft_event event{};
  event.type = RAFT_SUBMIT;
  event.submit.entries = entries.data();
  event.submit.n = static_cast<unsigned>(entries.size());
  const int rv = e.step(event, payloads);
  if (rv == RAFT_NOTLEADER) return error{"node.not_ready", "no leader here"};
  if (rv != 0) return raft_error("submit", rv);
  return {};
}

result<void> group::tick(std::uint64_t now_ms) {
  engine& e = *engine_;
  check(e.started);
  e.set_now(now_ms);
  if (e.now_ms < e.next_timeout_ms) return {};
  raft_event event{};
  event.type = RAFT_TIMEOUT;
  if (const int rv = e.step(event, {}); rv != 0) return raft_error("timeout", rv);
  return {};
}

result<void> group::checkpointed(journal_index index, std::uint64_t now_ms) {
  engine& e = *engine_;
  check(e.started);
  if (index <= e.snapshot.index || index > e.delivered) return {};
  e.set_now(now_ms);
  while (e.runs.size() > 1 && e.runs[1].first <= index) e.runs.pop_front();
  while (e.configurations.size() > 1 && e.configurations[1].index <= index)
    e.configurations.pop_front();
  configuration decoded;
  if (!decoded.decode(e.configurations.front().encoded)) return no_log("no valid configuration");
  e.snapshot = {index, e.runs.front().term, e.configurations.front().index,
                e.configurations.front().encoded};
  raft_event event{};
  event.type = RAFT_SNAPSHOT;
  event.snapshot.metadata.index = index;
  event.snapshot.metadata.term = e.snapshot.term;
  event.snapshot.metadata.configuration_index = e.snapshot.configuration_index;
  event.snapshot.metadata.configuration = decoded.release();
  event.snapshot.trailing = 0;
  if (const int rv = e.step(event, {}); rv != 0) return raft_error("snapshot", rv);
  e.output.snapshot = e.snapshot;
  return {};
}

group_output group::take_output() {
  engine_->taken = engine_->last;
  return std::exchange(engine_->output, {});
}

result<void> group::durable(std::uint64_t now_ms) {
  engine& e = *engine_;
  check(e.started);
  if (e.taken == e.durable) return {};
  e.set_now(now_ms);
  raft_event event{};
  event.type = RAFT_PERSISTED_ENTRIES;
  event.persisted_entries.index = e.taken;
  if (const int rv = e.step(event, {}); rv != 0) return raft_error("persisted entries", rv);
  e.durable = e.taken;
  return e.apply_configurations();
}

std::vector<log_entry> group::take_committed() {
  engine& e = *engine_;
  const journal_index until = std::min<journal_index>(raft_commit_index(&e.r), e.durable);
  std::vector<log_entry> out;
  while (!e.held.empty() && e.held.front().index <= until) {
    e.delivered = e.held.front().index;
    out.push_back(std::move(e.held.front()));
    e.held.pop_front();
  }
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
  s.last = e.last;
  s.durable = e.durable;
  s.committed = raft_commit_index(&e.r);
  s.delivered = e.delivered;
  return s;
}

journal_index group::snapshot_index() const { return engine_->snapshot.index; }

std::size_t group::held() const { return engine_->held.size(); }

}  // namespace millrace
