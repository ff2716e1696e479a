// The plant host's actors: slots, residence, supervision; and how replies leave.
// Requests and turns are in host_input.cpp, the committed log in host_apply.cpp, storage in
// host_checkpoint.cpp.
#include "cluster/host.hpp"

#include <algorithm>

#include "cluster/check.hpp"

namespace millrace {

namespace {
constexpr std::size_t passivate_turn_max = 256;    // cells asked to leave in one turn
constexpr std::size_t passivate_looks_max = 4096;  // slots looked at for them
constexpr std::size_t rest_turn_max = 256;         // cells told to rest in one turn
constexpr std::int64_t losses_us = 60'000'000;
}  // namespace

plant_host::plant_host(host_options options, const kind_registry& kinds, host_port& port,
                       store& state, journal_reader& journal, outbox::random random)
    : options_(std::move(options)),
      kinds_(&kinds),
      port_(&port),
      state_(&state),
      journal_(&journal),
      random_(random),
      window_(options_.window),
      outbox_(options_.plant, options_.generation, options_.outbox_, random),
      lanes_(options_.lanes) {}

plant_host::~plant_host() = default;

// ---- slots ----

slot_number plant_host::intern(std::string_view local, const kind& k, journal_index upto) {
  if (const auto known = slot_of_.find(local); known != none) {
    use(known);
    return known;
  }
  slot_number slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<slot_number>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  auto& s = slots_[slot];
  s.local = local;
  s.what = &k;
  s.state = slot_state::phase::loading;
  s.last_index = upto;
  s.size = static_cast<std::uint32_t>(options_.cell_bytes);
  resident_bytes_ += s.size;
  slot_of_.insert(slot);
  use(slot);
  port_->activate(slot, s.local, upto, false);
  return slot;
}

void plant_host::unlink(slot_number slot) {
  auto& s = slots_[slot];
  if (s.newer != none) slots_[s.newer].older = s.older;
  if (s.older != none) slots_[s.older].newer = s.newer;
  if (newest_ == slot) newest_ = s.older;
  if (oldest_ == slot) oldest_ = s.newer;
  if (resting_next_ == slot) resting_next_ = s.newer;
  s.newer = s.older = none;
}

void plant_host::use(slot_number slot) {
  slots_[slot].used_s = turn_s_;
  if (newest_ == slot && resting_next_ != none) return;
  unlink(slot);
  slots_[slot].older = newest_;
  if (newest_ != none) slots_[newest_].newer = slot;
  newest_ = slot;
  if (oldest_ == none) oldest_ = slot;
  if (resting_next_ == none) resting_next_ = slot;
}

/// Cells that were not used for a while keep their state as bytes.
void plant_host::rest_some() {
  for (std::size_t told = 0; resting_next_ != none && told < rest_turn_max; ++told) {
    const auto slot = resting_next_;
    auto& s = slots_[slot];
    const bool broken = s.state == slot_state::phase::broken;  // it holds up nobody
    if (!broken && (s.used_s + options_.rest_s > turn_s_ || !may_rest(s))) return;
    if (broken || (s.state == slot_state::phase::ready && s.pending.empty() && s.in_flight == 0 &&
                   s.waiting == 0)) {
      resting_next_ = s.newer;
      if (!broken) port_->rest(slot);
    } else {
      use(slot);  // in the midst of something: its time begins anew
    }
  }
}

void plant_host::on_rested(slot_number slot, std::size_t cell_bytes) {
  auto& s = slots_[slot];
  if (s.state == slot_state::phase::free) return;
  resident_bytes_ += cell_bytes - s.size;
  s.size = static_cast<std::uint32_t>(cell_bytes);
}

void plant_host::touch(slot_number slot) {
  auto& s = slots_[slot];
  if (s.listed) return;
  s.listed = true;
  touched_.push_back(slot);
}

void plant_host::release_slot(slot_number slot) {
  auto& s = slots_[slot];
  unlink(slot);
  slot_of_.erase(slot);
  resident_bytes_ -= s.size;
  const bool listed = s.listed;  // touched_ still names it
  s = slot_state();
  s.listed = listed;
  free_slots_.push_back(slot);
}

void plant_host::passivate_some(timestamp now) {
  if (resident_bytes_ <= options_.resident_bytes_max) return;
  std::size_t asked = 0;
  std::size_t looks = 0;
  std::size_t left = resident_bytes_;
  for (auto slot = oldest_; slot != none && asked < passivate_turn_max &&
                            looks < passivate_looks_max && left > options_.resident_bytes_max;
       slot = slots_[slot].newer, ++looks) {
    auto& s = slots_[slot];
    if (s.state != slot_state::phase::ready || s.dirty || s.reload || s.in_flight > 0 ||
        s.waiting > 0 || s.evolving > 0 || !s.pending.empty() ||
        s.stayed == counters_.checkpoints + 1)
      continue;
    s.state = slot_state::phase::passivating;
    ++passivating_;
    port_->passivate(slot);
    left -= s.size;
    ++asked;
  }
  if (asked == 0 && !dirty_slots_.empty() && records_since_cut_ > 0 && !cut_)
    checkpoint(now);  // only what is stored may leave
}

void plant_host::on_passivated(slot_number slot, bool gone, timestamp now) {
  auto& s = slots_[slot];
  if (s.state != slot_state::phase::passivating) return;
  --passivating_;
  if (!gone) {  // mostly since its image is not stored yet: asked again after the next checkpoint
    s.state = slot_state::phase::ready;
    s.stayed = counters_.checkpoints + 1;
    use(slot);
    if (!s.pending.empty()) touch(slot);
    offer_touched(now);
    return;
  }
  if (s.pending.empty() && !s.dirty && s.evolving == 0 && s.waiting == 0) {
    release_slot(slot);
    return;
  }
  load_slot(slot, false);
}

void plant_host::load_slot(slot_number slot, bool reload) {
  auto& s = slots_[slot];
  s.relist = true;
  s.state = slot_state::phase::loading;
  s.inherits = reload;
  port_->activate(slot, s.local, s.last_index, reload);
}

void plant_host::on_activated(slot_number slot, result<void> how, timestamp now, bool rebuilt) {
  auto& s = slots_[slot];
  if (s.state != slot_state::phase::loading) return;
  s.stale = s.inherits = false;
  if (!how) return break_actor(slot, how.error(), now);
  if (broken_.erase(slot) > 0 && s.dirty) dirty_slots_.push_back(slot);
  if (rebuilt) s.relist = true;
  if (rebuilt && !s.dirty) {
    s.dirty = true;
    dirty_slots_.push_back(slot);
    ++records_since_cut_;  // so that there is a next checkpoint
  }
  s.state = slot_state::phase::ready;
  if (!s.pending.empty()) touch(slot);
  offer_touched(now);
}

void plant_host::on_cell_lost(slot_number slot, std::string_view why, timestamp now) {
  auto& s = slots_[slot];
  if (s.state == slot_state::phase::free || s.state == slot_state::phase::broken) return;
  ++counters_.faults;
  if (s.state == slot_state::phase::passivating) --passivating_;
  if (s.lost_at.micros() + losses_us < now.micros()) s.losses = 0;
  s.lost_at = now;
  ++s.losses;
  port_->alarm("kind.fault", s.local + ": " + std::string(why));
  // What it was given and had not proposed is lost with it; what it proposed stands and answers
  // when it has committed.
  std::set<std::uint64_t> proposed;
  const auto note = [&](const part& p) {
    if (p.slot == slot)
      for (const auto& v : p.what.verdicts) proposed.insert(v.ticket);
  };
  for (const auto& p : ready_) note(p);
  for (const auto& f : flights_)
    for (const auto& p : f.parts) note(p);
  for (std::uint32_t i = 0; i < waiters_.size(); ++i) {
    const auto ticket = std::uint64_t{waiters_[i].count} << 32 | i;
    const auto& w = waiters_[i];
    if (w.what == waiter::kind::free || w.slot != slot || w.where != waiter::place::cell ||
        proposed.contains(ticket))
      continue;
    lose_waiter(ticket, error{"kind.fault", std::string(why)}, now);
  }
  s.state = slot_state::phase::loading;
  if (s.in_flight > 0) {
    s.reload = true;
    return;
  }
  load_slot(slot, true);
}

void plant_host::on_evolved(slot_number slot, changes what, timestamp now) {
  auto& s = slots_[slot];
  if (s.evolving == 0) return;  // its cell could not be loaded since: nobody waits for it
  check(evolving_ > 0);
  --s.evolving;
  --evolving_;
  apply_changes(slot, what, applied_);
  if (evolving_ == 0) begin_leading(now);
}

// ---- waiters and replies ----

std::uint64_t plant_host::add_waiter(waiter w) {
  std::uint32_t i = 0;
  if (free_waiters_.empty()) {
    i = static_cast<std::uint32_t>(waiters_.size());
    waiters_.emplace_back();
  } else {
    i = free_waiters_.back();
    free_waiters_.pop_back();
  }
  w.count = waiters_[i].count + 1;
  ++slots_[w.slot].waiting;
  waiters_[i] = std::move(w);
  return std::uint64_t{waiters_[i].count} << 32 | i;
}

plant_host::waiter* plant_host::find_waiter(std::uint64_t ticket) {
  const auto i = static_cast<std::uint32_t>(ticket);
  if (i >= waiters_.size()) return nullptr;
  auto& w = waiters_[i];
  return w.what != waiter::kind::free && w.count == ticket >> 32 ? &w : nullptr;
}

void plant_host::drop_waiter(std::uint64_t ticket) {
  auto* w = find_waiter(ticket);
  if (w == nullptr) return;
  --slots_[w->slot].waiting;
  if (w->what == waiter::kind::client) {
    if (w->where == waiter::place::lane)
      lanes_.dropped();
    else
      lanes_.left();
    if (w->keyed) in_flight_ids_.erase(w->id);
  }
  const auto count = w->count;
  *w = waiter();
  w->count = count;
  free_waiters_.push_back(static_cast<std::uint32_t>(ticket));
}

void plant_host::answer(const std::shared_ptr<reply_sink>& sink, reply r) {
  if (!sink) return;
  r.generation = options_.generation;
  if (!r.code.empty() && r.outcome != engine::Outcome::parked) ++counters_.refused;
  for (auto it = replies_.rbegin(); it != replies_.rend(); ++it)
    if (it->first == sink) {
      it->second.push_back(std::move(r));
      return;
    }
  replies_.emplace_back(sink, std::vector<reply>());
  replies_.back().second.push_back(std::move(r));
}

void plant_host::flush_replies() {
  if (replies_.empty()) return;
  auto out = std::move(replies_);
  replies_.clear();
  for (auto& [sink, replies] : out) sink->on_replies(std::move(replies));
}

/// A read (rejection, replay): leaves when something proposed after it was decided has committed in
/// this term.
void plant_host::when_readable(const std::shared_ptr<reply_sink>& sink, reply r) {
  if (alone() || !leading_) {
    answer(sink, std::move(r));
    return;
  }
  reads_.emplace_back(sink, std::move(r));
}

hash128 plant_host::random_id() { return {random_(), random_() | 1}; }

std::string plant_host::new_correlation(timestamp now) {
  // UUIDv7, RFC 9562 5.7: 48 bits of milliseconds, version, 74 random bits.
  const auto ms = static_cast<std::uint64_t>(now.micros() / 1000);
  const auto a = random_();
  const std::uint64_t high = ms << 16 | 0x7000 | (a & 0x0FFF);
  const std::uint64_t low = (random_() & 0x3FFF'FFFF'FFFF'FFFFull) | 0x8000'0000'0000'0000ull;
  static constexpr char digits[] = "0123456789abcdef";
  std::string out(36, '-');
  std::size_t at = 0;
  for (int nibble = 0; nibble < 32; ++nibble) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) ++at;
    const auto word = nibble < 16 ? high : low;
    out[at++] = digits[word >> (60 - nibble % 16 * 4) & 15];
  }
  return out;
}

std::optional<slot_number> plant_host::resident(std::string_view local) const {
  const auto slot = slot_of_.find(local);
  if (slot == none) return std::nullopt;
  return slot;
}

host_status plant_host::status() const {
  auto s = counters_;
  s.applied = applied_;
  s.checkpoint = checkpoint_;
  s.resident = slot_of_.size();
  s.quarantined = broken_.size();
  s.in_flight = flights_.size();
  s.exceptions = exceptions_.size();
  s.timers = timers_.size();
  s.outbox = outbox_.size();
  s.dead = outbox_.dead_count();
  s.admitted = lanes_.admitted();
  s.resident_bytes = resident_bytes_;
  s.window = window_.size();
  for (const auto lane : {Lane::hold, Lane::release, Lane::confirmation, Lane::rest})
    s.messages_waiting += streams_.waiting(options_.plant, lane);
  s.stamp = stamp_;
  s.leading = leading_;
  return s;
}

}  // namespace millrace
