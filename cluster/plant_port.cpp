// What a plant's core wants done: orders to entities, cold reads, writes, attempts; and what
// entities answer. An entity that ends with an error is reported to the core, which has a new one
// made from what is committed.
#include <algorithm>

#include <spdlog/spdlog.h>

#include "cluster/check.hpp"
#include "cluster/entry.hpp"
#include "cluster/journal_reader.hpp"
#include "cluster/plant_shell.hpp"

namespace millrace {

plant_shell::resident& plant_shell::at(slot_number slot) {
  while (residents_.size() <= slot) residents_.emplace_back();
  return residents_[slot];
}

void plant_shell::order(slot_number slot, entity_mail mail) {
  const auto& r = at(slot);
  if (r.handle) crew_.give(r.handle, std::move(mail));
}

// ---- activation ----

result<std::unique_ptr<cell>> plant_shell::make_cell(store_snapshot& state,
                                                     const std::string& local, journal_index upto,
                                                     journal_index applied_index, bool check_rows) {
  const auto [kind_name, id] = split_local(local);
  const auto* k = services_.kinds.find(kind_name);
  if (!k) return error{"route.unknown", "no kind " + std::string(kind_name)};
  auto loaded = load_actor(state, journal_, options_.plant, local, upto, applied_index, check_rows);
  if (!loaded) return loaded.error();
  auto made = std::make_unique<cell>(*k, id, world_);
  if (!loaded->row.empty()) {
    if (auto done = made->load(loaded->row); !done) return done.error();
    made->rows_listed(hash_child_rows(state, options_.plant, local, row_names::listed_max));
  }
  for (const auto& step : loaded->records)
    made->evolve(*step.record, step.index, step.ordinal, step.stamp);
  if (made->spoilt()) return error{"state.damaged", local + ": a child row cannot be read"};
  return made;
}

void plant_shell::activate(slot_number slot, const std::string& local, journal_index upto,
                           bool reload) {
  const auto loading = ++epochs_;
  auto& r = at(slot);
  r.loading = loading;
  if (!reload && r.handle) {  // it goes with all that it was given
    order(slot, {entity_order::leave, 0, 0, {}, {}});
    r.handle = nullptr;
    r.epoch = 0;
  }
  services_.io.read([self = weak_from_this(), slot, local, upto, loading, limit = core_->applied(),
                     check_rows = reload || !core_->leading()](store_snapshot& state) {
    const auto shell = self.lock();
    if (!shell) return;
    shell->post([slot, loading, made = shell->make_cell(state, local, upto, limit, check_rows)](
                    plant_shell& s) mutable { s.settle_in(slot, loading, std::move(made)); });
  });
}

/// A cell is ready: it moves into the slot's entity, or into a new one.
void plant_shell::settle_in(slot_number slot, std::uint64_t loading,
                            result<std::unique_ptr<cell>> made) {
  auto& r = at(slot);
  if (r.loading != loading) return;
  r.loading = 0;
  if (!made) return not_loaded(slot, made.error());
  r.rebuilt = (*made)->dirty();
  if ((*made)->what().model().referenced) {
    const std::string local((*made)->local());
    if ((*made)->sequence() == 0)
      world_.forget(local);
    else if (r.rebuilt || world_.withheld(local))
      world_.publish(local, (*made)->reference());
  }
  if (r.handle) {
    entity_mail mail;
    mail.what = entity_order::replace;
    mail.now = core_->decision_time(now());
    mail.load = std::move(*made);
    order(slot, std::move(mail));
    if (const auto held = std::move(r.held))
      for (auto& waiting : *held) order(slot, std::move(waiting));
    if (std::exchange(r.image_held, false)) order(slot, {entity_order::image, 0, 0, {}, {}});
    return;
  }
  r.epoch = loading;
  entity_owner& owner = *this;
  r.handle = services_.actors.spawn<entity, caf::lazy_init>(owner, slot, loading, std::move(*made));
  // What came while it was loading is evolved first (a cell skips what it was loaded with); what a
  // lost entity had taken with it is in the cell already.
  auto held = std::move(r.held);
  const auto waited = held ? static_cast<std::uint32_t>(held->size()) : 0;
  const auto lost = r.evolving - waited;
  r.evolving = waited;
  if (held)
    for (auto& mail : *held) order(slot, std::move(mail));
  r.image_held = false;
  if (r.imaging) order(slot, {entity_order::image, 0, 0, {}, {}});
  core_->on_activated(slot, {}, now(), r.rebuilt);
  for (auto left = lost; left > 0; --left) core_->on_evolved(slot, {}, now());
}

/// Whatever cell there was goes with all that it held; the core has what must not be lost.
void plant_shell::not_loaded(slot_number slot, error why) {
  auto& r = at(slot);
  order(slot, {entity_order::leave, 0, 0, {}, {}});
  r = resident();
  core_->on_activated(slot, std::move(why), now());
}

void plant_shell::restore(const std::string& local) {
  if (swapping_) return;
  const auto slot = core_->restore(local);
  if (!slot) return;
  if (!at(*slot).handle) return world_.publish(local, nullptr);  // until it is there
  auto show = [this, local](cell& c) {
    if (c.sequence() > 0) world_.publish(local, c.reference());
  };
  order(*slot, {entity_order::visit, 0, 0, {}, std::move(show)});
}

void plant_shell::lost(slot_number slot, std::uint64_t epoch, const std::string& why) {
  auto& r = at(slot);
  if (r.epoch != epoch || !r.handle) return;
  r.handle = nullptr;
  r.epoch = 0;
  const auto at_now = now();
  losses_.push_back(at_now);
  while (!losses_.empty() && losses_.front().micros() + limits_.window_us < at_now.micros())
    losses_.pop_front();
  if (losses_.size() > limits_.losses_max && !resting(at_now)) {
    resting_until_ = timestamp::from_micros(at_now.micros() + limits_.rest_us);
    alarm("plant.rests", std::to_string(losses_.size()) + " actors failed within seconds");
  }
  core_->on_cell_lost(slot, why, at_now);
}

// ---- orders ----

void plant_shell::offer(slot_number slot, std::vector<stimulus> inputs, timestamp at_now) {
  entity_mail mail;
  mail.what = entity_order::offer;
  mail.now = at_now;
  mail.load = std::move(inputs);
  order(slot, std::move(mail));
}

void plant_shell::committed(slot_number slot, journal_index index, std::uint32_t ordinal,
                            timestamp at_now) {
  order(slot, {entity_order::committed, ordinal, index, at_now, {}});
}

void plant_shell::evolve(slot_number slot, journal_index index, shared_bytes entry,
                         std::vector<std::uint32_t> ordinals) {
  ++at(slot).evolving;
  entity_mail mail{
      entity_order::evolve, 0, index, {}, evolve_load{std::move(entry), std::move(ordinals)}};
  auto& r = at(slot);
  if (r.handle && r.loading == 0) return order(slot, std::move(mail));
  if (!r.held) r.held = std::make_unique<std::vector<entity_mail>>();
  r.held->push_back(std::move(mail));
}

void plant_shell::image(slot_number slot) {
  auto& r = at(slot);
  r.imaging = true;
  r.image_held = r.handle && r.loading != 0;  // what waits for the next cell comes before it
  if (!r.image_held) order(slot, {entity_order::image, 0, 0, {}, {}});
}

void plant_shell::stored(slot_number slot) { order(slot, {entity_order::stored, 0, 0, {}, {}}); }

void plant_shell::rest(slot_number slot) { order(slot, {entity_order::rest, 0, 0, {}, {}}); }

void plant_shell::passivate(slot_number slot) {
  order(slot, {entity_order::passivate, 0, 0, {}, {}});
}

void plant_shell::publish(const std::string& local, std::shared_ptr<const reference_state> state) {
  world_.publish(local, std::move(state));
}

void plant_shell::propose(shared_bytes entry, term_number term) {
  services_.log.propose(group_.load(std::memory_order_relaxed), std::move(entry), term);
}

void plant_shell::checkpointed(journal_index index) {
  services_.log.checkpointed(group_.load(std::memory_order_relaxed), index);
  retain(index);
}

/// What is older than the journal has to be, or more than it may hold, is in the checkpoint and is
/// read by nobody any more may go.
void plant_shell::retain(journal_index checkpoint_index) {
  const auto group = group_.load(std::memory_order_relaxed);
  if ((options_.retain_us <= 0 && options_.retain_bytes == 0) || group == 0) return;
  stored_journal entries(services_.journal, group);
  const auto oldest = entries.oldest();
  if (!oldest) return alarm(oldest.error().code, oldest.error().detail);
  auto end = std::min(core_->needed_from(), checkpoint_index + 1);
  if (const auto kept = keep_from_.load(std::memory_order_relaxed); kept != 0)
    end = std::min(end, kept);
  auto first = options_.retain_us > 0 ? first_young(entries, *oldest, end) : *oldest;
  if (options_.retain_bytes > 0)
    first =
        std::max(first, std::min(core_->journal_bytes().first_within(options_.retain_bytes), end));
  if (first <= *oldest) return;
  core_->journal_bytes().forget(first);
  services_.log.retain_from(group, first);
}

/// The first entry below `end` that is not old enough to go. Stamps never decrease; an entry
/// without one (a change of the group) counts as young.
journal_index plant_shell::first_young(stored_journal& entries, journal_index first,
                                       journal_index end) {
  const auto young = timestamp::from_micros(now().micros() - options_.retain_us);
  const auto oldest = first;
  while (first < end) {
    const auto middle = first + (end - first) / 2;
    const auto entry = entries.read(middle, middle, 0);
    if (!entry) {
      alarm(entry.error().code, entry.error().detail);
      return oldest;
    }
    const bool old = entry->front().type == entry_type::command &&
                     entry_view::trusted(*entry->front().payload).stamp() < young;
    if (old)
      first = middle + 1;
    else
      end = middle;
  }
  return first;
}

void plant_shell::write(std::shared_ptr<write_batch> slice) {
  services_.io.write(std::move(slice), [self = weak_from_this()] {
    if (const auto shell = self.lock())
      shell->post([](plant_shell& s) { s.core_->on_written(s.now()); });
  });
}

void plant_shell::attempt_delivery(attempt a) {
  const auto number = a.number;
  const auto which = a.attempt;
  if (!services_.out) return;
  services_.out->attempt_delivery(
      std::move(a), [self = weak_from_this(), number, which](attempt_result r) {
        if (const auto shell = self.lock())
          shell->post([number, which, r = std::move(r)](plant_shell& s) mutable {
            s.core_->on_attempt(number, which, std::move(r), s.now());
          });
      });
}

void plant_shell::send(message_frame frame) { services_.mail.send(std::move(frame)); }

void plant_shell::send(watermark_frame frame) { services_.mail.send(std::move(frame)); }

void plant_shell::take(stream_letter letter) {
  post([letter = std::move(letter)](plant_shell& s) {
    if (const auto* frame = std::get_if<message_frame>(&letter.what))
      s.core_->on_messages(*frame, s.now());
    else
      s.core_->on_watermark(std::get<watermark_frame>(letter.what), s.now());
  });
}

void plant_shell::alarm(std::string_view code, const std::string& detail) {
  spdlog::warn("plant={} alarm={} {}", options_.plant, code, detail);
}

// ---- answers: on the plant's actor, while the crew works ----

void plant_shell::activated(slot_number slot, std::uint64_t epoch) noexcept {
  if (at(slot).epoch == epoch) core_->on_activated(slot, {}, now(), at(slot).rebuilt);
}

void plant_shell::proposed(slot_number slot, std::uint64_t epoch, proposal p) noexcept {
  if (at(slot).epoch == epoch) core_->on_proposal(slot, std::move(p), now());
}

void plant_shell::evolved(slot_number slot, std::uint64_t epoch, changes what) noexcept {
  auto& r = at(slot);
  if (r.epoch != epoch || r.evolving == 0) return;
  --r.evolving;
  core_->on_evolved(slot, std::move(what), now());
}

void plant_shell::imaged(slot_number slot, std::uint64_t epoch,
                         std::shared_ptr<const actor_image> image,
                         std::size_t cell_bytes) noexcept {
  auto& r = at(slot);
  if (r.epoch != epoch || !r.imaging) return;
  r.imaging = false;
  core_->on_image(slot, std::move(image), cell_bytes);
}

void plant_shell::rested(slot_number slot, std::uint64_t epoch, std::size_t cell_bytes) noexcept {
  if (at(slot).epoch == epoch) core_->on_rested(slot, cell_bytes);
}

void plant_shell::passivated(slot_number slot, std::uint64_t epoch, bool gone) noexcept {
  auto& r = at(slot);
  if (r.epoch != epoch) return;
  if (gone) {
    r.handle = nullptr;
    r.epoch = 0;
  }
  core_->on_passivated(slot, gone, now());
}

void plant_shell::ended(slot_number slot, std::uint64_t epoch, std::string why) noexcept {
  lost(slot, epoch, why);
}

}  // namespace millrace
