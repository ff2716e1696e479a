// What a leader does with committed effects: hands messages to their actors or to other plants,
// fires timers, makes attempts at deliveries, and journals how they end. Operators' orders are here
// too, since they are records of the host.
#include <algorithm>

#include "cluster/host.hpp"
#include "cluster/row.hpp"

namespace millrace {

namespace {
// Messages and timers handed out in one turn and lane: what comes meanwhile, holds too, waits.
constexpr std::size_t dispatch_turn_max = 256;
constexpr std::size_t attempts_turn_max = 256;
constexpr std::uint32_t found_max = 1000;

hash128 place_id(std::string_view what, std::string_view where, std::uint64_t a, std::uint64_t b) {
  std::string key;
  append_key(key, a);
  append_key(key, b);
  return command_key(what, where, key);
}
}  // namespace

// ---- messages ----

void plant_host::dispatch(timestamp now) {
  if (now.micros() >= resent_at_.micros() + stream_resend_us) {
    resent_at_ = now;
    streams_.resend(options_.plant, now.micros());
  }
  for (auto& [key, out] : streams_.outgoing()) {
    if (!out.has_work()) continue;
    if (key.plant != options_.plant) {
      const auto messages = out.take(stream_frame_messages, stream_frame_bytes);
      message_frame frame{key.plant, options_.plant,          options_.generation,
                          key.lane,  messages.front().number, {}};
      for (const auto& m : messages) frame.messages.push_back(m.message);
      streams_.sent(out, now.micros());
      port_->send(std::move(frame));
      continue;
    }
    auto& in = streams_.in(options_.plant, options_.generation, key.lane);
    for (const auto& m : out.take(dispatch_turn_max, stream_frame_bytes))
      if (!in.is_done(m.number)) dispatch_message({}, options_.generation, key.lane, m);
  }
  for (const auto& due : watermarks_due_)
    port_->send(watermark_frame{due.plant, options_.plant, due.generation, due.lane,
                                streams_.in(due.plant, due.generation, due.lane).watermark()});
  watermarks_due_.clear();
}

void plant_host::dispatch_message(std::string_view source_plant, std::uint32_t generation,
                                  Lane lane, const numbered_message& m) {
  const auto [kind_name, id] = split_local(m.message->to);
  if (kind_name == "_find") {
    answer_find(source_plant, generation, lane, m);
    return;
  }
  const auto* k = kinds_->find(kind_name);
  if (k == nullptr || id.empty() || id.size() > id_bytes_max) {
    engine::RecordT r = message_record(source_plant, generation, lane, m);
    r.outcome = engine::Outcome::refused;
    r.code = "actor.unknown";
    r.detail = m.message->to + " is no actor";
    host_record(std::move(r));
    return;
  }
  stimulus s;
  s.source = engine::Source::message;
  s.lane = lane;
  s.id = place_id(source_plant.empty() ? options_.plant : source_plant, options_.plant,
                  std::uint64_t{generation} << 8 | static_cast<std::uint64_t>(lane), m.number);
  s.message = m.message;
  s.consumed = std::make_unique<engine::ConsumedT>();
  s.consumed->plant = source_plant;
  s.consumed->generation = generation;
  s.consumed->lane = lane;
  s.consumed->number = m.number;
  give(intern(m.message->to, *k), waiter::kind::message, std::move(s));
}

engine::RecordT plant_host::message_record(std::string_view source_plant, std::uint32_t generation,
                                           Lane lane, const numbered_message& m) const {
  engine::RecordT r;
  r.source = engine::Source::message;
  r.command = m.message->command;
  r.id = place_id(source_plant.empty() ? options_.plant : source_plant, options_.plant,
                  std::uint64_t{generation} << 8 | static_cast<std::uint64_t>(lane), m.number);
  r.correlation = m.message->correlation;
  r.causation = m.message->causation;
  r.consumed = std::make_unique<engine::ConsumedT>();
  r.consumed->plant = source_plant;
  r.consumed->generation = generation;
  r.consumed->lane = lane;
  r.consumed->number = m.number;
  const auto from =
      (source_plant.empty() ? options_.plant : std::string(source_plant)) + '/' + m.message->from;
  r.principal = from;
  if (!m.message->ask.empty() && !m.message->answer) {
    r.reply_to = from;
    r.ask = m.message->ask;
    r.origin = m.message->origin;
  }
  return r;
}

void plant_host::answer_find(std::string_view source_plant, std::uint32_t generation, Lane lane,
                             const numbered_message& m) {
  auto r = message_record(source_plant, generation, lane, m);
  r.reply_to.clear();  // the answer is an effect of this record: it carries what was found
  r.ask.clear();
  list_query q;
  q.plant = options_.plant;
  q.kind = split_local(m.message->to).second;
  q.limit = std::clamp<std::uint32_t>(m.message->limit, 1, found_max);
  for (std::size_t i = 0; i + 1 < m.message->filters.size(); i += 2)
    q.filters.emplace_back(m.message->filters[i], m.message->filters[i + 1]);
  auto page = list(q);
  engine::MessageT back;
  back.plant = source_plant;
  back.to = m.message->from;
  back.lane = lane;
  back.ask = m.message->ask;
  back.answer = true;
  back.from = m.message->to;
  back.origin = m.message->origin;
  if (page) {
    back.found = std::move(page->ids);
    back.truncated = !page->next.empty();
  } else {
    back.outcome = engine::Outcome::refused;
    back.code = page.error().code;
    back.detail = page.error().detail;
  }
  auto box = std::make_unique<engine::EffectBoxT>();
  box->effect.Set(std::move(back));
  r.effects.push_back(std::move(box));
  host_record(std::move(r));
}

void plant_host::on_messages(const message_frame& frame, timestamp now) {
  if (!leading_) return;
  auto& in = streams_.in(frame.from_plant, frame.generation, frame.lane);
  auto number = frame.first;
  for (const auto& m : frame.messages) {
    if (in.receive(number))
      dispatch_message(frame.from_plant, frame.generation, frame.lane, {number, m});
    ++number;
  }
  watermarks_due_.insert({frame.from_plant, frame.generation, frame.lane});
  end_turn(now);
}

void plant_host::on_watermark(const watermark_frame& frame, timestamp now) {
  if (!leading_ || frame.generation != options_.generation) return;
  auto& out = streams_.out(frame.from_plant, frame.lane);
  if (frame.watermark < out.acked()) {
    if (!out.rewind(frame.watermark))
      port_->alarm("stream.behind", frame.from_plant + " stands at " +
                                        std::to_string(frame.watermark) +
                                        ", below what is still kept for it");
  } else if (frame.watermark <= out.journaled()) {
    out.advance(frame.watermark);
  } else {
    auto& proposed = acks_[{frame.from_plant, frame.lane}];
    if (frame.watermark > proposed) {
      proposed = frame.watermark;
      engine::RecordT r;
      r.source = engine::Source::host;
      r.consumed = std::make_unique<engine::ConsumedT>();
      r.consumed->plant = frame.from_plant;
      r.consumed->generation = frame.generation;
      r.consumed->lane = frame.lane;
      r.consumed->number = frame.watermark;
      host_record(std::move(r));
    }
  }
  end_turn(now);
}

void plant_host::host_record(engine::RecordT r, std::function<void(result<void>)> cb) {
  flatbuffers::FlatBufferBuilder builder(512);
  builder.Finish(engine::Record::Pack(builder, &r));
  part p;
  p.record.assign(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  p.done_cb = std::move(cb);
  host_records_.push_back(std::move(p));
}

// ---- timers ----

void plant_host::fire_timers(timestamp now) {
  for (auto& t : timers_.take_due(now, dispatch_turn_max)) {
    const auto* k = kinds_->find(split_local(t.actor).first);
    if (k == nullptr) continue;
    stimulus s;
    s.source = engine::Source::timer;
    s.id = place_id("timer", t.actor + '/' + t.name, static_cast<std::uint64_t>(t.due.micros()), 0);
    s.correlation = new_correlation(now);
    s.consumed = std::make_unique<engine::ConsumedT>();
    s.consumed->timer = t.name;
    s.consumed->due = t.due;
    give(intern(t.actor, *k), waiter::kind::timer, std::move(s));
  }
}

// ---- deliveries ----

void plant_host::start_attempts(timestamp now) {
  if (outbox_.size() == 0) return;
  std::vector<delivery_end> ended;
  outbox_.expire(now, ended);
  for (auto& a : outbox_.poll(now, fetcher(), attempts_turn_max, ended))
    port_->attempt_delivery(std::move(a));
  for (auto& d : ended) end_delivery(std::move(d));
}

void plant_host::on_attempt(std::uint64_t number, std::uint32_t attempt, attempt_result r,
                            timestamp now) {
  if (!leading_) return;  // whoever leads makes it again
  std::vector<delivery_end> ended;
  outbox_.verdict(number, attempt, r, now, ended);
  for (auto& d : ended) end_delivery(std::move(d));
}

void plant_host::end_delivery(delivery_end d) {
  auto done_how = std::make_unique<engine::DeliveryDoneT>();
  done_how->number = d.number;
  done_how->end = d.end;
  done_how->document = std::move(d.document);
  done_how->detail = std::move(d.detail);
  done_how->by = std::move(d.by);
  const auto* k = kinds_->find(split_local(d.actor).first);
  if (k == nullptr) {  // filed by the host itself, nobody to tell
    engine::RecordT r;
    r.source = engine::Source::host;
    r.system = d.system;
    r.correlation = d.correlation;
    r.delivery = std::move(done_how);
    host_record(std::move(r));
    return;
  }
  stimulus s;
  s.source = engine::Source::delivery;
  s.system = d.system;
  s.id = place_id("delivery", options_.plant, d.number, static_cast<std::uint64_t>(d.end));
  s.correlation = std::move(d.correlation);
  s.consumed = std::make_unique<engine::ConsumedT>();
  s.consumed->number = d.number;
  s.delivery = std::move(done_how);
  s.tag = std::move(d.tag);
  give(intern(d.actor, *k), waiter::kind::delivery, std::move(s));
}

// ---- operators ----

void plant_host::deadletter(std::uint64_t number, engine_api::deadletter_op op, bytes edited,
                            std::string by, timestamp now, done<void> cb) {
  delivery_view v;
  if (!outbox_.view(number, fetcher(), v)) {
    cb(error{"deadletter.unknown", "no delivery " + std::to_string(number)});
    return;
  }
  if (v.state != "dead") {
    cb(error{"deadletter.not_open", "the delivery is " + v.state});
    return;
  }
  if (!leading_) {
    cb(not_leader());
    return;
  }
  switch (op) {
    case engine_api::deadletter_op::retry: {
      engine::RecordT r;
      r.source = engine::Source::host;
      r.principal = by;
      r.system = v.system;
      r.correlation = v.correlation;
      r.delivery = std::make_unique<engine::DeliveryDoneT>();
      r.delivery->number = number;
      r.delivery->end = edited.empty() ? engine::DeliveryEnd::retried : engine::DeliveryEnd::edited;
      r.delivery->body = std::move(edited);
      r.delivery->by = std::move(by);
      host_record(std::move(r), std::move(cb));
      break;
    }
    case engine_api::deadletter_op::discard: {
      if (discards_.contains(number)) {
        cb(error{"deadletter.not_open", "it is being discarded"});
        return;
      }
      discards_[number] = std::move(cb);
      delivery_end d;
      d.number = number;
      d.actor = v.actor;
      d.tag = v.tag;
      d.system = v.system;
      d.correlation = v.correlation;
      d.end = engine::DeliveryEnd::discarded;
      d.by = std::move(by);
      end_delivery(std::move(d));
      break;
    }
  }
  end_turn(now);
}

void plant_host::pause_endpoint(System system, timestamp until, std::string reason, std::string by,
                                timestamp now, done<void> cb) {
  if (!leading_) {
    cb(not_leader());
    return;
  }
  engine::RecordT r;
  r.source = engine::Source::host;
  r.system = system;
  r.code = pause_code;
  r.detail = std::move(reason);
  r.principal = std::move(by);
  r.consumed = std::make_unique<engine::ConsumedT>();
  r.consumed->due = until;
  host_record(std::move(r), std::move(cb));
  end_turn(now);
}

void plant_host::replay_endpoint(System system, journal_index from, std::string by, timestamp now,
                                 done<void> cb) {
  if (!leading_) {
    cb(not_leader());
    return;
  }
  std::size_t filed = 0;
  for (auto at = std::max<journal_index>(from, 1);
       at <= applied_ && filed < replay_deliveries_max;) {
    auto entries = journal_->read(at, applied_, stream_frame_bytes);
    if (!entries || entries->empty()) {
      cb(entries ? error{"journal.damaged", "entry " + std::to_string(at) + " is missing"}
                 : entries.error());
      return;
    }
    for (const auto& e : *entries) {
      at = e.index + 1;
      if (e.type == entry_type::command) filed += refile(e, system, by);
    }
  }
  host_record(
      [&] {
        engine::RecordT r;
        r.source = engine::Source::host;
        r.system = system;
        r.code = "endpoint.replay";
        r.detail = std::to_string(filed) + " deliveries filed anew";
        r.principal = by;
        return r;
      }(),
      std::move(cb));
  end_turn(now);
}

std::size_t plant_host::refile(const log_entry& e, System system, const std::string& by) {
  std::size_t filed = 0;
  const auto view = entry_view::trusted(*e.payload);
  for (const auto* r : view) {
    if (r->effects() == nullptr || r->source() == engine::Source::host) continue;
    for (const auto* box : *r->effects()) {
      const auto* d = box->effect_as_Delivery();
      if (d == nullptr || d->system() != system || d->key() == nullptr) continue;
      if (outbox_.holds(system, d->key()->string_view(),
                        d->tag() != nullptr ? d->tag()->string_view() : std::string_view(),
                        view.stamp()))
        continue;  // has not been acknowledged yet: it comes by itself
      engine::RecordT again;
      again.source = engine::Source::host;
      again.principal = by;
      again.correlation = r->correlation() != nullptr ? r->correlation()->str() : std::string();
      auto out = std::make_unique<engine::EffectBoxT>();
      engine::DeliveryT copy;
      d->UnPackTo(&copy);
      out->effect.Set(std::move(copy));
      again.effects.push_back(std::move(out));
      host_record(std::move(again));
      ++filed;
    }
  }
  return filed;
}

}  // namespace millrace
