// Actors that cannot be loaded or have no image: they are quarantined and tried again, and neither
// the plant's checkpoints nor its leadership wait for them. What a finished cut lacks of such an
// actor stays in the journal, and is written down (`behind`) so that the next start looks for it.
#include <algorithm>
#include <utility>

#include "cluster/check.hpp"
#include "cluster/host.hpp"
#include "cluster/row.hpp"

namespace millrace {

namespace {
constexpr std::int64_t retry_us_first = 1'000'000;  // doubles with every try that fails
constexpr std::int64_t retry_us_max = 60'000'000;
}  // namespace

void plant_host::break_actor(slot_number slot, error why, timestamp now) {
  auto& s = slots_[slot];
  s.state = slot_state::phase::broken;
  s.reload = false;
  auto& b = broken_[slot];
  if (b.tries == 0)
    port_->alarm("actor.quarantined", s.local + ": " + why.code + ": " + why.detail);
  b.retry_at = timestamp::from_micros(
      now.micros() + std::min(retry_us_first << std::min(b.tries, 20u), retry_us_max));
  ++b.tries;
  b.why = std::move(why);
  evolving_ -= s.evolving;  // it will be loaded with those records
  s.evolving = 0;
  if (s.imaging) no_image(slot);
  if (s.dirty && s.what->model().referenced) port_->publish(s.local, nullptr);
  keep_inputs(slot, error{"actor.quarantined", b.why.code + ": " + b.why.detail}, now);
  // When nothing needs it, it is tried again as soon as it is asked for. While a cut is under way
  // its row may be older than its image, and only its slot knows up to where the journal has to be
  // read.
  if (!s.dirty && s.pending.empty() && s.waiting == 0 && !cut_) {
    broken_.erase(slot);
    release_slot(slot);
  }
  if (evolving_ == 0) begin_leading(now);
}

/// Clients are told; messages, timers and ends of deliveries wait for the actor, in their order.
void plant_host::keep_inputs(slot_number slot, const error& why, timestamp now) {
  auto& s = slots_[slot];
  std::vector<stimulus> given;  // to the cell that is gone
  for (std::uint32_t i = 0; i < waiters_.size() && s.waiting > 0; ++i) {
    auto& w = waiters_[i];
    if (w.what == waiter::kind::free || w.slot != slot) continue;
    const auto ticket = std::uint64_t{w.count} << 32 | i;
    if (w.what == waiter::kind::client) {
      lose_waiter(ticket, why, now);
    } else if (w.where == waiter::place::cell) {
      auto again = std::move(*copy_of(*w.again));
      again.ticket = ticket;
      again.lane = w.lane;
      w.where = waiter::place::slot;
      given.push_back(std::move(again));
    }
  }
  std::erase_if(s.pending, [&](const stimulus& p) { return find_waiter(p.ticket) == nullptr; });
  std::stable_sort(given.begin(), given.end(), [](const stimulus& a, const stimulus& b) {
    return (a.consumed ? a.consumed->number : 0) < (b.consumed ? b.consumed->number : 0);
  });
  s.pending.insert(s.pending.begin(), std::make_move_iterator(given.begin()),
                   std::make_move_iterator(given.end()));
}

void plant_host::retry_broken(timestamp now) {
  for (auto it = broken_.begin(); it != broken_.end();) {
    const auto slot = it->first;
    auto& s = slots_[slot];
    if (s.state != slot_state::phase::broken || it->second.retry_at > now) {
      ++it;
      continue;
    }
    if (!s.dirty && s.pending.empty() && s.waiting == 0 && !cut_) {
      it = broken_.erase(it);
      release_slot(slot);
      continue;
    }
    load_slot(slot, true);
    ++it;
  }
}

std::optional<slot_number> plant_host::restore(std::string_view local) {
  const auto* k = kinds_->find(split_local(local).first);
  if (k == nullptr) return std::nullopt;
  const auto slot = intern(local, *k);
  auto& s = slots_[slot];
  if (!s.dirty) {
    s.dirty = true;
    dirty_slots_.push_back(slot);
    ++records_since_cut_;
  }
  return slot;
}

const std::string* plant_host::quarantine(slot_number slot) const {
  const auto it = broken_.find(slot);
  return it != broken_.end() ? &it->second.why.detail : nullptr;
}

std::vector<quarantined_actor> plant_host::quarantined(std::size_t limit) const {
  std::vector<quarantined_actor> out;
  for (const auto& [slot, b] : broken_) {
    if (out.size() >= limit) break;
    out.push_back({slots_[slot].local, b.why.code + ": " + b.why.detail});
  }
  return out;
}

// ---- the cut without them ----

void plant_host::no_image(slot_number slot) {
  auto& s = slots_[slot];
  check(s.imaging && cut_ && cut_->images > 0);
  cut_->under_way -= std::exchange(s.asked, 0);
  s.imaging = false;
  s.dirty = true;
  dirty_slots_.push_back(slot);
  leave_behind(slot);
  if (--cut_->images == 0) advance_cut(cut_at_);
}

/// The cut that is on its way goes on without this actor: its row stays as it is. All that the last
/// finished cut held of it is in there; to rebuild a row that is damaged takes all of the journal.
void plant_host::leave_behind(slot_number slot) {
  auto& s = slots_[slot];
  const auto broken = broken_.find(slot);
  const bool row_only = broken == broken_.end() || broken->second.why.code == "cursor.expired";
  auto& b = behind_.try_emplace(s.local, behind{checkpoint_ + 1, 0}).first->second;
  if (!row_only) b.needed = 1;
  b.last = s.last_index;
  const auto plant = plant_prefix(options_.plant);
  cut_->last->put(state_table::behind, as_bytes_view(plant + s.local),
                  row_writer().u64(b.needed).u64(b.last).seal());
  if (!s.fresh) return;
  s.fresh = false;  // it is listed all the same
  const auto [kind_name, id] = split_local(s.local);
  cut_->last->put(state_table::indexes,
                  as_bytes_view(plant + index_key(kind_name, every_actor, {}, id)), bytes_view());
}

/// Its image is part of the cut.
void plant_host::caught_up(std::string_view local) {
  const auto it = behind_.find(local);
  if (it == behind_.end()) return;
  behind_.erase(it);
  cut_->last->erase(state_table::behind,
                    as_bytes_view(plant_prefix(options_.plant) + std::string(local)));
}

/// Whose rows are behind is loaded at once: with what the journal has above them.
result<void> plant_host::load_behind(store_snapshot& from) {
  auto loaded = load_table(from, state_table::behind,
                           [&](std::string_view key, bytes_view row) -> result<void> {
                             auto in = row_reader::open(row, "behind");
                             if (!in) return std::move(in).error();
                             auto& b = behind_[std::string(key)];
                             b.needed = in->u64();
                             b.last = in->u64();
                             return {};
                           });
  if (!loaded) return loaded;
  for (const auto& [local, b] : behind_) {
    const auto* k = kinds_->find(split_local(local).first);
    if (k == nullptr) continue;
    const auto slot = intern(local, *k, b.last);
    slots_[slot].dirty = true;
    dirty_slots_.push_back(slot);
    ++records_since_cut_;
    if (k->model().referenced) port_->publish(local, nullptr);
  }
  return {};
}

}  // namespace millrace
