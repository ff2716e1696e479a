// The committed log applied, on every replica alike: window, timers, streams, outbox, asks and
// exceptions change here and nowhere else. At the leader the same pass lets verdicts out and
// answers callers that waited.
#include <map>

#include "cluster/check.hpp"
#include "cluster/host.hpp"

namespace millrace {

namespace {

std::string_view text(const flatbuffers::String* s) {
  return s != nullptr ? s->string_view() : std::string_view();
}
hash128 id_of(const Hash128* h) { return h != nullptr ? flatbuffers::UnPack(*h) : hash128(); }
timestamp time_of(const Time* t) { return t != nullptr ? flatbuffers::UnPack(*t) : timestamp(); }

std::string hex(hash128 id) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out(32, '0');
  for (std::size_t i = 0; i < 32; ++i)
    out[i] = digits[(i < 16 ? id.hi : id.lo) >> (60 - i % 16 * 4) & 15];
  return out;
}

filing filing_of(const engine::Record& r, const engine::Delivery& d, timestamp stamp) {
  filing f;
  f.system = d.system();
  f.key = text(d.key());
  f.tag = text(d.tag());
  f.actor = text(r.actor());
  f.correlation = text(r.correlation());
  f.causation = hex(id_of(r.id()));
  f.kind = split_local(f.actor).first;
  f.member = d.type();
  f.lane = d.lane();
  f.filed_at = stamp;
  f.body = d.body() != nullptr ? std::make_shared<const bytes>(d.body()->begin(), d.body()->end())
                               : std::make_shared<const bytes>();
  return f;
}

}  // namespace

void plant_host::on_committed(std::span<const log_entry> entries, const group_status& status,
                              timestamp now) {
  for (const auto& e : entries) {
    if (e.index <= applied_) continue;
    check(e.index == applied_ + 1);
    if (e.type == entry_type::command) {
      if (!flights_.empty() && flights_.front().payload == e.payload) {
        auto own = std::move(flights_.front());
        flights_.pop_front();
        apply_entry(e, &own, now);
      } else {
        if (leading_) {  // another led: what is under way was decided without this entry
          check(status.role != group_role::leader || status.term != term_);
          step_down(status.leader);
        }
        apply_entry(e, nullptr, now);
      }
    }
    applied_ = e.index;
    journal_size_.add(e.index, e.payload ? e.payload->size() : 0);
  }
  port_->applied(applied_);
  if (leading_ && (status.role != group_role::leader || status.term != term_))
    step_down(status.leader);
  begin_leading(now);
  end_turn(now);
}

void plant_host::apply_entry(const log_entry& e, flight* own, timestamp now) {
  if (own == nullptr) {
    apply_foreign(e);
    return;
  }
  const auto view = entry_view::trusted(*e.payload);
  stamp_ = view.stamp();
  auto it = view.begin();
  for (auto& p : own->parts) {
    for (std::uint32_t n = 0; n < p.count; ++n, ++it)
      apply_record(**it, {e.index, it.ordinal(), stamp_}, p.slot);
    if (p.slot == none) {
      if (p.done_cb) p.done_cb({});
      continue;
    }
    auto& s = slots_[p.slot];
    apply_changes(p.slot, p.what.what, e.index);
    for (auto& v : p.what.verdicts) verdict_out(v, v.record >= 0 ? e.index : 0, false, now);
    --s.in_flight;
    if (p.what.reload || s.reload) {
      s.reload = false;
      load_slot(p.slot, true);
    } else {
      port_->committed(p.slot, e.index, p.first, decision_time(now));
    }
  }
  for (auto& [sink, r] : own->reads) answer(sink, std::move(r));
}

void plant_host::apply_foreign(const log_entry& e) {
  const auto view = entry_view::verify(*e.payload);
  if (!view) {
    port_->alarm(view.error().code,
                 "entry " + std::to_string(e.index) + ": " + view.error().detail);
    check(
        false);  // its checksum held, so it was written like this: nothing after it may be applied
  }
  stamp_ = view->stamp();
  std::map<slot_number, std::vector<std::uint32_t>> ordinals;
  for (auto it = view->begin(); it != view->end(); ++it) {
    const auto& r = **it;
    slot_number slot = none;
    if (r.actor() != nullptr)
      if (const auto* k = kinds_->find(split_local(text(r.actor())).first))
        slot = intern(text(r.actor()), *k);
    apply_record(r, {e.index, it.ordinal(), stamp_}, slot);
    if (slot != none) ordinals[slot].push_back(it.ordinal());
  }
  for (auto& [slot, which] : ordinals) {
    if (slots_[slot].state == slot_state::phase::broken) continue;  // it will be loaded with them
    ++slots_[slot].evolving;
    ++evolving_;
    port_->evolve(slot, e.index, e.payload, std::move(which));
  }
}

void plant_host::apply_record(const engine::Record& r, const position& at, slot_number slot) {
  ++records_since_cut_;
  ++counters_.records;
  if (slot != none) {
    auto& s = slots_[slot];
    s.last_index = at.index;
    ++s.unsaved;
    if (!s.dirty) {
      s.dirty = true;
      dirty_slots_.push_back(slot);
    }
    if (r.events() != nullptr && r.sequence() > 0 && r.sequence() == r.events()->size()) {
      s.fresh = true;
      const auto [kind_name, id] = split_local(s.local);
      overlay_.add(kind_name, id, every_actor, {}, at.index);
    }
  }
  if (r.correlation() != nullptr)
    correlations_.push_back({correlation_name(text(r.correlation())), at.index, at.ordinal});
  if (r.consumed() != nullptr)
    apply_consumed(r, at);
  else if (r.source() == engine::Source::host)
    apply_operator(r, at);
  if (r.keyed())
    window_.add(id_of(r.id()), at.index, at.ordinal, r.fingerprint(), r.outcome(), at.stamp);
  if (r.effects() != nullptr) apply_effects(r, at);
  if (r.reply_to() != nullptr && r.ask() != nullptr) apply_answer(r, at);
  if (r.settles() != nullptr) apply_settles(r, at);
  if (r.parked() != nullptr || r.unparked() != nullptr) apply_exception(r, at);
}

void plant_host::apply_consumed(const engine::Record& r, const position& at) {
  const auto& c = *r.consumed();
  switch (r.source()) {
    case engine::Source::message: {
      const auto from = text(c.plant());
      if (from.empty() || from == options_.plant) {
        auto& in = streams_.in(options_.plant, c.generation(), c.lane());
        in.finish(c.number());
        streams_.out(options_.plant, c.lane()).acknowledge(in.watermark(), 0);
      } else {
        streams_.in(from, c.generation(), c.lane()).finish(c.number());
        if (leading_) watermarks_due_.insert({std::string(from), c.generation(), c.lane()});
      }
      return;
    }
    case engine::Source::timer:
      timers_.fire(text(r.actor()), text(c.timer()), time_of(c.due()));
      return;
    case engine::Source::delivery:
      end_filed(c.number(), r.delivery(), at);
      return;
    case engine::Source::host:
      if (c.plant() != nullptr) {
        auto& out = streams_.out(text(c.plant()), c.lane());
        out.acknowledge(c.number(), stream_history);
        acks_.erase({std::string(text(c.plant())), c.lane()});
      } else {
        apply_operator(r, at);
      }
      return;
    case engine::Source::client:
    case engine::Source::exception:
      return;
  }
}

void plant_host::apply_operator(const engine::Record& r, const position& at) {
  if (r.delivery() != nullptr) end_filed(r.delivery()->number(), r.delivery(), at);
  if (text(r.code()) == pause_code && r.consumed() != nullptr) {
    const auto until = time_of(r.consumed()->due());
    pauses_[r.system()] = {until, std::string(text(r.detail()))};
    outbox_.pause(r.system(), until, std::string(text(r.detail())));
  }
}

void plant_host::end_filed(std::uint64_t number, const engine::DeliveryDone* d,
                           const position& at) {
  const auto how = d != nullptr ? d->end() : engine::DeliveryEnd::acknowledged;
  if (how != engine::DeliveryEnd::acknowledged && how != engine::DeliveryEnd::discarded)
    outbox_.bring_back(number, fetcher());
  bytes edited;
  if (d != nullptr && d->body() != nullptr) edited.assign(d->body()->begin(), d->body()->end());
  outbox_.end(number, how, d != nullptr ? text(d->document()) : std::string_view(),
              d != nullptr ? text(d->detail()) : std::string_view(),
              edited.empty() ? nullptr : &edited, at.stamp, at.index);
  if (const auto it = discards_.find(number); it != discards_.end()) {
    auto cb = std::move(it->second);
    discards_.erase(it);
    cb({});
  }
}

void plant_host::apply_effects(const engine::Record& r, const position& at) {
  for (const auto* box : *r.effects()) {
    switch (box->effect_type()) {
      case engine::Effect::Message: {
        auto m = std::make_shared<engine::MessageT>();
        box->effect_as_Message()->UnPackTo(m.get());
        if (m->from.empty()) m->from = text(r.actor());
        if (m->correlation.empty()) m->correlation = text(r.correlation());
        if (m->causation.empty()) m->causation = hex(id_of(r.id()));
        file_message(std::move(m), at.index);
        break;
      }
      case engine::Effect::Timer: {
        const auto* t = box->effect_as_Timer();
        timers_.arm(text(r.actor()), text(t->name()), time_of(t->due()));
        break;
      }
      case engine::Effect::Delivery: {
        if (filing_index_ != at.index) filing_place_ = 0;
        filing_index_ = at.index;
        auto f = filing_of(r, *box->effect_as_Delivery(), at.stamp);
        f.origin = {at.index, filing_place_++, 0};
        outbox_.file(std::move(f));
        break;
      }
      case engine::Effect::NONE:
        break;
    }
  }
}

/// A delivery as the journal has it, with the body of its last edit. Null: the journal has not.
std::shared_ptr<const filing> plant_host::filed_effect(std::uint64_t number,
                                                       const delivery_origin& from) const {
  const auto entry_at = [&](journal_index index) {
    auto entries = journal_->read(index, index, 0);
    return entries && !entries->empty() ? entries->front().payload : shared_bytes();
  };
  const auto filed = entry_at(from.index);
  if (!filed) return nullptr;
  std::shared_ptr<filing> out;
  std::uint32_t place = 0;
  const auto view = entry_view::trusted(*filed);
  for (const auto* r : view) {
    if (r->effects() == nullptr) continue;
    for (const auto* box : *r->effects())
      if (const auto* d = box->effect_as_Delivery(); d != nullptr && place++ == from.place)
        out = std::make_shared<filing>(filing_of(*r, *d, view.stamp()));
  }
  if (!out || from.edited == 0) return out;
  const auto edited = entry_at(from.edited);
  if (!edited) return nullptr;
  for (const auto* r : entry_view::trusted(*edited))
    if (const auto* d = r->delivery();
        d != nullptr && d->number() == number && d->body() != nullptr)
      out->body = std::make_shared<const bytes>(d->body()->begin(), d->body()->end());
  return out;
}

void plant_host::file_message(std::shared_ptr<engine::MessageT> m, journal_index index) {
  const bool here = m->plant.empty() || m->plant == options_.plant;
  auto& out = streams_.out(here ? options_.plant : m->plant, m->lane);
  out.file(std::move(m), index);
}

void plant_host::apply_answer(const engine::Record& r, const position& at) {
  ask a;
  a.reply_to = text(r.reply_to());
  a.tag = text(r.ask());
  a.correlation = text(r.correlation());
  a.origin = id_of(r.origin());
  if (r.consumed() != nullptr) a.lane = r.consumed()->lane();
  const auto exception = r.parked() != nullptr ? text(r.parked()->exception()) : std::string_view();
  if (r.outcome() != engine::Outcome::pending)
    file_answer(at.index, a, r, r.outcome(), text(r.code()), text(r.detail()), exception);
  if (r.outcome() == engine::Outcome::pending || (r.parked() != nullptr && r.parked()->waits())) {
    const auto id = id_of(r.id());
    asks_[id] = std::move(a);
    dirty_asks_.insert(id);
  }
}

void plant_host::file_answer(journal_index index, const ask& to, const engine::Record& from,
                             engine::Outcome outcome, std::string_view code,
                             std::string_view detail, std::string_view exception) {
  auto m = std::make_shared<engine::MessageT>();
  const auto [plant, local] = split_local(to.reply_to);
  if (plant != options_.plant) m->plant = plant;
  m->to = local;
  m->lane = to.lane;
  m->ask = to.tag;
  m->answer = true;
  m->outcome = outcome;
  m->code = code;
  m->detail = detail;
  m->exception = exception;
  if (from.events() != nullptr)
    for (const auto* e : *from.events()) m->events.emplace_back(e->UnPack());
  m->from = text(from.actor());
  m->correlation = to.correlation;
  m->causation = hex(id_of(from.id()));
  m->origin = to.origin;
  file_message(std::move(m), index);
}

void plant_host::apply_settles(const engine::Record& r, const position& at) {
  for (const auto* s : *r.settles()) {
    const auto id = id_of(s->id());
    window_.settle(id, at.index, at.ordinal, s->outcome());
    if (const auto it = asks_.find(id); it != asks_.end()) {
      file_answer(at.index, it->second, r, s->outcome(), text(s->code()), text(s->detail()),
                  text(s->exception()));
      asks_.erase(it);
      dirty_asks_.insert(id);
    }
    const auto waiting = pending_.find(id);
    if (waiting == pending_.end()) continue;
    for (auto& w : waiting->second) {
      auto out = reply_of(r, at.index);
      settle_reply(*s, out);
      out.tag = w.tag;
      out.replayed = w.replayed;
      out.correlation = std::move(w.correlation);
      answer(w.sink, std::move(out));
    }
    pending_.erase(waiting);
  }
}

reply plant_host::reply_of(const engine::Record& r, journal_index index) {
  reply out;
  out.outcome = r.outcome();
  out.code = text(r.code());
  out.detail = text(r.detail());
  out.sequence = r.sequence();
  out.index = index;
  if (r.events() != nullptr)
    for (const auto* e : *r.events())
      out.events.push_back({e->type(), e->body() != nullptr
                                           ? bytes(e->body()->begin(), e->body()->end())
                                           : bytes()});
  if (r.parked() != nullptr) out.exception = text(r.parked()->exception());
  out.correlation = text(r.correlation());
  return out;
}

void plant_host::settle_reply(const engine::Settle& s, reply& out) {
  out.outcome = s.outcome();
  out.code = text(s.code());
  out.detail = text(s.detail());
  out.exception = text(s.exception());
}

void plant_host::apply_exception(const engine::Record& r, const position& at) {
  if (const auto* u = r.unparked()) {
    exceptions_.erase(std::string(text(u->exception())));
    dirty_exceptions_.insert(std::string(text(u->exception())));
  }
  if (const auto* p = r.parked()) {
    const std::string id(text(p->exception()));
    exceptions_[id] = {std::string(text(r.actor())), std::string(text(p->code())), at.index,
                       at.ordinal};
    dirty_exceptions_.insert(id);
  }
}

void plant_host::apply_changes(slot_number slot, const changes& c, journal_index index) {
  const auto& local = slots_[slot].local;
  if (!c.indexes.empty()) {
    const auto [kind_name, id] = split_local(local);
    for (const auto& change : c.indexes) overlay_.apply(kind_name, id, change, index);
  }
  if (c.reference) port_->publish(local, c.reference);
}

}  // namespace millrace
