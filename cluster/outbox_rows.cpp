// The outbox's rows in the state environment, which bodies stay in memory, and what operators see
// of it. row := version:u8=2 system:u8 lane:u8 member:u8 flags:u8 filed_at key tag actor
// correlation causation kind error body index:u64 place:u32 edited:u64      flags: 1 dead, 2
// damaged; version 1 ends with the body
#include <algorithm>

#include "cluster/outbox.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace millrace {

namespace {

constexpr std::uint8_t row_version = 2;

bytes row_of(const filing& f, bool dead, bool damaged, std::string_view why,
             const delivery_origin& origin) {
  row_writer w;
  w.u8(row_version)
      .u8(static_cast<std::uint8_t>(f.system))
      .u8(static_cast<std::uint8_t>(f.lane))
      .u8(f.member)
      .u8(static_cast<std::uint8_t>((dead ? 1 : 0) | (damaged ? 2 : 0)));
  w.time(f.filed_at)
      .text(f.key)
      .text(f.tag)
      .text(f.actor)
      .text(f.correlation)
      .text(f.causation)
      .text(f.kind)
      .text(why);
  w.blob(*f.body);
  return w.u64(origin.index).u32(origin.place).u64(origin.edited).seal();
}

struct stored {
  filing what;
  bool dead = false;
  bool damaged = false;
  std::string why;
};

result<stored> parse(bytes_view row) {
  auto in = row_reader::open(row, "outbox");
  if (!in) return std::move(in).error();
  stored out;
  const auto version = in->u8();
  if (version < 1 || version > row_version)
    return error{"state.damaged", "outbox: the row has an unknown version"};
  out.what.system = static_cast<System>(in->u8());
  out.what.lane = static_cast<Lane>(in->u8());
  out.what.member = in->u8();
  const auto flags = in->u8();
  out.dead = (flags & 1) != 0;
  out.damaged = (flags & 2) != 0;
  out.what.filed_at = in->time();
  for (auto* text : {&out.what.key, &out.what.tag, &out.what.actor, &out.what.correlation,
                     &out.what.causation, &out.what.kind, &out.why})
    *text = in->text();
  const auto body = in->blob();
  out.what.body = std::make_shared<const bytes>(body.begin(), body.end());
  if (version > 1) {
    out.what.origin.index = in->u64();
    out.what.origin.place = in->u32();
    out.what.origin.edited = in->u64();
  }
  if (!in->ok()) return error{"state.damaged", "outbox: the row is short"};
  return out;
}

std::size_t weight(const filing& f) { return f.body->size() + 256; }

}  // namespace

void outbox::keep(item& i, std::shared_ptr<const filing> f) {
  resident_bytes_ += weight(*f);
  i.what = std::move(f);
}

void outbox::drop(item& i) {
  if (!i.what) return;
  resident_bytes_ -= weight(*i.what);
  i.what.reset();
}

delivery_origin outbox::origin_of(std::uint64_t number, const item& i) const {
  const auto edit = edits_.find(number);
  return {i.index, i.place, edit != edits_.end() ? edit->second : 0};
}

std::shared_ptr<const filing> outbox::content(std::uint64_t number, const item& i,
                                              const fetch& load, bool* rebuilt) const {
  if (i.what && !i.damaged) return i.what;
  if (load.row && !i.damaged)
    if (const auto row = load.row(number))
      if (auto parsed = parse(*row); parsed && !parsed->damaged)
        return std::make_shared<const filing>(std::move(parsed->what));
  if (!load.effect || i.index == 0) return nullptr;
  auto f = load.effect(number, origin_of(number, i));
  if (f && rebuilt != nullptr) *rebuilt = true;
  return f;
}

/// `rebuilt`: its row does not have it, and is written again.
void outbox::take_content(std::uint64_t number, item& i, std::shared_ptr<const filing> f,
                          bool rebuilt) {
  if (i.what && !i.damaged) return;
  drop(i);
  keep(i, std::move(f));
  i.damaged = false;
  if (rebuilt) dirty_.insert(number);
}

bool outbox::bring_back(std::uint64_t number, const fetch& load) {
  const auto p = find(number);
  if (p.what == nullptr) return false;
  bool rebuilt = false;
  auto f = content(number, *p.what, load, &rebuilt);
  if (!f) return false;
  take_content(number, *p.what, std::move(f), rebuilt);
  return true;
}

journal_index outbox::oldest_index() const {
  journal_index first = 0;
  for (const auto& [system, e] : endpoints_)
    for (const auto& [number, i] : e.items) {
      if (i.index == 0) continue;  // filed before rows said where
      if (first == 0 || i.index < first) first = i.index;
      break;  // numbers rise with the journal
    }
  return first;
}

std::vector<std::pair<std::uint64_t, bytes>> outbox::take_dirty() {
  std::vector<std::pair<std::uint64_t, bytes>> out;
  out.reserve(dirty_.size());
  for (const auto number : dirty_) {
    const auto p = find(number);
    if (p.what == nullptr) {
      out.emplace_back(number, bytes());
      continue;
    }
    if (!p.what->what) continue;
    const bool dead = p.what->state == phase::dead;
    out.emplace_back(number,
                     row_of(*p.what->what, dead, p.what->damaged,
                            dead ? std::string_view(p.what->last_error) : std::string_view(),
                            origin_of(number, *p.what)));
  }
  dirty_.clear();
  return out;
}

void outbox::rows_written(std::uint64_t below) {
  for (auto& [system, e] : endpoints_) {
    if (resident_bytes_ <= limits_.resident_bytes_max) return;
    for (auto it = e.items.rbegin();
         it != e.items.rend() && resident_bytes_ > limits_.resident_bytes_max; ++it) {
      auto& i = it->second;
      if (it->first >= below || dirty_.contains(it->first)) continue;
      if (i.state == phase::waiting || i.state == phase::dead) drop(i);
    }
  }
}

result<void> outbox::load(std::uint64_t number, bytes_view row) {
  auto parsed = parse(row);
  if (!parsed) return std::move(parsed).error();
  item i;
  i.lane = parsed->what.lane;
  i.filed_at = parsed->what.filed_at;
  i.size = static_cast<std::uint32_t>(parsed->what.body->size());
  i.state = parsed->dead ? phase::dead : phase::waiting;
  i.damaged = parsed->damaged;
  i.last_error = std::move(parsed->why);
  i.index = parsed->what.origin.index;
  i.place = parsed->what.origin.place;
  if (parsed->what.origin.edited != 0) edits_[number] = parsed->what.origin.edited;
  const auto system = parsed->what.system;
  const auto key = parsed->what.key;
  if (resident_bytes_ + weight(parsed->what) <= limits_.resident_bytes_max)
    keep(i, std::make_shared<const filing>(std::move(parsed->what)));
  enqueue(number, system, key, std::move(i));
  next_ = std::max(next_, number + 1);
  return {};
}

endpoint_view outbox::view(System system, timestamp now) const {
  endpoint_view v;
  v.plant = plant_;
  v.system = system;
  v.breaker = "closed";
  const auto* e = find(system);
  if (e == nullptr) return v;
  switch (e->gate.state()) {
    case breaker::closed:
      break;
    case breaker::open:
      v.breaker = "open";
      break;
    case breaker::half_open:
      v.breaker = "half_open";
      break;
  }
  v.paused = e->gate.paused(now);
  if (v.paused) {
    v.paused_until = e->gate.paused_until();
    v.pause_reason = e->gate.pause_reason();
  }
  v.dead = e->dead;
  v.waiting = e->items.size() - e->dead;
  v.acknowledged = e->acknowledged;
  v.attempts = e->attempts;
  v.failures = e->failures;
  v.last_success = e->last_success;
  v.last_failure = e->last_failure;
  v.last_error = e->last_error;
  for (const auto& [number, i] : e->items) {
    if (i.state == phase::dead) continue;
    v.oldest = i.filed_at;
    break;
  }
  return v;
}

std::string outbox::message_id(std::uint64_t number) const {
  return "msg_" + plant_ + '_' + std::to_string(generation_) + '_' + std::to_string(number);
}

std::vector<System> outbox::systems() const {
  std::vector<System> out;
  for (const auto& [system, e] : endpoints_) out.push_back(system);
  return out;
}

bool outbox::view(std::uint64_t number, const fetch& load, delivery_view& out) const {
  for (const auto& [system, e] : endpoints_) {
    const auto it = e.items.find(number);
    if (it == e.items.end()) continue;
    const auto& i = it->second;
    out.id = plant_ + '~' + std::to_string(number);
    out.plant = plant_;
    out.key = queues_[i.queue].key;
    out.system = system;
    if (const auto f = content(number, i, load)) {
      out.tag = f->tag;
      out.actor = f->actor;
      out.correlation = f->correlation;
      out.kind = f->kind;
      out.member = f->member;
      out.body = *f->body;
    }
    out.attempts = i.attempts;
    out.filed_at = i.filed_at;
    out.last_attempt = i.last_attempt;
    out.next_attempt = i.next_attempt;
    out.last_error = i.last_error;
    switch (i.state) {
      case phase::waiting:
        out.state = queues_[i.queue].front != number ? "blocked"
                    : i.attempts > 0                 ? "retrying"
                                                     : "waiting";
        break;
      case phase::sending:
        out.state = "sending";
        break;
      case phase::settling:
        out.state = "sending";
        break;
      case phase::dead:
        out.state = "dead";
        break;
    }
    return true;
  }
  return false;
}

std::vector<std::uint64_t> outbox::dead(std::uint64_t after, std::size_t limit) const {
  std::vector<std::uint64_t> out;
  for (auto it = dead_.upper_bound(after); it != dead_.end() && out.size() < limit; ++it)
    out.push_back(*it);
  return out;
}

std::uint64_t outbox::hash() const {
  std::uint64_t h = next_;
  for (const auto& [system, e] : endpoints_) {
    if (e.items.empty()) continue;
    for (const auto& [number, i] : e.items) {
      const auto& key = queues_[i.queue].key;
      const std::uint64_t fields[] = {static_cast<std::uint64_t>(system), number, i.size,
                                      i.state == phase::dead,
                                      static_cast<std::uint64_t>(i.filed_at.micros())};
      h = XXH3_64bits_withSeed(fields, sizeof fields,
                               XXH3_64bits_withSeed(key.data(), key.size(), h));
    }
  }
  return h;
}

bool outbox::alarm(System system) const {
  const auto* e = find(system);
  return e != nullptr && (e->items.size() * 10 >= limits_.deliveries_max * 8 ||
                          e->bytes / 8 >= limits_.bytes_max / 10);
}

}  // namespace millrace
