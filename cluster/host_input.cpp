// What reaches a plant host from outside: requests with their checks, and verdicts of cells.
// What becomes of them is decided turn by turn (host_turn.cpp).
#include <algorithm>
#include <bit>

#include "cluster/check.hpp"
#include "cluster/host.hpp"

namespace millrace {

namespace {

constexpr std::int64_t hold_back_us = 1'000'000;  // lost inputs are tried again after this
constexpr std::size_t pending_callers_max = 64;   // who wait for the answer of one pending command

System acting_system(const request& r, system_set owners, bool any) {
  if (r.system != System::none) return r.system;
  const auto may = static_cast<unsigned>(any ? r.from.systems : r.from.systems & owners);
  return may == 0 ? System::none : static_cast<System>(std::countr_zero(may));
}

/// The request as its actor gets it. `command` may be null where the request names a parked fact.
stimulus stimulus_of(request r, const table_model* command) {
  stimulus s;
  s.source =
      r.op == request::exception_op::none ? engine::Source::client : engine::Source::exception;
  s.command = r.command;
  s.dry_run = r.dry_run;
  s.op = r.op;
  s.system = acting_system(r, command != nullptr ? command->owners : system_set{0},
                           command == nullptr || command->any_owner);
  s.systems = r.from.systems;
  s.body = std::move(r.body);
  s.principal = std::move(r.from.name);
  s.on_behalf_of = std::move(r.from.on_behalf_of);
  s.correlation = std::move(r.correlation);
  s.causation = std::move(r.causation);
  s.if_match = std::move(r.if_match);
  s.exception = std::move(r.exception);
  s.reason = std::move(r.reason);
  s.signature_meaning = std::move(r.signature_meaning);
  s.signature_reason = std::move(r.signature_reason);
  return s;
}

}  // namespace

void plant_host::submit(std::vector<request> batch, std::shared_ptr<reply_sink> sink,
                        timestamp now) {
  if (leading_) {
    for (auto& r : batch) take(std::move(r), sink, now);
    return;
  }
  if (!is_leader_ && leader_ != 0) {
    for (const auto& r : batch) answer(sink, turned_away(r, not_leader()));
    return;
  }
  if (early_count_ + batch.size() > options_.lanes.inputs_max) {
    for (const auto& r : batch)
      refuse_request(r, sink, "plant.overloaded", "too many requests wait for the plant's leader");
    return;
  }
  early_count_ += batch.size();
  early_.push_back({std::move(batch), std::move(sink), now});
}

void plant_host::refuse_request(const request& r, const std::shared_ptr<reply_sink>& sink,
                                std::string code, std::string detail) {
  reply out;
  out.tag = r.tag;
  out.outcome = engine::Outcome::refused;
  const auto status = http_status(code);
  out.retry_after_s = status == 429 || status == 503 ? 1 : 0;
  out.code = std::move(code);
  out.detail = std::move(detail);
  out.correlation = r.correlation;
  when_readable(sink, std::move(out));
}

error plant_host::refusal_of(const request& r, const kind** k, const table_model** command) const {
  if (r.body.size() > command_bytes_max)
    return {"request.too_large",
            "a command has at most " + std::to_string(command_bytes_max) + " bytes"};
  *k = kinds_->find(r.to.kind);
  if (*k == nullptr) return {"route.unknown", "no kind " + r.to.kind};
  *command = r.op == request::exception_op::none || r.command != 0
                 ? (*k)->model().command(r.command)
                 : nullptr;
  if (*command == nullptr && r.op == request::exception_op::none)
    return {"command.unknown", r.to.kind + " has no command " + std::to_string(r.command)};
  if (*command == nullptr) return {};
  const auto& c = **command;
  if (c.internal && r.op == request::exception_op::none)
    return {"command.unknown", r.to.kind + " takes " + c.wire_name + " from actors only"};
  const auto operations = system_set{1} << static_cast<unsigned>(System::ops);
  if (c.is_signed && r.op == request::exception_op::none &&
      (r.signature_meaning.empty() || r.signature_reason.empty()))
    return {"signature.missing", c.wire_name + " needs a signature with its meaning and reason"};
  if (c.internal) {  // an actor passed the fact on: the MES, whose reports they come from, corrects
                     // and discards
    const auto correctors = (system_set{1} << static_cast<unsigned>(System::mes)) | operations;
    const bool may = r.op == request::exception_op::retry || (r.from.systems & correctors) != 0;
    return may ? error{}
               : error{"command.not_owner", "corrections of this fact belong to mes, ops"};
  }
  const auto owners = r.op == request::exception_op::none
                          ? c.owners
                          : static_cast<system_set>(c.owners | operations);
  if (!c.any_owner && (r.from.systems & owners) == 0)
    return {"command.not_owner", c.wire_name + " belongs to " + system_names(c.owners)};
  return {};
}

void plant_host::take(request r, const std::shared_ptr<reply_sink>& sink, timestamp now) {
  const kind* k = nullptr;
  const table_model* command = nullptr;
  if (auto no = refusal_of(r, &k, &command); !no.code.empty()) {
    refuse_request(r, sink, std::move(no.code), std::move(no.detail));
    return;
  }
  if (r.correlation.empty()) r.correlation = new_correlation(now);
  const auto local = r.to.local();
  const bool keyed = !r.key.empty() && !r.dry_run;
  hash128 id;
  std::uint64_t fingerprint = 0;
  if (keyed) {
    id = command_key(r.from.name, options_.plant, r.key);
    fingerprint = command_fingerprint(local, r.command, r.body) + static_cast<std::uint64_t>(r.op);
    if (answer_from_window(r, id, fingerprint, sink, now)) return;
  } else {
    id = random_id();
  }
  const auto lane =
      static_cast<Lane>(command != nullptr ? std::min<std::uint8_t>(command->lane, 3) : 3);
  const auto known = slot_of_.find(local);
  if (known != none && slots_[known].waiting >= options_.slot_stash_max) {
    refuse_request(r, sink, "plant.overloaded", "too many inputs wait for this actor");
    return;
  }
  if (known != none && slots_[known].losses > losses_of_actor_max &&
      slots_[known].lost_at.plus_ms(60'000) > now) {
    refuse_request(r, sink, "actor.quarantined", "the actor's code failed again and again");
    return;
  }
  if (known != none && quarantine(known) != nullptr) {
    refuse_request(r, sink, "actor.quarantined", *quarantine(known));
    return;
  }
  if (!lanes_.admit(lane)) {
    refuse_request(r, sink, "plant.overloaded", "the lane is full");
    return;
  }
  const auto slot = intern(local, *k);
  if (keyed) in_flight_ids_.insert(id, fingerprint);
  waiter w;
  w.what = waiter::kind::client;
  w.where = waiter::place::lane;
  w.keyed = keyed;
  w.lane = lane;
  w.slot = slot;
  w.tag = r.tag;
  w.id = id;
  w.deadline = now.plus_ms(r.deadline_ms);
  w.sink = sink;
  w.correlation = r.correlation;
  auto s = stimulus_of(std::move(r), command);
  s.ticket = add_waiter(std::move(w));
  s.lane = lane;
  s.keyed = keyed;
  s.id = id;
  s.fingerprint = fingerprint;
  lanes_.push(lane, {slot, std::move(s)});
}

bool plant_host::answer_from_window(const request& r, hash128 id, std::uint64_t fingerprint,
                                    const std::shared_ptr<reply_sink>& sink, timestamp now) {
  if (const auto* other = in_flight_ids_.find(id)) {
    if (*other == fingerprint)
      refuse_request(r, sink, "request.in_flight", "the first request has no answer yet");
    else
      refuse_request(r, sink, "request.key_reused",
                     "the key came before with another command or body: a new one needs a new key");
    return true;
  }
  window_hit hit;
  if (!window_.find(id, hit)) {
    if (!window_.expired(r.key, now)) return false;
    refuse_request(r, sink, "command.expired", "the key was made before what the plant remembers");
    return true;
  }
  if (hit.fingerprint != fingerprint) {
    refuse_request(r, sink, "request.key_reused",
                   "the key came before with another command or body: a new one needs a new key");
    return true;
  }
  if (hit.outcome == engine::Outcome::pending) {
    if (const auto it = pending_.find(id);
        it != pending_.end() && it->second.size() >= pending_callers_max) {
      refuse_request(r, sink, "request.in_flight", "too many callers wait for this answer");
      return true;
    }
    waiter w;
    w.what = waiter::kind::client;
    w.keyed = true;
    w.tag = r.tag;
    w.id = id;
    w.deadline = now.plus_ms(r.deadline_ms);
    w.sink = sink;
    w.correlation = r.correlation;
    w.replayed = true;
    pending_[id].push_back(std::move(w));
    return true;
  }
  ++counters_.replayed;
  auto again = replay(id, hit);
  if (!again && again.error().code == "cursor.expired") {  // what has to stay, stays: it will come
    refuse_request(r, sink, "node.not_ready", "the history of this replica is still on its way");
    return true;
  }
  if (!again) {
    refuse_request(r, sink, again.error().code, again.error().detail);
    return true;
  }
  again->tag = r.tag;
  when_readable(sink, *std::move(again));
  return true;
}

result<reply> plant_host::replay(hash128 id, const window_hit& hit) const {
  auto entries = journal_->read(hit.index, hit.index, 0);
  if (!entries) return std::move(entries).error();
  if (entries->empty())
    return error{"journal.damaged", "entry " + std::to_string(hit.index) + " is missing"};
  const auto view = entry_view::trusted(*entries->front().payload);
  auto it = view.begin();
  while (it != view.end() && it.ordinal() < hit.ordinal) ++it;
  if (it == view.end())
    return error{"journal.damaged", "entry " + std::to_string(hit.index) + " is short"};
  const auto& r = **it;
  reply out = reply_of(r, hit.index);
  if ((r.id() == nullptr || flatbuffers::UnPack(*r.id()) != id) && r.settles() != nullptr)
    for (const auto* s : *r.settles())
      if (s->id() != nullptr && flatbuffers::UnPack(*s->id()) == id) settle_reply(*s, out);
  out.replayed = true;
  return out;
}

// ---- verdicts ----

void plant_host::on_proposal(slot_number slot, proposal p, timestamp now) {
  auto& s = slots_[slot];
  if (s.stale) return;  // decided for a leadership that is gone
  if (p.records.empty()) {
    for (auto& v : p.verdicts) verdict_out(v, 0, true, now);
    if (p.reload) load_slot(slot, true);
    return;
  }
  ++s.in_flight;
  std::string detail;
  if (!leading_) {
    reject(slot, p, not_leader(), now);
  } else if (backlog(p, detail)) {
    reject(slot, p, error{"endpoint.backlog", detail}, now);
  } else {
    part out;
    out.slot = slot;
    out.count = static_cast<std::uint32_t>(p.records.size());
    out.urgent = of_hold(p);
    out.what = std::move(p);
    auto at = ready_.end();
    if (out.urgent)
      at = std::find_if(ready_.begin(), ready_.end(), [](const auto& r) { return !r.urgent; });
    ready_.insert(at, std::move(out));
  }
}

/// One of its inputs came in the lane of holds. An actor has one proposal at a time, so that those
/// of several actors may change places.
bool plant_host::of_hold(const proposal& p) {
  return std::any_of(p.verdicts.begin(), p.verdicts.end(), [&](const auto& v) {
    const auto* w = find_waiter(v.ticket);
    return w != nullptr && w->lane == Lane::hold;
  });
}

void plant_host::verdict_out(verdict& v, journal_index index, bool reading, timestamp now) {
  auto* w = find_waiter(v.ticket);
  if (w == nullptr) return;
  if (w->what != waiter::kind::client && index == 0 && v.outcome == engine::Outcome::refused) {
    lose_waiter(v.ticket, error{v.code, v.detail}, now);  // could not be decided: it comes again
    return;
  }
  switch (w->what) {
    case waiter::kind::client: {
      if (w->answered) break;
      if (v.outcome == engine::Outcome::pending && index > 0) {
        waiter kept;
        kept.what = waiter::kind::client;
        kept.keyed = w->keyed;
        kept.tag = w->tag;
        kept.id = w->id;
        kept.deadline = w->deadline;
        kept.sink = std::move(w->sink);
        kept.correlation = std::move(w->correlation);
        pending_[kept.id].push_back(std::move(kept));
        break;
      }
      reply r;
      r.tag = w->tag;
      r.outcome = v.outcome;
      r.code = std::move(v.code);
      r.detail = std::move(v.detail);
      r.sequence = v.sequence;
      r.index = index;
      r.events = std::move(v.events);
      r.exception = std::move(v.exception);
      r.correlation = std::move(w->correlation);
      if (http_status(r.code) == 503) r.retry_after_s = 1;
      if (reading)
        when_readable(w->sink, std::move(r));
      else
        answer(w->sink, std::move(r));
      break;
    }
    case waiter::kind::delivery:
      if (index == 0 && w->again && w->again->consumed)
        outbox_.unsettle(w->again->consumed->number);
      break;
    case waiter::kind::message:
    case waiter::kind::timer:
    case waiter::kind::free:
      break;
  }
  drop_waiter(v.ticket);
}

void plant_host::reject(slot_number slot, proposal& p, const error& why, timestamp now) {
  auto& s = slots_[slot];
  check(s.in_flight > 0);
  --s.in_flight;
  for (const auto& v : p.verdicts) lose_waiter(v.ticket, why, now);
  s.reload = false;
  load_slot(slot, true);
}

void plant_host::lose_waiter(std::uint64_t ticket, const error& why, timestamp now) {
  auto* w = find_waiter(ticket);
  if (w == nullptr) return;
  if (w->what == waiter::kind::client) {
    reply r;
    r.tag = w->tag;
    r.outcome = engine::Outcome::refused;
    r.code = why.code;
    r.detail = why.detail;
    r.retry_after_s = http_status(why.code) == 503 ? 1 : 0;
    r.correlation = w->correlation;
    if (!w->answered) answer(w->sink, std::move(r));
  } else if (w->again) {
    held_.emplace_back(slots_[w->slot].local, std::move(*w->again));
    held_until_ = timestamp::from_micros(now.micros() + hold_back_us);
  }
  drop_waiter(ticket);
}

bool plant_host::backlog(const proposal& p, std::string& detail) const {
  for (const auto& record : p.records) {
    const auto* r = flatbuffers::GetRoot<engine::Record>(record.data());
    if (r->effects() == nullptr) continue;
    for (const auto* box : *r->effects()) {
      if (const auto* d = box->effect_as_Delivery()) {
        if (outbox_.has_room(d->system(), d->lane(), 1,
                             d->body() != nullptr ? d->body()->size() : 0))
          continue;
        detail = "the outbox for " + std::string(EnumNameSystem(d->system())) + " is full";
        return true;
      }
      if (const auto* m = box->effect_as_Message();
          m != nullptr && m->plant() != nullptr && m->lane() != Lane::hold) {
        if (streams_.waiting_to(m->plant()->string_view()) < options_.stream_waiting_max) continue;
        detail = "too many messages wait for plant " + m->plant()->str();
        return true;
      }
    }
  }
  return false;
}

// ---- the turn ----

}  // namespace millrace
