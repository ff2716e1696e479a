// The turns of a plant host: what is admitted goes to cells, their proposals into entries, what is
// lost comes again, deadlines pass.
#include <algorithm>

#include "cluster/check.hpp"
#include "cluster/host.hpp"

namespace millrace {

namespace {

constexpr std::int64_t sweep_us = 100'000;        // how late a deadline may be seen
constexpr std::int64_t rest_pause_us = 5'000;     // between two lots of cells that rest
constexpr std::int64_t hold_back_us = 1'000'000;  // lost inputs are tried again after this
constexpr std::uint32_t records_of_entry_max = 60'000;
constexpr std::int64_t early_us_max =
    30'000'000;  // requests wait so long for a leader that may begin

std::size_t padded(std::size_t record) { return record_head_bytes + (record + 7) / 8 * 8; }

}  // namespace

/// What a message, timer or delivery is made of again when its proposal is lost.
std::unique_ptr<stimulus> plant_host::copy_of(const stimulus& s) {
  auto out = std::make_unique<stimulus>();
  out->source = s.source;
  out->lane = s.lane;
  out->id = s.id;
  out->correlation = s.correlation;
  out->causation = s.causation;
  out->message = s.message;
  if (s.consumed) out->consumed = std::make_unique<engine::ConsumedT>(*s.consumed);
  if (s.delivery) out->delivery = std::make_unique<engine::DeliveryDoneT>(*s.delivery);
  out->tag = s.tag;
  return out;
}

/// Plants that began together would all write their checkpoints at the same time.
timestamp plant_host::first_cut_from(timestamp now) const {
  const auto phase = static_cast<std::int64_t>(std::hash<std::string>{}(options_.plant) % 1024);
  return timestamp::from_micros(now.micros() - options_.checkpoint_us / 1024 * phase);
}

void plant_host::end_turn(timestamp now) {
  turn_s_ = static_cast<std::uint32_t>(now.micros() / 1'000'000);
  if (!broken_.empty()) retry_broken(now);
  if (leading_) {
    if (!held_.empty() && now >= held_until_) retry_held(now);
    while (auto next = lanes_.pop()) {
      auto* w = find_waiter(next->what.ticket);
      if (w == nullptr) {  // refused while it was queued: its slot may be another's by now
        lanes_.passed_over();
        continue;
      }
      w->where = waiter::place::slot;
      slots_[next->slot].pending.push_back(std::move(next->what));
      touch(next->slot);
    }
    fire_timers(now);
    dispatch(now);
    start_attempts(now);
    offer_touched(now);
    build_entries(now);
    passivate_some(now);
  }
  rest_some();
  ask_images();
  if (now.micros() >= swept_at_.micros() + sweep_us) expire_waiters(now);
  if (!cut_at_.given()) cut_at_ = first_cut_from(now);
  if (!cut_ && applied_ > checkpoint_ &&
      (records_since_cut_ >= options_.checkpoint_records ||
       now.micros() >= cut_at_.micros() + options_.checkpoint_us) &&
      records_since_cut_ > 0)
    checkpoint(now);
  flush_replies();
}

void plant_host::offer_touched(timestamp now) {
  for (const auto slot : touched_) {
    auto& s = slots_[slot];
    s.listed = false;
    if (s.state != slot_state::phase::ready || s.pending.empty()) continue;
    for (const auto& waiting : s.pending)
      if (auto* w = find_waiter(waiting.ticket)) w->where = waiter::place::cell;
    port_->offer(slot, std::exchange(s.pending, {}), decision_time(now));
  }
  touched_.clear();
}

void plant_host::build_entries(timestamp now) {
  while (flights_.size() < options_.pipeline_max) {
    flight f;
    while (now >= blocked_until_ && !host_records_.empty() &&
           builder_.count() < records_of_entry_max &&
           builder_.fits(host_records_.front().record.size())) {
      auto& own = host_records_.front();
      own.first = builder_.count();
      own.count = 1;
      builder_.add(own.record);
      f.parts.push_back(std::move(own));
      host_records_.pop_front();
    }
    while (!ready_.empty() && builder_.size_bytes() < options_.entry_bytes_aim) {
      auto& p = ready_.front();
      std::size_t size = 0;
      for (const auto& record : p.what.records) size += padded(record.size());
      if (builder_.size_bytes() + size > entry_bytes_max ||
          builder_.count() + p.count > records_of_entry_max) {
        if (!builder_.empty()) break;
        auto lost = std::move(p);
        ready_.pop_front();
        reject(lost.slot, lost.what,
               error{"entry.too_large", "the outcome does not fit into an entry"}, now);
        continue;
      }
      p.first = builder_.count();
      for (const auto& record : p.what.records) builder_.add(record);
      p.what.records.clear();
      p.what.records.shrink_to_fit();
      f.parts.push_back(std::move(p));
      ready_.pop_front();
    }
    if (builder_.empty() && (reads_.empty() || !flights_.empty())) return;
    proposed_stamp_ = std::max({proposed_stamp_, stamp_, now});
    f.payload = builder_.finish(proposed_stamp_);
    f.reads = std::exchange(reads_, {});
    ++counters_.entries;
    flights_.push_back(std::move(f));
    port_->propose(flights_.back().payload, term_);
  }
}

void plant_host::retry_held(timestamp now) {
  auto held = std::exchange(held_, {});
  const auto number = [](const auto& h) {
    return h.second.consumed ? h.second.consumed->number : std::uint64_t{0};
  };
  std::stable_sort(held.begin(), held.end(),
                   [&](const auto& a, const auto& b) { return number(a) < number(b); });
  for (auto& [local, s] : held) {
    const auto* k = kinds_->find(split_local(local).first);
    if (k == nullptr) continue;
    const auto what = s.source == engine::Source::timer      ? waiter::kind::timer
                      : s.source == engine::Source::delivery ? waiter::kind::delivery
                                                             : waiter::kind::message;
    give(intern(local, *k), what, std::move(s));
  }
  held_until_ = now;
}

void plant_host::give(slot_number slot, waiter::kind what, stimulus s) {
  // What an actor lost comes again before anything that came later.
  const auto& local = slots_[slot].local;
  if (std::any_of(held_.begin(), held_.end(), [&](const auto& h) { return h.first == local; })) {
    held_.emplace_back(local, std::move(s));
    return;
  }
  waiter w;
  w.what = what;
  w.slot = slot;
  w.lane = s.lane;
  w.again = copy_of(s);
  s.ticket = add_waiter(std::move(w));
  slots_[slot].pending.push_back(std::move(s));
  touch(slot);
}

void plant_host::expire_waiters(timestamp now) {
  swept_at_ = now;
  const auto late = [&](waiter& w) {
    answer(w.sink, late_reply(w));
    w.answered = true;
  };
  for (auto& w : waiters_)
    if (w.what == waiter::kind::client && !w.answered && w.deadline <= now) late(w);
  for (auto it = pending_.begin(); it != pending_.end();) {
    std::erase_if(it->second, [&](waiter& w) {
      if (w.deadline > now) return false;
      late(w);
      return true;
    });
    it = it->second.empty() ? pending_.erase(it) : std::next(it);
  }
  answer_early(timestamp::from_micros(now.micros() - early_us_max),
               {"node.not_ready", "the plant has no leader"});
}

reply plant_host::late_reply(const waiter& w) {
  reply r;
  r.tag = w.tag;
  r.outcome = engine::Outcome::pending;
  r.code = "command.deadline";
  r.detail = "the outcome is not known yet; see the transaction";
  r.correlation = w.correlation;
  return r;
}

timestamp plant_host::next_wake(timestamp now) const {
  timestamp wake;
  const auto sooner = [&](timestamp t) {
    if (t.given() && (!wake.given() || t < wake)) wake = t;
  };
  if (leading_) {
    sooner(timers_.next_due());
    sooner(outbox_.next_wake(now));
    if (!held_.empty()) sooner(held_until_);
    if (!host_records_.empty()) sooner(blocked_until_);
    for (const auto& [key, s] : const_cast<stream_table&>(streams_).outgoing())
      if (s.under_way() && key.plant != options_.plant)
        sooner(timestamp::from_micros(now.micros() + stream_resend_us));
  }
  if (lanes_.admitted() > 0 || !pending_.empty() || !early_.empty())
    sooner(timestamp::from_micros(now.micros() + sweep_us));
  for (const auto& [slot, b] : broken_)
    if (slots_[slot].state == slot_state::phase::broken) sooner(b.retry_at);
  if (resting_next_ != none && may_rest(slots_[resting_next_]))
    sooner(timestamp::from_micros(std::max<std::int64_t>(
        (std::int64_t{slots_[resting_next_].used_s} + options_.rest_s) * 1'000'000,
        now.micros() + rest_pause_us)));
  if (!cut_ && records_since_cut_ > 0)
    sooner(timestamp::from_micros(cut_at_.micros() + options_.checkpoint_us));
  return wake;
}

}  // namespace millrace
