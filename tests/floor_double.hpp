// A plant floor in memory: all kinds, one queue of messages, parked facts tried again; the engine's
// rules without the engine. Stories over several kinds run on it, so that what kinds say to each
// other is proven before any storage is involved. Actors of the plant "hamburg" are named
// "kind/id", those of another one "plant:kind/id".
#pragma once

#include <boost/test/unit_test.hpp>

#include <deque>
#include <map>
#include <memory>
#include <string>
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
    std::string actor, key, tag;
    std::uint8_t type;
    bytes body;
  };

  floor_double() { actors::register_kinds(registry_); }

  system_set bound = 0;
  std::map<std::string, std::string, std::less<>> rules;
  std::deque<delivery> outbox;
  std::vector<std::string> faults;

  /// Sends a command as it comes over HTTP ("orders/1000042/create", its JSON) and lets everything
  /// that follows happen.
  outcome post(const std::string& path, System by, std::string_view json,
               const std::string& plant = home) {
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
    m.to = in_plant(plant, model->name + '/' +
                               (first == last ? path.substr(0, first)
                                              : path.substr(first + 1, last - first - 1)));
    m.command = command->member;
    m.body = std::move(*body);
    m.client = by;
    m.id = next_id();
    m.root = m.id;
    const auto own = m.id;
    now_ = now_.plus_ms(1000);
    queue_.push_back(std::move(m));
    run();
    return answers_[own];
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
    decide(d.actor, in, {}, {});
    run();
  }
  void timer(const std::string& actor, const std::string& name) {
    decide(actor, timer_input{name}, {}, {});
    run();
  }
  template <class Schema>
  const typename Schema::state& state(std::string_view id, const std::string& plant = home) {
    return *static_cast<const typename Schema::state*>(
        kind_of(Schema::name)
            .native(*at(in_plant(plant, std::string(Schema::name) + '/' + std::string(id))).state));
  }
  template <class Row>
  std::vector<Row> rows(const std::string& actor, const std::string& table) {
    std::vector<Row> out;
    for (const auto& [key, body] : at(actor).rows)
      if (key.first == table)
        flatbuffers::GetRoot<typename Row::TableType>(body.data())->UnPackTo(&out.emplace_back());
    return out;
  }
  [[nodiscard]] std::size_t parked(const std::string& actor) { return at(actor).parked.size(); }

 private:
  static constexpr const char* home = "hamburg";
  static std::string in_plant(const std::string& plant, const std::string& local) {
    return plant == home ? local : plant + ':' + local;
  }
  static std::string_view plant_of(std::string_view local) {
    const auto end = local.substr(0, local.find('/')).find(':');
    return end == std::string_view::npos ? std::string_view(home) : local.substr(0, end);
  }
  static std::string_view bare(std::string_view local) {
    const auto end = local.substr(0, local.find('/')).find(':');
    return end == std::string_view::npos ? local : local.substr(end + 1);
  }

  struct message {
    std::string to, from, ask, tag;
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
    std::string to, tag;
    hash128 origin;
  };

  class seen final : public context {
   public:
    seen(floor_double& floor, resident& own, std::string_view local, caller from, hash128 command,
         bool again)
        : floor_(floor),
          own_(own),
          plant_(plant_of(local)),
          id_(split_local(bare(local)).second),
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
      const auto found = floor_.actors_.find(
          in_plant(std::string(plant_), std::string(kind) + '/' + std::string(id)));
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
  resident& at(const std::string& local) {
    auto& found = actors_[local];
    if (!found.state) found.state = kind_of(split_local(bare(local)).first).create();
    return found;
  }

  void run() {
    for (int steps = 0; !queue_.empty(); ++steps) {
      BOOST_REQUIRE_MESSAGE(steps < 10'000, "the floor does not come to rest");
      const auto m = std::move(queue_.front());
      queue_.pop_front();
      if (bare(m.to).starts_with("_find/"))
        find(m);
      else if (m.is_answer)
        take_answer(m);
      else
        take_command(m, false);
    }
  }

  void find(const message& m) {
    const auto name = bare(m.to).substr(6);
    const auto& model = kind_of(name).model();
    engine::MessageT back;
    for (auto& [local, one] : actors_) {
      if (plant_of(local) != plant_of(m.to) || split_local(bare(local)).first != name ||
          one.sequence == 0)
        continue;
      std::vector<std::string> values;
      kind_of(name).index_values(*one.state, values);
      bool matches = true;
      for (std::size_t f = 0; f + 1 < m.raw.filters.size(); f += 2)
        for (std::size_t i = 0; i < model.indexes.size(); ++i)
          if (model.indexes[i].field == m.raw.filters[f])
            matches &= values[i] == m.raw.filters[f + 1];
      if (matches) back.found.emplace_back(split_local(bare(local)).second);
    }
    reply({m.from, m.ask, m.origin}, std::move(back), m.to);
  }

  void reply(const waiter& to, engine::MessageT back, const std::string& from) {
    message m;
    m.to = to.to;
    m.tag = to.tag;
    m.origin = to.origin;
    m.from = from;
    m.is_answer = true;
    m.raw = std::move(back);
    m.id = next_id();
    queue_.push_back(std::move(m));
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
    a.from = bare(m.from);
    a.from_plant = plant_of(m.from);
    a.events = &events;
    a.found.assign(m.raw.found.begin(), m.raw.found.end());
    a.origin = m.origin;
    decide(m.to, a, m.origin, caller_of(m));
  }

  caller caller_of(const message& m) {
    caller c;
    if (m.client != System::none) {
      c.principal = "client";
      c.systems = static_cast<system_set>(1u << static_cast<unsigned>(m.client));
    } else {
      c.principal = m.from;
      c.is_actor = true;
      c.from = bare(m.from);
      c.from_plant = plant_of(m.from);
    }
    return c;
  }

  /// True when the fact was posted (or refused for good).
  bool take_command(const message& m, bool again) {
    auto& own = at(m.to);
    const auto kind_name = split_local(bare(m.to)).first;
    const auto* command = kind_of(kind_name).model().command(m.command);
    decided d;
    if (own.sequence == 0 && command != nullptr && !command->creates) {
      d.outcome = command->fact ? engine::Outcome::parked : engine::Outcome::refused;
      d.code = command->fact ? std::string(kind_name) + ".unknown" : "actor.unknown";
    } else {
      d = decide(m.to, command_input{m.command, m.body}, m.root, caller_of(m), m.id, again);
    }
    if (d.outcome == engine::Outcome::parked && again) return false;
    if (d.outcome == engine::Outcome::parked) {
      own.parked.push_back(m);
    } else if (again && d.outcome == engine::Outcome::refused) {
      return false;
    }
    answers_.try_emplace(m.id, outcome{d.outcome, d.code});
    if (d.outcome == engine::Outcome::pending) waiting_[m.id] = {m.from, m.ask, m.root};
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
      reply({m.from, m.ask, m.root}, std::move(back), m.to);
    }
    if (!again && !d.events.empty() && d.outcome != engine::Outcome::parked) retry(m.to);
    return true;
  }

  void retry(const std::string& local) {
    auto facts = std::exchange(at(local).parked, {});
    for (auto& fact : facts)
      if (!take_command(fact, true)) at(local).parked.push_back(fact);
  }

  decided decide(const std::string& local, const input& in, hash128 origin, caller from,
                 hash128 id = {}, bool again = false) {
    auto& own = at(local);
    seen ctx(*this, own, local, from, id, again);
    grown evo(own, now_);
    auto d = kind_of(split_local(bare(local)).first).decide(*own.state, in, ctx, evo);
    if (d.code == "kind.fault") faults.push_back(local + ": " + d.detail);
    BOOST_CHECK_MESSAGE(d.code != "kind.fault", local << ": " << d.detail);
    if (again && (d.outcome == engine::Outcome::parked || d.outcome == engine::Outcome::refused) &&
        d.events.empty())
      return d;
    for (auto& e : d.effects) file(local, e, id.given() ? id : origin);
    for (const auto& s : d.settles) settle(local, s, d);
    if (!std::holds_alternative<command_input>(in) && !d.events.empty()) retry(local);
    return d;
  }

  void settle(const std::string& local, const engine::SettleT& s, const decided& d) {
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
    if (!found->second.tag.empty()) reply(found->second, std::move(back), local);
    waiting_.erase(found);
  }

  void file(const std::string& from, const engine::EffectUnion& e, hash128 root) {
    if (const auto* d = e.AsDelivery()) {
      outbox.push_back({d->system, from, d->key, d->tag, d->type, d->body});
    } else if (const auto* sent = e.AsMessage()) {
      message m;
      m.to = in_plant(sent->plant.empty() ? std::string(plant_of(from)) : sent->plant, sent->to);
      m.from = from;
      m.ask = sent->ask;
      m.command = sent->command;
      m.body = sent->body;
      m.raw = *sent;
      m.id = next_id();
      m.root = root;
      m.origin = root;
      queue_.push_back(std::move(m));
    }
  }

  kind_registry registry_;
  std::map<std::string, resident> actors_;
  std::deque<message> queue_;
  std::map<hash128, outcome> answers_;
  std::map<hash128, waiter> waiting_;
  timestamp now_ = timestamp::from_micros(1'800'000'000'000'000);
  std::uint64_t ids_ = 0;
};

}  // namespace millrace::testing
