// The shell of a simulated plant: events instead of actors and threads.

#include "tests/simulation/plant.hpp"

#include <algorithm>
#include <utility>

#include "cluster/entry.hpp"
#include "cluster/state_tables.hpp"

namespace millrace::simulation {

namespace {

host_options options_of(const std::string& name, const swarm& faults) {
  host_options o;
  o.plant = name;
  o.checkpoint_records = faults.checkpoint_records;
  o.checkpoint_us = 500'000;
  o.rest_s = 1;
  o.resident_bytes_max = faults.resident_bytes_max;
  const bool small = faults.resident_bytes_max < (1 << 20);
  if (small) o.outbox_.resident_bytes_max = 2'000;  // bodies are read back
  if (faults.off == mutant::window_off) o.window.ids_max = 1;
  o.sole_voter = faults.nodes == 1;
  return o;
}

/// In place: no record of these says any longer which message it has handled.
void forget_watermarks(const bytes& entry) {
  const auto view = entry_view::trusted(entry);
  for (const auto* record : view) {
    if (record->source() != engine::Source::message || record->consumed() == nullptr) continue;
    auto* consumed = const_cast<flatbuffers::Table*>(
        reinterpret_cast<const flatbuffers::Table*>(record->consumed()));
    consumed->SetField<std::uint64_t>(engine::Consumed::VT_NUMBER, 0, 0);
  }
}

void append(changes& to, changes from) {
  for (auto& i : from.indexes) to.indexes.push_back(std::move(i));
  for (auto& p : from.parked) to.parked.push_back(std::move(p));
  for (auto& u : from.unparked) to.unparked.push_back(std::move(u));
  if (from.reference) to.reference = std::move(from.reference);
}

}  // namespace

sim_plant::sim_plant(std::string name, process_services services, group_number group)
    : name_(std::move(name)),
      services_(std::move(services)),
      group_(group),
      journal_(*services_.journal, group),
      host_(options_of(name_, *services_.faults), *services_.kinds, *this, *services_.state,
            journal_, [w = services_.where] { return w->random(); }) {}

void sim_plant::hop(const char* link, event what) {
  services_.where->hop(std::to_string(services_.number) + name_ + link,
                       services_.faults->hop_us_max,
                       [alive = services_.alive, self = weak_from_this(), what = std::move(what)] {
                         if (*alive && !self.expired()) what();
                       });
}

void sim_plant::input(const std::function<void(plant_host&, timestamp)>& what) {
  what(host_, services_.now());
  feed(services_.now());
  end_turn_soon();
}

/// As plant_shell does: a follower takes the next slice when all cells have evolved the last one.
void sim_plant::feed(timestamp now) {
  if (feeding_) return;
  feeding_ = true;
  while (!slices_.empty()) {
    if (!host_.leading()) host_.make_room(now);
    if (!host_.leading() && !host_.settled()) break;
    const auto next = std::move(slices_.front());
    slices_.pop_front();
    host_.on_committed(next.entries, next.status, now);
    if (services_.faults->nodes > 1) services_.applied(host_.applied(), host_.hash());
  }
  feeding_ = false;
  serve_reads();
}

void sim_plant::linearize(event then) {
  hop("/host", [this, then = std::move(then)] {
    if (!host_.leading()) return;
    reads_[++tokens_] = {0, then};
    services_.read(group_, tokens_);
  });
}

void sim_plant::on_readable(group_number, std::uint64_t token, journal_index index) {
  hop("/host", [this, token, index] {
    if (index == 0)
      reads_.erase(token);
    else if (const auto at = reads_.find(token); at != reads_.end())
      at->second.upto = index;
    serve_reads();
  });
}

void sim_plant::serve_reads() {
  std::vector<event> due;
  std::erase_if(reads_, [&](auto& waiting) {
    if (waiting.second.upto == 0 || waiting.second.upto > host_.applied()) return false;
    due.push_back(std::move(waiting.second.then));
    return true;
  });
  for (const auto& then : due) then();
}

/// Between plants frames may be lost, doubled and late.
void sim_plant::take(stream_letter letter) {
  auto& w = *services_.where;
  if (chance(0.05)) return;
  const int copies = chance(0.05) ? 2 : 1;
  for (int i = 0; i < copies; ++i)
    w.after(static_cast<std::int64_t>(w.below(2'000)),
            [alive = services_.alive, self = shared_from_this(), letter] {
              if (!*alive) return;
              self->input([&](plant_host& h, timestamp now) {
                if (const auto* frame = std::get_if<message_frame>(&letter.what))
                  h.on_messages(*frame, now);
                else
                  h.on_watermark(std::get<watermark_frame>(letter.what), now);
              });
            });
}

/// The log was handed out up to there: what came meanwhile is in the journal.
void sim_plant::go_on(const group_status& status) {
  held_ = false;
  for (auto at = host_.applied(); at < status.delivered;) {
    auto read = journal_.read(at + 1, status.delivered, 1 << 20);
    if (!read) return services_.die("the journal lacks entry " + std::to_string(at + 1));
    at = read->back().index;
    auto then = status;
    then.delivered = at;
    slices_.push_back({std::move(*read), then});
  }
  input([&](plant_host& h, timestamp now) { h.on_role(status, now); });
}

void sim_plant::end_turn_soon() {
  if (held_) return;
  if (turn_planned_) return;
  turn_planned_ = true;
  hop("/turn", [this] {
    turn_planned_ = false;
    const auto now = services_.now();
    host_.end_turn(now);
    const auto wake = host_.next_wake(now);
    if (!wake.given()) return;
    const auto in_us = std::max<std::int64_t>(wake.micros() - now.micros(), 1);
    const auto at_us = services_.where->us() + in_us;
    if (wake_us_ > services_.where->us() && wake_us_ <= at_us) return;
    wake_us_ = at_us;
    services_.where->after(in_us, [alive = services_.alive, self = weak_from_this()] {
      if (*alive && !self.expired()) self.lock()->end_turn_soon();
    });
  });
}

// ---- cells ----

result<std::unique_ptr<cell>> sim_plant::load_cell(const std::string& local, journal_index upto,
                                                   bool check_rows) {
  auto snapshot = services_.state->snapshot();
  if (!snapshot) return std::move(snapshot).error();
  auto found = load_actor(**snapshot, journal_, name_, local, upto, host_.applied(), check_rows);
  if (!found) return std::move(found).error();
  const auto [kind_name, id] = split_local(local);
  auto made = std::make_unique<cell>(*services_.kinds->find(kind_name), id, *this);
  if (!found->row.empty()) {
    if (auto r = made->load(found->row); !r) return std::move(r).error();
    made->rows_listed(hash_child_rows(**snapshot, name_, local, row_names::listed_max));
  }
  for (const auto& step : found->records)
    made->evolve(*step.record, step.index, step.ordinal, step.stamp);
  if (made->spoilt()) return error{"state.damaged", local + ": a child row cannot be read"};
  return made;
}

void sim_plant::activate(slot_number slot, const std::string& local, journal_index upto,
                         bool reload) {
  services_.where->say(services_.number, name_, "activate", slot, local, upto,
                       reload ? "reload" : "");
  hop("/cell", [this, slot, local, upto, reload, load = ++loads_[slot]] {
    if (load != loads_[slot]) return;
    auto& b = boxes_[slot];
    if (std::exchange(b.given_up, false)) b.image_wanted = false;
    cell::legacy legacy;
    if (reload && b.core) {
      if (!b.core->spoilt()) b.core->lost();
      legacy = b.core->take_legacy();
    }
    auto made = chance(services_.faults->load_fails)
                    ? result<std::unique_ptr<cell>>(error{"disk.failed", "the simulation's"})
                    : load_cell(local, upto, reload || !host_.leading());
    if (!made) return not_loaded(slot, load, made.error());
    b.core = std::move(*made);
    show(local, *b.core);
    activated(slot, load, {}, b.core->dirty());
    for (const auto& late : std::exchange(b.evolves, {})) late();
    serve_waiting(slot, b);
    if (reload) propose_from(slot, b.core->inherit(std::move(legacy), services_.now()));
  });
}

bool sim_plant::chance(double probability) const {
  return probability > 0 && services_.faulty() && services_.where->chance(probability);
}

/// As plant_shell does: what others look up is shown when it is newer than its row, or was hidden.
void sim_plant::show(const std::string& local, const cell& c) {
  if (!c.what().model().referenced) return;
  const auto at = references_.find(local);
  const bool withheld = at != references_.end() && !at->second;
  if (c.sequence() == 0)
    references_.erase(local);
  else if (c.dirty() || withheld)
    references_[local] = c.reference();
}

/// Whatever cell there was goes with all that it held.
void sim_plant::not_loaded(slot_number slot, std::uint64_t load, error why) {
  services_.where->say(name_, "slot", slot, "is not loaded:", why.detail);
  auto& b = boxes_[slot];
  b.core.reset();
  b.readers.clear();
  for (const auto& late : std::exchange(b.evolves, {})) late();
  activated(slot, load, why, false);
}

void sim_plant::activated(slot_number slot, std::uint64_t load, result<void> how, bool rebuilt) {
  hop("/host", [this, slot, load, how, rebuilt] {
    if (load != loads_[slot]) return;
    if (!how) boxes_[slot].given_up = true;
    input([&](plant_host& h, timestamp now) { h.on_activated(slot, how, now, rebuilt); });
  });
}

void sim_plant::propose_from(slot_number slot, proposal p) {
  if (p.empty()) return;
  auto shared = std::make_shared<proposal>(std::move(p));
  services_.where->say(name_, "slot", slot, "proposes", shared->records.size(), "verdicts",
                       shared->verdicts.size(), shared->reload ? "reload" : "");
  hop("/host", [this, slot, shared] {
    input([&](plant_host& h, timestamp now) { h.on_proposal(slot, std::move(*shared), now); });
  });
}

void sim_plant::offer(slot_number slot, std::vector<stimulus> inputs, timestamp now) {
  for (const auto& s : inputs)
    services_.where->say(name_, "offer", slot, "ticket", s.ticket & 0xFFFF'FFFF, s.ticket >> 32);
  auto shared = std::make_shared<std::vector<stimulus>>(std::move(inputs));
  hop("/cell", [this, slot, shared, now] {
    auto& b = boxes_[slot];
    if (!b.core) return;  // what is sent to a dead actor is lost with it
    if (services_.where->chance(services_.faults->cell_lost)) {  // the actor dies with its inputs
      services_.where->say(name_, "slot", slot, "is lost");
      b.core.reset();
      hop("/host", [this, slot] {
        input([&](plant_host& h, timestamp at) {
          h.on_cell_lost(slot, "the simulation took it", at);
        });
      });
      return;
    }
    propose_from(slot, b.core->offer(std::move(*shared), now));
  });
}

void sim_plant::serve_waiting(slot_number slot, box& b) {
  if (!b.core || b.core->in_flight() || b.core->spoilt()) return;
  if (b.image_wanted && chance(services_.faults->image_fails)) {
    b.image_wanted = false;
    hop("/host",
        [this, slot] { input([&](plant_host& h, timestamp) { h.on_image(slot, nullptr, 0); }); });
  }
  if (b.image_wanted) {
    b.image_wanted = false;
    services_.where->say(services_.number, name_, "image of", slot, b.core->local(),
                         b.core->sequence());
    hop("/host", [this, slot, image = b.core->image(), size = b.core->memory()] {
      input([&](plant_host& h, timestamp) { h.on_image(slot, image, size); });
    });
  }
  for (auto& reader : std::exchange(b.readers, {})) reader(*b.core);
}

void sim_plant::committed(slot_number slot, journal_index index, std::uint32_t ordinal,
                          timestamp now) {
  services_.where->say(name_, "committed", slot, index, ordinal);
  hop("/cell", [this, slot, index, ordinal, now] {
    auto& b = boxes_[slot];
    if (!b.core || !b.core->in_flight()) return;
    b.core->committed(index, ordinal);
    serve_waiting(slot, b);
    propose_from(slot, b.core->resume(now));
  });
}

void sim_plant::evolve(slot_number slot, journal_index index, shared_bytes entry,
                       std::vector<std::uint32_t> ordinals) {
  hop("/cell", [this, slot, index, entry, ordinals = std::move(ordinals)] {
    evolve_now(slot, index, entry, ordinals);
  });
}

void sim_plant::evolve_now(slot_number slot, journal_index index, const shared_bytes& entry,
                           const std::vector<std::uint32_t>& ordinals) {
  auto& b = boxes_[slot];
  if (b.core && (b.core->in_flight() || b.core->spoilt()))
    return b.evolves.push_back(
        [this, slot, index, entry, ordinals] { evolve_now(slot, index, entry, ordinals); });
  services_.where->say(services_.number, name_, "evolve", slot,
                       b.core ? b.core->local() : std::string_view("nobody"), index);
  const auto view = entry_view::trusted(*entry);
  changes all;
  for (auto at = view.begin(); b.core && at != view.end(); ++at)
    if (std::find(ordinals.begin(), ordinals.end(), at.ordinal()) != ordinals.end())
      append(all, b.core->evolve(**at, index, at.ordinal(), view.stamp()));
  if (b.core && b.core->spoilt()) {  // the actor dies of it
    b.core.reset();
    hop("/host", [this, slot] {
      input([&](plant_host& h, timestamp now) { h.on_cell_lost(slot, "a row is damaged", now); });
    });
  }
  auto shared = std::make_shared<changes>(std::move(all));
  hop("/host", [this, slot, shared] {
    input([&](plant_host& h, timestamp now) { h.on_evolved(slot, std::move(*shared), now); });
  });
}

void sim_plant::image(slot_number slot) {
  hop("/cell", [this, slot] {
    auto& b = boxes_[slot];
    b.image_wanted = true;
    serve_waiting(slot, b);
  });
}

void sim_plant::stored(slot_number slot) {
  hop("/cell", [this, slot] {
    if (auto& b = boxes_[slot]; b.core) b.core->stored();
  });
}

void sim_plant::rest(slot_number slot) {
  hop("/cell", [this, slot] {
    auto& b = boxes_[slot];
    if (!b.core) return;
    b.core->rest();
    hop("/host", [this, slot, bytes = b.core->memory()] { host_.on_rested(slot, bytes); });
  });
}

void sim_plant::passivate(slot_number slot) {
  services_.where->say(name_, "passivate", slot);
  hop("/cell", [this, slot] {
    auto& b = boxes_[slot];
    const bool gone = b.core && b.core->idle() && b.readers.empty() && !b.image_wanted;
    if (gone) boxes_.erase(slot);
    services_.where->say(name_, "slot", slot, gone ? "is passive" : "stays");
    hop("/host", [this, slot, gone] {
      input([&](plant_host& h, timestamp now) { h.on_passivated(slot, gone, now); });
    });
  });
}

void sim_plant::publish(const std::string& local, std::shared_ptr<const reference_state> state) {
  references_[local] = std::move(state);
}

void sim_plant::read(const std::string& local,
                     std::function<void(std::optional<actor_view>)> handler) {
  if (!host_.leading() && services_.faults->nodes == 1)
    return;  // the gateway serves nothing before it is ready
  if (const auto slot = host_.resident(local)) {
    hop("/cell", [this, slot = *slot, local, handler] {
      auto& b = boxes_[slot];
      if (b.core && b.core->local() != local)
        return;  // it was passivated meanwhile: the reader asks again
      b.readers.push_back([handler, local](cell& c) {
        if (c.local() != local) return;  // the slot is another actor's now: likewise
        handler(c.sequence() == 0 ? std::nullopt : std::optional<actor_view>(c.view()));
      });
      if (b.core) serve_waiting(slot, b);
    });
    return;
  }
  auto made = load_cell(local, 0, false);  // as plant_shell does: a damaged row is rebuilt
  if (!made) return;
  handler((*made)->sequence() == 0 ? std::nullopt : std::optional<actor_view>((*made)->view()));
}

// ---- environment of the cells ----

std::string sim_plant::rule(std::string_view, std::string_view fallback) const {
  return std::string(fallback);
}

result<std::shared_ptr<const reference_state>> sim_plant::look_up(std::string_view kind,
                                                                  std::string_view id) {
  using found_state = std::shared_ptr<const reference_state>;
  const auto local = std::string(kind) + '/' + std::string(id);
  if (const auto at = references_.find(local); at != references_.end()) {
    if (at->second) return at->second;
    return error{"state.damaged", local + " is quarantined"};
  }
  auto snapshot = services_.state->snapshot();
  if (!snapshot) return snapshot.error();
  auto row = read_actor_row(**snapshot, name_, local);
  if (!row) {
    hop("/host", [this, local] { restore(local); });
    return row.error();
  }
  if (!*row) return found_state();
  cell c(*services_.kinds->find(kind), id, *this);
  const bytes aligned((*row)->begin(), (*row)->end());
  if (auto done = c.load(aligned); !done) return done.error();
  if (c.sequence() == 0) return found_state();
  return references_[local] = c.reference();
}

void sim_plant::restore(const std::string& local) {
  std::optional<slot_number> slot;
  input([&](plant_host& h, timestamp) { slot = h.restore(local); });
  if (!slot) return;
  hop("/cell", [this, slot = *slot, local] {
    auto& b = boxes_[slot];
    if (!b.core || b.core->local() != local) {
      references_[local] = nullptr;  // until it is there
      return;
    }
    b.readers.push_back([this, local](cell& c) {
      if (c.local() == local && c.sequence() > 0) references_[local] = c.reference();
    });
    serve_waiting(slot, b);
  });
}

result<std::optional<bytes>> sim_plant::read_row(std::string_view actor, std::string_view table,
                                                 std::string_view key) {
  auto snapshot = services_.state->snapshot();
  if (!snapshot) return snapshot.error();
  return read_child_row(**snapshot, name_, actor, table, key);
}

// ---- log, disk, outside ----

void sim_plant::propose(shared_bytes entry, term_number term) {
  if (off(mutant::watermark_not_journaled)) forget_watermarks(*entry);
  services_.propose(group_, std::move(entry), term);
}

void sim_plant::checkpointed(journal_index index) { services_.checkpointed(group_, index); }

void sim_plant::write(std::shared_ptr<write_batch> slice) {
  const auto of_cut = [](const millrace::write& w) { return w.table == state_table::plants; };
  const bool last = std::any_of(slice->writes().begin(), slice->writes().end(), of_cut);
  if (off(mutant::checkpoint_ahead) && !last) {  // told as written, and written much later
    hop("/host", [this] { input([](plant_host& h, timestamp now) { h.on_written(now); }); });
    services_.where->after(static_cast<std::int64_t>(services_.where->below(500'000)),
                           [alive = services_.alive, self = shared_from_this(), slice] {
                             if (!*alive) return;
                             if (self->services_.state->commit(slice->writes()))
                               self->services_.sync_state();
                           });
    return;
  }
  hop("/disk", [this, slice] {
    if (!services_.state->commit(slice->writes())) return services_.die("state commit failed");
    const auto sync_us =
        services_.where->below(static_cast<std::uint64_t>(services_.faults->sync_us_max) + 1);
    services_.where->after(static_cast<std::int64_t>(sync_us),
                           [alive = services_.alive, self = weak_from_this()] {
                             const auto here = self.lock();
                             if (!*alive || !here) return;
                             here->services_.sync_state();
                             here->hop("/host", [p = here.get()] {
                               p->input([](plant_host& h, timestamp now) { h.on_written(now); });
                             });
                           });
  });
}

void sim_plant::attempt_delivery(attempt a) {
  if (off(mutant::cursor_before_send))
    hop("/host", [this, number = a.number, which = a.attempt] {
      attempt_result r;
      r.what = attempt_result::verdict::acknowledged;
      input([&](plant_host& h, timestamp now) { h.on_attempt(number, which, r, now); });
    });
  hop("/sink", [this, a = std::move(a)] {
    services_.outside->take(a, [alive = services_.alive, self = weak_from_this(), number = a.number,
                                which = a.attempt](attempt_result r) {
      if (!*alive) return;
      if (const auto p = self.lock())
        p->input(
            [&](plant_host& h, timestamp now) { h.on_attempt(number, which, std::move(r), now); });
    });
  });
}

void sim_plant::send(message_frame frame) { services_.send(std::move(frame)); }
void sim_plant::send(watermark_frame frame) { services_.send_watermark(std::move(frame)); }
void sim_plant::applied(journal_index) {}
void sim_plant::alarm(std::string_view code, const std::string& detail) {
  services_.where->say(name_, "alarm", code, detail);
}

void sim_plant::on_committed(group_number, std::span<const log_entry> entries,
                             const group_status& status) {
  hop("/host", [this, all = std::vector<log_entry>(entries.begin(), entries.end()), status] {
    if (held_) return;
    slices_.push_back({all, status});
    input([](plant_host&, timestamp) {});
  });
}

void sim_plant::on_refused(group_number, std::span<const shared_bytes> payloads, const error& why) {
  hop("/host", [this, all = std::vector<shared_bytes>(payloads.begin(), payloads.end()), why] {
    input([&](plant_host& h, timestamp now) { h.on_refused(all, why, now); });
  });
}

void sim_plant::on_role(group_number, const group_status& status) {
  services_.leads(group_, status);
  hop("/host", [this, status] {
    if (!held_) input([&](plant_host& h, timestamp now) { h.on_role(status, now); });
  });
}

}  // namespace millrace::simulation
