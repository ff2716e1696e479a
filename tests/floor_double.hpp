// Plant floors in memory: all kinds, streams of messages, parked facts tried again; the engine's
// rules without the engine. Stories over several kinds and plants run on it, so that what kinds say
// to each other is proven before any storage is involved.
#pragma once

#include <boost/test/unit_test.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "actors/registry.hpp"
#include "cluster/kind.hpp"
#include "schemas/json.hpp"

namespace millrace::testing {

class floor_double {
 public:
  struct outcome {
    engine::Outcome what = engine::Outcome::accepted;
    std::string code;
  };
  struct delivery {
    System system;
    std::string plant, actor, key, tag;
    std::uint8_t type;
    bytes body;
  };

  floor_double() { actors::register_kinds(registry_); }

  system_set bound = 0;
  std::map<std::string, std::string, std::less<>> rules;
  std::deque<delivery> outbox;
  std::vector<std::string> faults;
  /// Where `post`, `state`, `rows` and `parked` look.
  std::string here = "hamburg";
  /// Which of n streams goes on; unset: what was sent first comes first. Order holds only within a
  /// stream, which is (sending plant, receiving plant, lane).
  std::function<std::size_t(std::size_t)> choose;
  /// Plants that cannot hear each other: what one sends the other waits.
  std::set<std::pair<std::string, std::string>> cut;
  /// Called after every message; `events` are of the last decision.
  std::function<void(const std::string& plant, const std::string& actor, const decided&)> seen_step;

  /// Sends a command as it comes over HTTP ("orders/1000042/create", its JSON) and lets everything
  /// that follows happen.
  outcome post(const std::string& path, System by, std::string_view json) {
    const auto own = send(path, by, json);
    run();
    return answers_[own];
  }
  /// The same in another plant than `here`.
  outcome post(const std::string& path, System by, std::string_view json,
               const std::string& plant) {
    const auto back = std::exchange(here, plant);
    auto out = post(path, by, json);
    here = back;
    return out;
  }
  /// The same, but what follows waits until `run` or the next `post`.
  hash128 send(const std::string& path, System by, std::string_view json) {
    const auto first = path.find('/');
    const auto last = path.rfind('/');
    const auto* model = first == last ? schema_model::built_in().kind("plant")
                                      : schema_model::built_in().collection(path.substr(0, first));
    BOOST_REQUIRE_MESSAGE(model != nullptr, path);
    const auto* command = model->command(path.substr(last + 1));
    BOOST_REQUIRE_MESSAGE(command != nullptr, path);
    BOOST_CHECK_MESSAGE(command->any_owner || ((command->owners >> static_cast<unsigned>(by)) & 1u),
                        path << ": not the owner");
    auto body = json_to_table(schema_model::built_in(), *command, json);
    BOOST_REQUIRE_MESSAGE(body.has_value(), path << ": " << (body ? "" : body.error().detail));
    message m;
    m.plant = here;
    m.to = model->name + '/' +
           (first == last ? path.substr(0, first) : path.substr(first + 1, last - first - 1));
    m.command = command->member;
    m.body = std::move(*body);
    m.client = by;
    m.from_plant = "client" + std::to_string(ids_);  // clients know no order among each other
    m.id = next_id();
    m.root = m.id;
    const auto own = m.id;
    now_ = now_.plus_ms(1000);
    push(std::move(m));
    return own;
  }
  /// A message to an actor of `here` as `from` ("kind/id") would send it.
  template <class Schema, class CommandT>
  void tell(const std::string& from, const std::string& id, const CommandT& command) {
    message m;
    m.plant = m.from_plant = here;
    m.from = from;
    m.to = std::string(Schema::name) + '/' + id;
    m.command = static_cast<std::uint8_t>(Schema::template command_member<CommandT>());
    m.body = decision<Schema>::pack(command);
    m.id = m.root = m.origin = next_id();
    push(std::move(m));
    run();
  }
  [[nodiscard]] outcome answer_to(hash128 command) const {
    const auto found = answers_.find(command);
    return found == answers_.end() ? outcome() : found->second;
  }
  /// Lets everything happen that can.
  void run() {
    for (std::size_t steps = 0; auto m = pop(); ++steps) {
      BOOST_REQUIRE_MESSAGE(steps < steps_max, "the floor does not come to rest");
      if (m->to.starts_with("_find/"))
        find(*m);
      else if (m->is_answer)
        take_answer(*m);
      else
        take_command(*m, false);
    }
  }
  /// Ends the first waiting delivery.
  void deliver(engine::DeliveryEnd end = engine::DeliveryEnd::acknowledged,
               const std::string& document = {}) {
    BOOST_REQUIRE(!outbox.empty());
    const auto d = outbox.front();
    if (end != engine::DeliveryEnd::dead) outbox.pop_front();
    delivered in;
    in.tag = d.tag;
    in.system = d.system;
    in.end = end;
    in.document = document;
    decide({d.plant, d.actor}, in, {}, {});
    run();
  }
  void timer(const std::string& actor, const std::string& name) {
    decide({here, actor}, timer_input{name}, {}, {});
    run();
  }
  template <class Schema>
  const typename Schema::state& state(std::string_view id) {
    return *static_cast<const typename Schema::state*>(
        kind_of(Schema::name)
            .native(*at({here, std::string(Schema::name) + '/' + std::string(id)}).state));
  }
  template <class Schema>
  const typename Schema::state& state(std::string_view id, const std::string& plant) {
    return *static_cast<const typename Schema::state*>(
        kind_of(Schema::name)
            .native(*at({plant, std::string(Schema::name) + '/' + std::string(id)}).state));
  }
  template <class Row>
  std::vector<Row> rows(const std::string& actor, const std::string& table) {
    std::vector<Row> out;
    for (const auto& [key, body] : at({here, actor}).rows)
      if (key.first == table)
        flatbuffers::GetRoot<typename Row::TableType>(body.data())->UnPackTo(&out.emplace_back());
    return out;
  }
  [[nodiscard]] std::size_t parked(const std::string& actor) {
    return at({here, actor}).parked.size();
  }
  [[nodiscard]] std::size_t state_bytes(const std::string& actor) {
    return kind_of(split_local(actor).first).save(*at({here, actor}).state).size();
  }
  /// "kind/id" of all actors of a kind at `here`.
  [[nodiscard]] std::vector<std::string> actors(const std::string& kind) const {
    std::vector<std::string> out;
    for (const auto& [at_plant, one] : actors_)
      if (at_plant.first == here && split_local(at_plant.second).first == kind && one.sequence != 0)
        out.push_back(at_plant.second);
    return out;
  }

 private:
  static constexpr std::size_t steps_max = 200'000;
  using spot = std::pair<std::string, std::string>;  // plant, "kind/id"
  struct message {
    std::string plant, to, from_plant, from, ask, tag;
    std::uint64_t number = 0;
    Lane lane = Lane::rest;
    std::uint8_t command = 0;
    bytes body;
    bool is_answer = false;
    System client = System::none;
    hash128 id, root, origin;
    engine::MessageT raw;
  };
  struct resident {
    std::unique_ptr<state_object> state;
    std::uint64_t sequence = 0;
    std::map<std::pair<std::string, std::string>, bytes> rows;
    std::vector<message> parked;
  };
  struct waiter {
    std::string plant, to, tag;
    hash128 origin;
  };

  class seen final : public context {
   public:
    seen(floor_double& floor, resident& own, std::string_view plant, std::string_view id,
         caller from, hash128 command, bool again)
        : floor_(floor),
          own_(own),
          plant_(plant),
          id_(id),
          from_(from),
          command_(command),
          again_(again) {}
    timestamp now() const override { return floor_.now_; }
    std::string_view plant() const override { return plant_; }
    std::string_view id() const override { return id_; }
    std::uint64_t sequence() const override { return own_.sequence; }
    const caller& from() const override { return from_; }
    std::string_view correlation() const override { return "story"; }
    hash128 command_id() const override { return command_; }
    bool bound(System system) const override {
      return (floor_.bound >> static_cast<unsigned>(system)) & 1u;
    }
    std::string rule(std::string_view name, std::string_view fallback) const override {
      const auto found = floor_.rules.find(name);
      return found == floor_.rules.end() ? std::string(fallback) : found->second;
    }
    bool reposting() const override { return again_; }
    bool has_row(std::string_view table, std::string_view key) override {
      return own_.rows.contains({std::string(table), std::string(key)});
    }

   protected:
    const void* look_up_raw(std::string_view kind, std::string_view id) override {
      const auto found =
          floor_.actors_.find({std::string(plant_), std::string(kind) + '/' + std::string(id)});
      if (found == floor_.actors_.end() || found->second.sequence == 0) return nullptr;
      return floor_.kind_of(kind).native(*found->second.state);
    }
    std::optional<bytes> row_raw(std::string_view table, std::string_view key) override {
      const auto found = own_.rows.find({std::string(table), std::string(key)});
      return found == own_.rows.end() ? std::nullopt : std::optional(found->second);
    }

   private:
    floor_double& floor_;
    resident& own_;
    std::string_view plant_;
    std::string_view id_;
    caller from_;
    hash128 command_;
    bool again_;
  };
  class grown final : public evolution {
   public:
    grown(resident& own, timestamp stamp) : own_(own), stamp_(stamp) {}
    std::uint64_t sequence() const override { return own_.sequence; }
    timestamp stamp() const override { return stamp_; }
    void begin_event() override { ++own_.sequence; }
    void erase_row(std::string_view table, std::string_view key) override {
      own_.rows.erase({std::string(table), std::string(key)});
    }

   protected:
    void put_row_raw(std::string_view table, std::string_view key, bytes row) override {
      own_.rows[{std::string(table), std::string(key)}] = std::move(row);
    }
    std::optional<bytes> row_raw(std::string_view table, std::string_view key) override {
      const auto found = own_.rows.find({std::string(table), std::string(key)});
      return found == own_.rows.end() ? std::nullopt : std::optional(found->second);
    }

   private:
    resident& own_;
    timestamp stamp_;
  };

  hash128 next_id() { return {1, ++ids_}; }
  const kind& kind_of(std::string_view name) { return *registry_.find(name); }
  resident& at(const spot& where) {
    auto& found = actors_[where];
    if (!found.state) found.state = kind_of(split_local(where.second).first).create();
    return found;
  }

  using stream = std::tuple<std::string, std::string, Lane>;
  void push(message m) {
    m.number = ++sent_;
    auto& queue = streams_[{m.from_plant, m.plant, m.lane}];
    queue.push_back(std::move(m));
  }
  std::optional<message> pop() {
    std::vector<std::deque<message>*> ready;
    for (auto& [way, queue] : streams_) {
      const auto& [from, to, lane] = way;
      if (!queue.empty() && !cut.contains({from, to}) && !cut.contains({to, from}))
        ready.push_back(&queue);
    }
    if (ready.empty()) return std::nullopt;
    auto* next = choose ? ready[choose(ready.size())] : ready.front();
    if (!choose)
      for (auto* one : ready)
        if (one->front().number < next->front().number) next = one;
    auto m = std::move(next->front());
    next->pop_front();
    return m;
  }

  void find(const message& m) {
    const auto name = m.to.substr(6);
    const auto& model = kind_of(name).model();
    engine::MessageT back;
    for (auto& [where, one] : actors_) {
      const auto& local = where.second;
      if (where.first != m.plant || split_local(local).first != name || one.sequence == 0) continue;
      std::vector<std::string> values;
      kind_of(name).index_values(*one.state, values);
      bool matches = true;
      for (std::size_t f = 0; f + 1 < m.raw.filters.size(); f += 2)
        for (std::size_t i = 0; i < model.indexes.size(); ++i)
          if (model.indexes[i].field == m.raw.filters[f])
            matches &= values[i] == m.raw.filters[f + 1];
      if (matches) back.found.emplace_back(split_local(local).second);
    }
    reply({m.from_plant, m.from, m.ask, m.origin}, std::move(back), {m.plant, m.to}, m.lane);
  }

  void reply(const waiter& to, engine::MessageT back, const spot& from, Lane lane) {
    message m;
    m.plant = to.plant;
    m.from_plant = from.first;
    m.lane = lane;
    m.to = to.to;
    m.tag = to.tag;
    m.origin = to.origin;
    m.from = from.second;
    m.is_answer = true;
    m.raw = std::move(back);
    m.id = next_id();
    push(std::move(m));
  }

  void take_answer(const message& m) {
    std::vector<packed> events;
    for (const auto& e : m.raw.events) events.push_back({e->type, e->body});
    millrace::answer a;
    a.tag = m.tag;
    a.outcome = m.raw.outcome;
    a.code = m.raw.code;
    a.detail = m.raw.detail;
    a.exception = m.raw.exception;
    a.from = m.from;
    a.from_plant = m.from_plant;
    a.events = &events;
    a.found.assign(m.raw.found.begin(), m.raw.found.end());
    a.origin = m.origin;
    decide({m.plant, m.to}, a, m.origin, caller_of(m));
  }

  caller caller_of(const message& m) {
    caller c;
    if (m.client != System::none) {
      c.principal = "client";
      c.systems = static_cast<system_set>(1u << static_cast<unsigned>(m.client));
    } else {
      c.principal = m.from;
      c.is_actor = true;
      c.from = m.from;
      c.from_plant = m.from_plant;
    }
    return c;
  }

  /// True when the fact was posted (or refused for good).
  bool take_command(const message& m, bool again) {
    auto& own = at({m.plant, m.to});
    const auto* command = kind_of(split_local(m.to).first).model().command(m.command);
    decided d;
    if (own.sequence == 0 && command != nullptr && !command->creates) {
      d.outcome = command->fact ? engine::Outcome::parked : engine::Outcome::refused;
      d.code = command->fact ? std::string(split_local(m.to).first) + ".unknown" : "actor.unknown";
    } else {
      d = decide({m.plant, m.to}, command_input{m.command, m.body}, m.root, caller_of(m), m.id,
                 again);
    }
    if (d.outcome == engine::Outcome::parked && again) return false;
    if (d.outcome == engine::Outcome::parked) {
      own.parked.push_back(m);
    } else if (again && d.outcome == engine::Outcome::refused) {
      return false;
    }
    answers_.try_emplace(m.id, outcome{d.outcome, d.code});
    if (d.outcome == engine::Outcome::pending)
      waiting_[m.id] = {m.from_plant, m.from, m.ask, m.root};
    if (!m.ask.empty() && d.outcome != engine::Outcome::pending) {
      engine::MessageT back;
      back.outcome = d.outcome;
      back.code = d.code;
      back.detail = d.detail;
      if (d.outcome == engine::Outcome::parked) back.exception = m.to + "~1";
      for (const auto& e : d.events) {
        back.events.push_back(std::make_unique<engine::EventT>());
        back.events.back()->type = e.type;
        back.events.back()->body = e.body;
      }
      reply({m.from_plant, m.from, m.ask, m.root}, std::move(back), {m.plant, m.to}, m.lane);
    }
    if (!again && !d.events.empty() && d.outcome != engine::Outcome::parked) retry({m.plant, m.to});
    return true;
  }

  void retry(const spot& where) {
    auto facts = std::exchange(at(where).parked, {});
    for (auto& fact : facts)
      if (!take_command(fact, true)) at(where).parked.push_back(fact);
  }

  decided decide(const spot& where, const input& in, hash128 origin, caller from, hash128 id = {},
                 bool again = false) {
    auto& own = at(where);
    const auto& local = where.second;
    const auto own_id = std::string(split_local(local).second);
    seen ctx(*this, own, where.first, own_id, from, id, again);
    grown evo(own, now_);
    auto d = kind_of(split_local(local).first).decide(*own.state, in, ctx, evo);
    if (d.code == "kind.fault") faults.push_back(local + ": " + d.detail);
    BOOST_CHECK_MESSAGE(d.code != "kind.fault", local << ": " << d.detail);
    if (again && (d.outcome == engine::Outcome::parked || d.outcome == engine::Outcome::refused) &&
        d.events.empty())
      return d;
    for (auto& e : d.effects) file(where, e, id.given() ? id : origin);
    for (const auto& s : d.settles) settle(where, s, d);
    if (seen_step) seen_step(where.first, local, d);
    if (!std::holds_alternative<command_input>(in) && !d.events.empty()) retry(where);
    return d;
  }

  void settle(const spot& where, const engine::SettleT& s, const decided& d) {
    answers_[s.id] = {s.outcome, s.code};
    const auto found = waiting_.find(s.id);
    if (found == waiting_.end()) return;
    engine::MessageT back;
    back.outcome = s.outcome;
    back.code = s.code;
    back.detail = s.detail;
    back.exception = s.exception;
    for (const auto& e : d.events) {
      back.events.push_back(std::make_unique<engine::EventT>());
      back.events.back()->type = e.type;
      back.events.back()->body = e.body;
    }
    if (!found->second.tag.empty()) reply(found->second, std::move(back), where, Lane::rest);
    waiting_.erase(found);
  }

  void file(const spot& from, const engine::EffectUnion& e, hash128 root) {
    if (const auto* d = e.AsDelivery()) {
      outbox.push_back({d->system, from.first, from.second, d->key, d->tag, d->type, d->body});
    } else if (const auto* sent = e.AsMessage()) {
      message m;
      m.plant = sent->plant.empty() ? from.first : sent->plant;
      m.to = sent->to;
      m.from_plant = from.first;
      m.from = from.second;
      m.lane = sent->lane;
      m.ask = sent->ask;
      m.command = sent->command;
      m.body = sent->body;
      m.raw = *sent;
      m.id = next_id();
      m.root = root;
      m.origin = root;
      push(std::move(m));
    }
  }

  kind_registry registry_;
  std::map<spot, resident> actors_;
  std::map<stream, std::deque<message>> streams_;
  std::map<hash128, outcome> answers_;
  std::map<hash128, waiter> waiting_;
  timestamp now_ = timestamp::from_micros(1'800'000'000'000'000);
  std::uint64_t ids_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace millrace::testing
