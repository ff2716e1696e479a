// The loop core's side towards other nodes: what came is checked and handed to its group, what
// leaves is completed from the journal and goes out in one envelope per peer.
#include <algorithm>
#include <iterator>
#include <utility>

#include "cluster/check.hpp"
#include "cluster/journal_rows.hpp"
#include "cluster/loop_member.hpp"

namespace millrace {

namespace {

/// The highest index that a message speaks of.
journal_index index_of(const peer_message& m) {
  struct {
    journal_index operator()(const request_vote& v) const { return v.last_index; }
    journal_index operator()(const request_vote_result&) const { return 0; }
    journal_index operator()(const append_entries& v) const {
      return std::max(v.previous_index, v.commit);
    }
    journal_index operator()(const append_entries_result& v) const {
      return std::max(v.rejected, v.last_index);
    }
    journal_index operator()(const install_snapshot& v) const { return v.index; }
    journal_index operator()(const timeout_now& v) const { return v.last_index; }
  } of;
  return std::visit(of, m);
}

/// In pieces that fit a frame, each a message of its own.
std::vector<peer_message> pieces(append_entries all) {
  std::vector<peer_message> out;
  append_entries next{all.term, all.previous_index, all.previous_term, all.commit, {}, 0};
  std::size_t size = 0;
  for (log_entry& e : all.entries) {
    if (!next.entries.empty() && size + e.payload->size() > append_bytes_max) {
      const log_entry last = next.entries.back();
      out.emplace_back(std::move(next));
      next = {all.term, last.index, last.term, all.commit, {}, 0};
      size = 0;
    }
    size += e.payload->size();
    next.entries.push_back(std::move(e));
  }
  out.emplace_back(std::move(next));
  return out;
}

}  // namespace

void loop_core::receive(node_number from, bytes_view envelope) {
  auto e = inbox_bytes_ + envelope.size() > options_.inbox_bytes_max
               ? result<peer_envelope>(error{"request.malformed", "too much waits"})
               : decode_envelope(envelope);
  if (!e || e->sender != from || e->target != options_.group.self ||
      e->cluster != options_.cluster || !same_directory(from, e->identity)) {
    ++status_.envelopes_refused;
    return;
  }
  inbox_bytes_ += envelope.size();
  for (peer_frame& f : e->frames) inbox_.push_back({from, e->identity, std::move(f)});
}

/// A node whose directory was wiped has the votes and acknowledgements of its number no more.
bool loop_core::same_directory(node_number from, const peer_identity& who) {
  if (!options_.group.on.remembered_positions) return true;
  const auto [known, fresh] = directories_.try_emplace(from, who.incarnation);
  if (fresh) heard_first_.push_back(from);
  if (known->second == who.incarnation) {
    strangers_.erase(from);
    return true;
  }
  strangers_.insert(from);
  return false;
}

/// Everybody knows everybody's directory, followers too, which else say nothing to each other.
void loop_core::greet(std::uint64_t now_ms) {
  if (peers_ == nullptr || now_ms < greeted_ms_ + options_.greet_ms) return;
  greeted_ms_ = now_ms;
  std::set<node_number> all;
  for (const auto& [number, m] : members_)
    for (const auto& one : m->core.members().members()) all.insert(one.node);
  all.erase(options_.group.self);
  for (const auto node : all)
    if (now_ms >= said_ms_[node] + options_.greet_ms) send(node, {});
}

/// Once for each peer.
void loop_core::write_directories() {
  for (const auto node : std::exchange(heard_first_, {})) {
    bytes value;
    journal_rows::writer(value).number(directories_.at(node));
    const auto key = journal_rows::peer_key(node);
    batch_.put(journal_table::node, key, journal_rows::seal(key, value));
  }
}

result<void> loop_core::receive_waiting(std::uint64_t now_ms) {
  auto all = std::exchange(inbox_, {});
  inbox_bytes_ = 0;
  for (inbound& in : all)
    if (auto ok = take(std::move(in), now_ms); !ok) return ok;
  return {};
}

bool loop_core::plausible(const peer_message& m, const group_status& own) const {
  return term_of(m) <= own.term + options_.term_jump_max &&
         index_of(m) <= own.last + options_.index_jump_max;
}

result<void> loop_core::take(inbound&& in, std::uint64_t now_ms) {
  const auto found = by_id_.find(in.frame.group);
  if (found == by_id_.end() || found->second->generation != in.frame.generation ||
      (options_.group.on.plausible && !plausible(in.frame.what, found->second->core.status()))) {
    ++status_.frames_refused;
    return {};
  }
  member& m = *found->second;
  if (!m.core.admits(in.from, in.who, in.frame.boot)) {
    ++status_.peers_refused;
    return {};
  }
  if (const auto* offer = std::get_if<install_snapshot>(&in.frame.what)) {
    if (m.core.wants(*offer)) m.listener->on_snapshot_offered(m.number, in.from, *offer);
    return {};
  }
  if (auto* append = std::get_if<append_entries>(&in.frame.what);
      append != nullptr && status_.below_reserve)
    append->entries.clear();  // it is a heartbeat still
  const auto* answer = std::get_if<append_entries_result>(&in.frame.what);
  const auto answered = answer != nullptr ? std::optional(*answer) : std::nullopt;
  if (auto ok = m.core.receive({in.from, std::move(in.frame.what)}, in.who, now_ms); !ok) return ok;
  return answered ? catch_up(m, in.from, *answered, now_ms) : result<void>();
}

/// Raft's log begins after a checkpoint, the journal keeps more: a member that is behind the one
/// gets entries out of the other, as any leader could send them, until Raft goes on by itself.
result<void> loop_core::catch_up(member& m, node_number peer, const append_entries_result& answer,
                                 std::uint64_t now_ms) {
  const auto status = m.core.status();
  const auto behind = m.core.needs_snapshot();
  if (status.role != group_role::leader || answer.term != status.term ||
      std::find(behind.begin(), behind.end(), peer) == behind.end())
    return {};
  auto previous =
      answer.rejected > 0 ? std::min(answer.last_index, answer.rejected - 1) : answer.last_index;
  previous = std::max(previous, m.core.match_of(peer));
  auto& last = m.caught_up[peer];
  if (last.previous == previous && now_ms - last.at_ms < options_.group.election_timeout_ms)
    return {};
  last = {previous, now_ms};
  const auto& anchor = journal_.find(m.number)->anchor;
  const auto far = options_.catch_up_entries_max;
  if (previous < anchor.index || (far != 0 && previous + far < m.core.snapshot_index())) {
    m.listener->on_member_behind(m.number, peer, previous + 1);
    return {};
  }
  if (previous >= status.durable) return {};
  append_entries out{status.term, previous, anchor.term, status.committed, {}, 0};
  if (previous > anchor.index) {
    auto snapshot = store_.snapshot();
    if (!snapshot) return snapshot.error();
    auto before = read_journal(**snapshot, m.number, previous, previous, 0);
    if (!before) return before.error();
    out.previous_term = before->front().entry.term;
  }
  out.missing = static_cast<std::uint32_t>(
      std::min<journal_index>(status.durable - previous, append_entries_max));
  out.entries.resize(out.missing);
  peer_message what = std::move(out);
  auto whole = complete(m, what);
  if (!whole) return whole.error();
  if (!*whole) return {};
  ++status_.caught_up;
  put_out(m, peer, std::move(what));
  return {};
}

/// Fills in what only the journal has. False when it cannot: the message is left out.
result<bool> loop_core::complete(const member& m, peer_message& what) {
  if (auto* offer = std::get_if<install_snapshot>(&what)) {
    auto chain = journal_.chain_at(m.number, offer->index);
    if (!chain && chain.error().code != "journal.damaged") return chain.error();
    if (chain) offer->chain.assign(chain->begin(), chain->end());
    return chain.has_value();
  }
  auto* append = std::get_if<append_entries>(&what);
  if (append == nullptr || append->missing == 0) return true;
  auto snapshot = store_.snapshot();
  if (!snapshot) return snapshot.error();
  const journal_index first = append->previous_index + 1;
  auto read =
      read_journal(**snapshot, m.number, first, first + append->missing - 1, append_bytes_max);
  if (!read && read.error().code != "journal.damaged") return read.error();
  if (!read) return false;
  // What does not fit is sent when this is acknowledged.
  if (read->size() < append->missing) append->entries.resize(read->size());
  for (std::size_t i = 0; i < read->size(); ++i) append->entries[i] = std::move((*read)[i].entry);
  append->missing = 0;
  return true;
}

/// What a group may send now, into the envelopes of this turn.
result<void> loop_core::post(member& m) {
  for (group_message& out : m.core.take_messages()) {
    if (peers_ == nullptr) continue;
    auto whole = complete(m, out.what);
    if (!whole) return whole.error();
    if (*whole) {
      put_out(m, out.peer, std::move(out.what));
      continue;
    }
    // Raft's log still counts them, but memory and journal have let them go: Raft itself would send
    // the same again for ever.
    const auto* lost = std::get_if<append_entries>(&out.what);
    if (lost != nullptr && lost->previous_index < journal_.find(m.number)->anchor.index)
      m.listener->on_member_behind(m.number, out.peer, lost->previous_index + 1);
  }
  return {};
}

void loop_core::put_out(member& m, node_number peer, peer_message what) {
  auto& frames = outbox_[peer];
  if (auto* append = std::get_if<append_entries>(&what)) {
    for (peer_message& piece : pieces(std::move(*append)))
      frames.push_back({m.id, m.generation, m.core.boot(), std::move(piece)});
  } else {
    frames.push_back({m.id, m.generation, m.core.boot(), std::move(what)});
  }
}

void loop_core::send(node_number peer, std::vector<peer_frame> frames) {
  peer_envelope e;
  e.cluster = options_.cluster;
  e.sender = options_.group.self;
  e.identity = options_.identity;
  e.target = peer;
  e.sequence = ++sequences_[peer];
  e.frames = std::move(frames);
  said_ms_[peer] = prepared_ms_;
  peers_->send(peer, encode_envelope(e), false);
}

void loop_core::send_all() {
  for (auto& [peer, frames] : outbox_) {
    for (auto next = frames.begin(); next != frames.end();) {
      auto end = next;
      std::size_t size = 0;
      while (end != frames.end() && (end == next || size < options_.envelope_bytes_aim) &&
             end - next < static_cast<std::ptrdiff_t>(envelope_frames_max))
        size += wire_size(end++->what);
      send(peer, {std::move_iterator(next), std::move_iterator(end)});
      next = end;
    }
    frames.clear();
  }
}

result<void> loop_core::read(group_number group, std::uint64_t token, std::uint64_t now_ms) {
  auto* found = find(group);
  if (found == nullptr) return error{"plant.unknown", "group " + std::to_string(group)};
  return found->read(token, now_ms);
}

result<void> loop_core::install(group_number group, node_number from, const install_snapshot& offer,
                                std::uint64_t now_ms) {
  auto* found = find(group);
  if (found == nullptr) return error{"plant.unknown", "group " + std::to_string(group)};
  return found->install(from, offer, now_ms);
}

group* loop_core::find(group_number number) {
  const auto found = members_.find(number);
  return found == members_.end() ? nullptr : &found->second->core;
}

}  // namespace millrace
