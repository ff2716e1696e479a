// How a plant host begins and ends to lead. What it had under way when leadership went is answered:
// "nothing has happened" where nothing was proposed, "unknown" where the next leader may find it in
// the log; and no cell goes on with what it was given before.
#include <algorithm>
#include <limits>

#include "cluster/check.hpp"
#include "cluster/host.hpp"

namespace millrace {

namespace {
constexpr std::int64_t hold_back_us = 1'000'000;  // lost records are proposed again after this
}

error plant_host::not_leader() const {
  if (alone()) return {"node.not_ready", "the plant has no leader here"};
  if (leader_ == 0) return {"plant.not_leader", "the plant has no leader at the moment"};
  return {"plant.not_leader", "node " + std::to_string(leader_) + " leads the plant"};
}

reply plant_host::turned_away(const request& r, const error& why) const {
  reply out;
  out.tag = r.tag;
  out.correlation = r.correlation;
  return lost_read(std::move(out), why);
}

reply plant_host::lost_read(reply r, const error& why) const {
  r.outcome = engine::Outcome::refused;
  r.code = why.code;
  r.detail = why.detail;
  r.retry_after_s = 1;
  r.leader = is_leader_ ? 0 : leader_;
  r.events.clear();
  return r;
}

void plant_host::answer_early(timestamp before, const error& why) {
  while (!early_.empty() && early_.front().since < before) {
    for (const auto& r : early_.front().batch) answer(early_.front().sink, turned_away(r, why));
    early_count_ -= early_.front().batch.size();
    early_.pop_front();
  }
}

void plant_host::on_role(const group_status& status, timestamp now) {
  const bool leads = status.role == group_role::leader;
  leader_ = status.leader;
  voters_ = status.voters;
  if (leading_ && (!leads || status.term != term_)) step_down(leader_);
  is_leader_ = leads;
  if (leads && !leading_) {
    term_ = status.term;
    lead_from_ = status.last;
    begin_leading(now);
  } else if (!leads && leader_ != 0) {
    answer_early(timestamp::from_micros(std::numeric_limits<std::int64_t>::max()), not_leader());
  }
  flush_replies();
}

void plant_host::begin_leading(timestamp now) {
  if (!is_leader_ || leading_ || applied_ < lead_from_ || evolving_ > 0) return;
  leading_ = true;
  streams_.restart();
  timers_.hand_back_all();
  outbox_.restart();
  early_count_ = 0;
  for (auto& e : std::exchange(early_, {}))
    for (auto& r : e.batch) take(std::move(r), e.sink, now);
}

void plant_host::step_down(node_number for_leader) {
  leading_ = is_leader_ = false;
  leader_ = for_leader;
  const error nothing = not_leader();
  const error unknown{"outcome.unknown", "leadership moved; the same key gets the first answer"};
  for (auto& f : std::exchange(flights_, {})) {
    lose_reads(std::move(f.reads), nothing);
    for (auto& p : f.parts) lose_proposed(p, unknown);
  }
  lose_reads(std::exchange(reads_, {}), nothing);
  for (auto& p : std::exchange(ready_, {})) lose_proposed(p, nothing);
  for (auto& p : std::exchange(host_records_, {})) lose_proposed(p, nothing);
  lose_callers(nothing, unknown);
  discard_cells();
  held_.clear();  // what came by itself is in the tables: whoever leads finds it there
  acks_.clear();
  watermarks_due_.clear();
  flush_replies();
}

void plant_host::retire() {
  if (is_leader_ || leading_) step_down(leader_);
  answer_early(timestamp::from_micros(std::numeric_limits<std::int64_t>::max()), not_leader());
  if (cut_)
    for (auto& f : std::exchange(cut_->done, {})) f();
  flush_replies();
}

void plant_host::lose_reads(std::vector<std::pair<std::shared_ptr<reply_sink>, reply>> reads,
                            const error& why) {
  for (auto& [sink, r] : reads) answer(sink, lost_read(std::move(r), why));
}

void plant_host::lose_proposed(part& p, const error& why) {
  if (p.done_cb) p.done_cb(why);
  if (p.slot == none) return;
  slots_[p.slot].stale = true;
  for (const auto& v : p.what.verdicts) lose_caller(v.ticket, why);
}

void plant_host::lose_caller(std::uint64_t ticket, const error& why) {
  const auto* w = find_waiter(ticket);
  if (w == nullptr) return;
  if (w->what == waiter::kind::client && !w->answered) {
    reply r;
    r.tag = w->tag;
    r.correlation = w->correlation;
    answer(w->sink, lost_read(std::move(r), why));
  }
  if (w->where == waiter::place::cell) slots_[w->slot].stale = true;
  drop_waiter(ticket);
}

/// Who still waits was not proposed. A pending command has committed, and its answer comes with a
/// later record: its key finds that, without a key only its transaction shows it.
void plant_host::lose_callers(const error& nothing, const error& unknown) {
  for (std::uint32_t i = 0; i < waiters_.size(); ++i)
    if (waiters_[i].what != waiter::kind::free)
      lose_caller(std::uint64_t{waiters_[i].count} << 32 | i, nothing);
  for (auto& [id, waiting] : std::exchange(pending_, {}))
    for (auto& w : waiting) {
      auto r = late_reply(w);
      answer(w.sink, w.keyed ? lost_read(std::move(r), unknown) : std::move(r));
    }
  for (auto& [number, cb] : std::exchange(discards_, {})) cb(unknown);
}

/// No cell goes on with what it was given under this leadership: it is loaded anew, from what is
/// committed.
void plant_host::discard_cells() {
  for (slot_number slot = 0; slot < slots_.size(); ++slot) {
    auto& s = slots_[slot];
    s.pending.clear();
    s.in_flight = 0;
    const bool loading = s.state == slot_state::phase::loading;
    const bool given = s.stale || s.reload || (loading && s.inherits);
    s.reload = false;
    s.stale = given && (loading || s.state == slot_state::phase::ready);
    if (s.stale) load_slot(slot, false);
  }
}

// ---- what the log refused ----

void plant_host::lose_part(part& p, const error& why, timestamp now) {
  if (p.slot != none) {
    reject(p.slot, p.what, why, now);
  } else if (p.done_cb) {
    p.done_cb(why);
  } else if (leading_) {  // a message of the host's own or the end of a delivery: proposed again
    blocked_until_ = timestamp::from_micros(now.micros() + hold_back_us);
    host_records_.push_back(std::move(p));
  }
}

void plant_host::on_refused(std::span<const shared_bytes> payloads, const error& why,
                            timestamp now) {
  for (const auto& payload : payloads) {
    const auto it = std::find_if(flights_.begin(), flights_.end(),
                                 [&](const flight& f) { return f.payload == payload; });
    if (it == flights_.end()) continue;
    auto lost = std::move(*it);
    flights_.erase(it);
    const auto& say = why.code == "node.not_ready" ? not_leader() : why;
    lose_reads(std::move(lost.reads), say);
    for (auto& p : lost.parts) lose_part(p, say, now);
  }
  end_turn(now);
}

}  // namespace millrace
