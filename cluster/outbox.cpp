// The outbox's queues and states; rows and views are in outbox_rows.cpp.
// Order per key hangs on a list through the items: a million waiting keys cost a few words each.
#include "cluster/outbox.hpp"

#include <algorithm>

#include "cluster/check.hpp"

namespace millrace {

namespace {
std::string queue_name(System system, std::string_view key) {
  std::string name(1, static_cast<char>(system));
  return name.append(key);
}
}  // namespace

outbox::outbox(std::string plant, std::uint32_t generation, outbox_limits limits, random rnd)
    : plant_(std::move(plant)), generation_(generation), limits_(limits), random_(std::move(rnd)) {}

outbox::endpoint& outbox::at(System system) {
  return endpoints_.try_emplace(system, limits_.endpoint).first->second;
}

const outbox::endpoint* outbox::find(System system) const {
  const auto it = endpoints_.find(system);
  return it == endpoints_.end() ? nullptr : &it->second;
}

outbox::place outbox::find(std::uint64_t number) {
  for (auto& [system, e] : endpoints_)
    if (const auto it = e.items.find(number); it != e.items.end()) return {&e, &it->second};
  return {};
}

std::uint64_t outbox::file(filing f) {
  const auto number = next_++;
  item i;
  i.lane = f.lane;
  i.filed_at = f.filed_at;
  i.size = static_cast<std::uint32_t>(f.body->size());
  i.index = f.origin.index;
  i.place = f.origin.place;
  const auto system = f.system;
  auto shared = std::make_shared<const filing>(std::move(f));
  keep(i, shared);
  enqueue(number, system, shared->key, std::move(i));
  dirty_.insert(number);
  return number;
}

void outbox::enqueue(std::uint64_t number, System system, std::string_view key, item i) {
  auto& e = at(system);
  auto name = queue_name(system, key);
  const auto found = queue_of_.find(name);
  std::uint32_t queue = 0;
  if (found != queue_of_.end()) {
    queue = found->second;
  } else {
    if (free_queues_.empty()) {
      queue = static_cast<std::uint32_t>(queues_.size());
      queues_.emplace_back();
    } else {
      queue = free_queues_.back();
      free_queues_.pop_back();
    }
    queues_[queue] = {system, std::string(key), 0, 0};
    queue_of_.emplace(std::move(name), queue);
  }
  i.queue = queue;
  e.bytes += i.size;
  if (i.state == phase::dead) {
    ++e.dead;
    dead_.insert(number);
  }
  ++size_;
  auto& q = queues_[queue];
  auto& placed = e.items.emplace_hint(e.items.end(), number, std::move(i))->second;
  if (q.back != 0) {
    e.items.find(q.back)->second.behind = number;
    q.back = number;
  } else {
    q.front = q.back = number;
    if (placed.state == phase::waiting) make_ready(e, number, placed, placed.filed_at);
  }
}

void outbox::make_ready(endpoint& e, std::uint64_t number, item& i, timestamp when) {
  i.state = phase::waiting;
  i.next_attempt = when;
  ready_of(e, i).emplace(when.micros(), number);
}

void outbox::remove(endpoint& e, std::uint64_t number) {
  const auto it = e.items.find(number);
  auto& i = it->second;
  auto& q = queues_[i.queue];
  ready_of(e, i).erase({i.next_attempt.micros(), number});
  if (e.under_way.erase(number) > 0) e.gate.leave(true, i.last_attempt);
  if (i.state == phase::dead) {
    --e.dead;
    dead_.erase(number);
  }
  drop(i);
  edits_.erase(number);
  e.bytes -= i.size;
  if (q.front == number) {
    q.front = i.behind;
  } else {  // in the middle: only an operator's discard of one that waits
    auto before = q.front;
    while (e.items.find(before)->second.behind != number)
      before = e.items.find(before)->second.behind;
    e.items.find(before)->second.behind = i.behind;
    if (q.back == number) q.back = before;
  }
  const auto next = q.front;
  if (next == 0) {
    queue_of_.erase(queue_name(q.system, q.key));
    free_queues_.push_back(i.queue);
    q = {};
  }
  e.items.erase(it);
  --size_;
  dirty_.insert(number);
  if (next == 0) return;
  auto& front = e.items.find(next)->second;
  if (front.state == phase::waiting && front.next_attempt == timestamp())
    make_ready(e, next, front, front.filed_at);
}

bool outbox::end(std::uint64_t number, engine::DeliveryEnd how, std::string_view,
                 std::string_view detail, const bytes* edited, timestamp at_time,
                 journal_index index) {
  const auto p = find(number);
  if (p.what == nullptr) return false;
  auto& e = *p.where;
  auto& i = *p.what;
  switch (how) {
    case engine::DeliveryEnd::acknowledged:
      ++e.acknowledged;
      remove(e, number);
      return true;
    case engine::DeliveryEnd::discarded:
      remove(e, number);
      return true;
    case engine::DeliveryEnd::dead:
      if (i.state == phase::dead) return false;
      ready_of(e, i).erase({i.next_attempt.micros(), number});
      if (e.under_way.erase(number) > 0) e.gate.leave(true, at_time);
      i.state = phase::dead;
      i.last_error = detail;
      if (!i.what) {  // the host has tried to bring it back: a row that says where it belongs stays
        i.damaged = true;
        filing left;
        left.system = queues_[i.queue].system;
        left.key = queues_[i.queue].key;
        left.lane = i.lane;
        left.filed_at = i.filed_at;
        left.body = std::make_shared<const bytes>();
        keep(i, std::make_shared<const filing>(std::move(left)));
      }
      ++e.dead;
      dead_.insert(number);
      dirty_.insert(number);
      return true;
    case engine::DeliveryEnd::edited:
    case engine::DeliveryEnd::retried:
      break;
  }
  if (i.state != phase::dead) return false;
  if (edited != nullptr && !edited->empty()) {
    if (!i.what || i.damaged) return false;  // the host brings it back before it applies an edit
    auto changed = *i.what;
    changed.body = std::make_shared<const bytes>(*edited);
    drop(i);
    e.bytes += edited->size() - i.size;
    i.size = static_cast<std::uint32_t>(edited->size());
    keep(i, std::make_shared<const filing>(std::move(changed)));
    edits_[number] = index;
  }
  --e.dead;
  dead_.erase(number);
  dirty_.insert(number);
  i.attempts = i.answered = 0;
  i.retried_at = at_time;
  make_ready(e, number, i, at_time);
  return true;
}

std::vector<attempt> outbox::poll(timestamp now, const fetch& load, std::size_t limit,
                                  std::vector<delivery_end>& ended) {
  std::vector<attempt> out;
  for (auto& [system, e] : endpoints_)
    for (auto* ready : {&e.ready_holds, &e.ready})
      while (out.size() < limit && !ready->empty() && ready->begin()->first <= now.micros()) {
        const auto number = ready->begin()->second;
        auto& i = e.items.find(number)->second;
        const bool hold = ready == &e.ready_holds;
        if (e.gate.next(now).given() || e.gate.full(hold)) break;
        bool rebuilt = false;
        auto f = content(number, i, load, &rebuilt);
        if (!f) {
          ready->erase(ready->begin());
          attempt_result lost;
          lost.detail = "damaged: neither its row nor the journal has its content";
          settle(number, i, engine::DeliveryEnd::dead, lost, ended);
          continue;
        }
        if (!e.gate.enter(now, hold)) break;
        take_content(number, i, f, rebuilt);  // its end will need it
        ready->erase(ready->begin());
        out.push_back(begin(system, e, number, i, std::move(f), now));
      }
  return out;
}

attempt outbox::begin(System system, endpoint& e, std::uint64_t number, item& i,
                      std::shared_ptr<const filing> f, timestamp now) {
  i.state = phase::sending;
  i.last_attempt = now;
  ++i.attempts;
  ++e.attempts;
  e.under_way[number] = now.plus_ms(2ll * limits_.attempt_timeout_ms);
  attempt a;
  a.plant = plant_;
  a.system = system;
  a.number = number;
  a.id = message_id(number);
  a.key = f->key;
  a.tag = f->tag;
  a.correlation = f->correlation;
  a.causation = f->causation;
  a.actor = f->actor;
  a.kind = f->kind;
  a.member = f->member;
  a.body = f->body;
  a.attempt = i.attempts;
  a.filed_at = f->filed_at;
  a.timeout_ms = limits_.attempt_timeout_ms;
  return a;
}

void outbox::verdict(std::uint64_t number, std::uint32_t attempt, const attempt_result& r,
                     timestamp now, std::vector<delivery_end>& ended) {
  const auto p = find(number);
  if (p.what == nullptr || p.what->state != phase::sending || p.what->attempts != attempt) return;
  auto& e = *p.where;
  e.under_way.erase(number);
  switch (r.what) {
    case attempt_result::verdict::acknowledged:
      e.gate.leave(true, now);
      e.last_success = now;
      settle(number, *p.what, engine::DeliveryEnd::acknowledged, r, ended);
      return;
    case attempt_result::verdict::dead:
      e.gate.leave(true, now);
      ++e.failures;
      e.last_failure = now;
      e.last_error = r.detail;
      settle(number, *p.what, engine::DeliveryEnd::dead, r, ended);
      return;
    case attempt_result::verdict::gone:
      e.gate.pause(timestamp::from_micros(now.micros() + limits_.outage_us_max),
                   "the endpoint answered that it is gone");
      fail(e, number, r, now, ended);
      return;
    case attempt_result::verdict::retry:
      fail(e, number, r, now, ended);
      return;
  }
}

void outbox::fail(endpoint& e, std::uint64_t number, const attempt_result& r, timestamp now,
                  std::vector<delivery_end>& ended) {
  auto& i = e.items.find(number)->second;
  e.gate.leave(false, now);
  ++e.failures;
  e.last_failure = now;
  e.last_error = r.detail;
  i.last_error = r.detail;
  if (r.answered) ++i.answered;
  const auto since = std::max(i.filed_at, i.retried_at);
  if (i.answered >= limits_.attempts_max || since.micros() + limits_.outage_us_max < now.micros()) {
    settle(number, i, engine::DeliveryEnd::dead, r, ended);
    return;
  }
  const auto wait =
      std::max<std::int64_t>(backoff(i.attempts), std::int64_t{r.retry_after_ms} * 1000);
  make_ready(e, number, i, timestamp::from_micros(now.micros() + wait));
}

void outbox::settle(std::uint64_t number, item& i, engine::DeliveryEnd how, const attempt_result& r,
                    std::vector<delivery_end>& ended) {
  i.state = phase::settling;
  delivery_end d;
  d.number = number;
  if (i.what) {
    d.actor = i.what->actor;
    d.tag = i.what->tag;
    d.correlation = i.what->correlation;
  }
  d.system = queues_[i.queue].system;
  d.end = how;
  d.document = r.document;
  d.detail = r.detail;
  ended.push_back(std::move(d));
}

std::int64_t outbox::backoff(std::uint32_t attempts) {
  const auto doubled = limits_.backoff_first_us
                       << std::min<std::uint32_t>(attempts > 0 ? attempts - 1 : 0, 20);
  const auto base = std::min(doubled, limits_.backoff_us_max);
  return base / 2 +
         static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(base));  // 50 % .. 150 %
}

void outbox::expire(timestamp now, std::vector<delivery_end>& ended) {
  for (auto& [system, e] : endpoints_) {
    std::vector<std::uint64_t> overdue;
    for (const auto& [number, until] : e.under_way)
      if (until <= now) overdue.push_back(number);
    for (const auto number : overdue) {
      e.under_way.erase(number);
      attempt_result r;
      r.detail = "the adapter did not answer in time";
      fail(e, number, r, now, ended);
    }
  }
}

void outbox::unsettle(std::uint64_t number) {
  const auto p = find(number);
  if (p.what == nullptr || p.what->state != phase::settling) return;
  make_ready(*p.where, number, *p.what, p.what->last_attempt);
}

void outbox::restart() {
  for (auto& [system, e] : endpoints_) {
    e.under_way.clear();
    e.gate.restart();
    e.ready.clear();
    e.ready_holds.clear();
  }
  for (const auto& q : queues_) {
    if (q.front == 0) continue;
    auto& e = at(q.system);
    auto& i = e.items.find(q.front)->second;
    if (i.state == phase::dead) continue;
    i.attempts = i.answered = 0;
    make_ready(e, q.front, i, i.filed_at);
  }
}

timestamp outbox::next_wake(timestamp now) const {
  timestamp wake;
  const auto sooner = [&](timestamp t) {
    if (!wake.given() || t < wake) wake = t;
  };
  for (const auto& [system, e] : endpoints_) {
    for (const auto& [number, until] : e.under_way) sooner(until);
    for (const auto* ready : {&e.ready_holds, &e.ready}) {
      if (ready->empty() || e.gate.full(ready == &e.ready_holds)) continue;
      sooner(std::max(timestamp::from_micros(std::max<std::int64_t>(ready->begin()->first, 1)),
                      e.gate.next(now)));
    }
  }
  return wake;
}

void outbox::pause(System system, timestamp until, std::string reason) {
  at(system).gate.pause(until, std::move(reason));
}

void outbox::limit_rate(System system, double per_second, double burst) {
  at(system).gate.limit_rate(per_second, burst);
}

bool outbox::has_room(System system, Lane lane, std::size_t deliveries, std::size_t size) const {
  const auto* e = find(system);
  if (e == nullptr) return true;
  const auto percent = lane == Lane::hold ? 100 : 100 - limits_.reserve_percent;
  return e->items.size() + deliveries <= limits_.deliveries_max / 100 * percent +
                                             limits_.deliveries_max % 100 * percent / 100 &&
         e->bytes + size <= limits_.bytes_max / 100 * percent;
}

bool outbox::holds(System system, std::string_view key, std::string_view tag,
                   timestamp filed_at) const {
  const auto* e = find(system);
  const auto found = queue_of_.find(queue_name(system, key));
  if (e == nullptr || found == queue_of_.end()) return false;
  for (auto number = queues_[found->second].front; number != 0;) {
    const auto& i = e->items.find(number)->second;
    if (i.filed_at == filed_at && (!i.what || i.what->tag == tag)) return true;
    number = i.behind;
  }
  return false;
}

}  // namespace millrace
