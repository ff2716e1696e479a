// Given events, when a command (answer, timer, delivery), then events and effects: how a kind is
// tested, without engine. Every step also proves that the state survives a checkpoint, and that
// replaying the events gives the same state.
//
//   given<order>(created, released)
//       .when(command, System::mes)
//       .then_events(confirmed)
//       .then_effects({"deliver erp 1000042 C-1"});
#pragma once

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cluster/kind.hpp"

namespace millrace::testing {

/// Rows of one actor in a map; the engine's overlay and checkpoint in one.
using row_map = std::map<std::pair<std::string, std::string>, bytes>;

class harness_evolution final : public evolution {
 public:
  harness_evolution(row_map& rows, std::uint64_t& sequence, timestamp stamp)
      : rows_(rows), sequence_(sequence), stamp_(stamp) {}
  [[nodiscard]] std::uint64_t sequence() const override { return sequence_; }
  [[nodiscard]] timestamp stamp() const override { return stamp_; }
  void begin_event() override { ++sequence_; }
  void erase_row(std::string_view table, std::string_view key) override {
    rows_.erase({std::string(table), std::string(key)});
  }

 protected:
  void put_row_raw(std::string_view table, std::string_view key, bytes row) override {
    rows_[{std::string(table), std::string(key)}] = std::move(row);
  }
  std::optional<bytes> row_raw(std::string_view table, std::string_view key) override {
    const auto found = rows_.find({std::string(table), std::string(key)});
    return found == rows_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  row_map& rows_;
  std::uint64_t& sequence_;
  timestamp stamp_;
};

/// The world around one decision, as a test sets it.
struct harness_world {
  timestamp now = timestamp::from_micros(1'800'000'000'000'000);
  std::string plant = "hamburg";
  std::string id = "1";
  std::string correlation = "corr-1";
  hash128 command_id{0xc0ffee, 1};
  bool reposting = false;
  system_set bound = 0;
  std::map<std::string, std::string, std::less<>> rules;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const void>> references;
  row_map rows;
};

class harness_context final : public context {
 public:
  harness_context(const harness_world& world, std::uint64_t sequence, caller from)
      : world_(world), sequence_(sequence), from_(from) {}
  [[nodiscard]] timestamp now() const override { return world_.now; }
  [[nodiscard]] std::string_view plant() const override { return world_.plant; }
  [[nodiscard]] std::string_view id() const override { return world_.id; }
  [[nodiscard]] std::uint64_t sequence() const override { return sequence_; }
  [[nodiscard]] const caller& from() const override { return from_; }
  [[nodiscard]] std::string_view correlation() const override { return world_.correlation; }
  [[nodiscard]] hash128 command_id() const override { return world_.command_id; }
  [[nodiscard]] bool bound(System system) const override {
    return (world_.bound >> static_cast<unsigned>(system)) & 1u;
  }
  [[nodiscard]] std::string rule(std::string_view name, std::string_view fallback) const override {
    const auto found = world_.rules.find(name);
    return found == world_.rules.end() ? std::string(fallback) : found->second;
  }
  [[nodiscard]] bool reposting() const override { return world_.reposting; }
  [[nodiscard]] bool has_row(std::string_view table, std::string_view key) override {
    return world_.rows.contains({std::string(table), std::string(key)});
  }

 protected:
  const void* look_up_raw(std::string_view kind, std::string_view id) override {
    const auto found = world_.references.find({std::string(kind), std::string(id)});
    return found == world_.references.end() ? nullptr : found->second.get();
  }
  std::optional<bytes> row_raw(std::string_view table, std::string_view key) override {
    const auto found = world_.rows.find({std::string(table), std::string(key)});
    return found == world_.rows.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  const harness_world& world_;
  std::uint64_t sequence_;
  caller from_;
};

/// One actor of kind K under test. Steps chain; a `when` goes on from the state that the one before
/// left.
template <class K>
class given {
 public:
  using schema = typename K::schema;
  using state_type = typename schema::state;

  /// The actor after these events, in order.
  template <class... Events>
  explicit given(const Events&... events) {
    (and_event(events), ...);
  }

  // ---- the world ----
  given& id(std::string value) { return set(world_.id, std::move(value)); }
  given& plant(std::string value) { return set(world_.plant, std::move(value)); }
  given& at(timestamp now) { return set(world_.now, now); }
  given& after_ms(std::int64_t ms) { return set(world_.now, world_.now.plus_ms(ms)); }
  given& command_id(hash128 value) { return set(world_.command_id, value); }
  given& reposting(bool value = true) { return set(world_.reposting, value); }
  given& rule(std::string name, std::string value) {
    return set(world_.rules[std::move(name)], std::move(value));
  }
  /// Binds endpoints of these systems; none is bound at first.
  template <class... Systems>
  given& bound(Systems... systems) {
    ((world_.bound =
          static_cast<system_set>(world_.bound | (1u << static_cast<unsigned>(systems)))),
     ...);
    return *this;
  }
  /// What look_up<Other>(id) finds.
  template <class Other>
  given& reference(std::string other_id, typename Other::schema::state state) {
    world_.references[{std::string(Other::schema::name), std::move(other_id)}] =
        std::make_shared<const typename Other::schema::state>(std::move(state));
    return *this;
  }
  /// One more past event.
  template <class EventT>
  given& and_event(const EventT& event) {
    typename schema::event u;
    u.Set(EventT(event));
    harness_evolution evo(world_.rows, sequence_, world_.now);
    const auto body = decision<schema>::pack(event);
    const auto done = kind_.evolve(*state_, static_cast<std::uint8_t>(u.type), body, evo);
    BOOST_REQUIRE_MESSAGE(done.has_value(), "given: " << (done ? "" : done.error().detail));
    return *this;
  }

  // ---- when ----
  /// A command (native table) from a client that speaks for `by`; `principal` is "dev-<system>"
  /// unless given.
  template <class CommandT>
  given& when(const CommandT& command, System by = System::none, std::string principal = {}) {
    if (principal.empty()) principal = "dev-" + lower(EnumNameSystem(by));
    caller from;
    from.principal = principal;
    from.systems =
        static_cast<system_set>(by == System::none ? 0 : 1u << static_cast<unsigned>(by));
    return send(command, from);
  }
  /// A command that another actor ("kind/id") sent.
  template <class CommandT>
  given& when_from(std::string actor, const CommandT& command, std::string from_plant = {}) {
    if (from_plant.empty()) from_plant = world_.plant;
    const auto principal = from_plant + '/' + actor;
    caller from;
    from.principal = principal;
    from.is_actor = true;
    from.from = actor;
    from.from_plant = from_plant;
    return send(command, from);
  }
  /// The answer `granted` to an ask, with the asked actor's events (native tables of Other's Event
  /// union).
  template <class Other, class... Events>
  given& when_granted(std::string actor, std::string tag, const Events&... events) {
    std::vector<packed> made;
    (made.push_back({static_cast<std::uint8_t>(Other::schema::template event_member<Events>()),
                     decision<schema>::pack(events)}),
     ...);
    answer a;
    a.tag = tag;
    a.events = &made;
    return reply(std::move(a), actor);
  }
  given& when_refused(std::string actor, std::string tag, std::string code,
                      std::string detail = {}) {
    const std::vector<packed> none;
    answer a;
    a.tag = tag;
    a.outcome = engine::Outcome::refused;
    a.code = code;
    a.detail = detail;
    a.events = &none;
    return reply(std::move(a), actor);
  }
  given& when_parked(std::string actor, std::string tag, std::string code, std::string exception) {
    const std::vector<packed> none;
    answer a;
    a.tag = tag;
    a.outcome = engine::Outcome::parked;
    a.code = code;
    a.exception = exception;
    a.events = &none;
    return reply(std::move(a), actor);
  }
  /// The answer to a find.
  given& when_found(std::string tag, std::vector<std::string> ids, bool truncated = false) {
    const std::vector<packed> none;
    answer a;
    a.tag = tag;
    for (const auto& one : ids) a.found.push_back(one);
    a.truncated = truncated;
    a.events = &none;
    return reply(std::move(a), {});
  }
  given& when_timer(std::string name) { return decide(timer_input{name}, {}); }
  given& when_delivered(std::string tag, System system,
                        engine::DeliveryEnd end = engine::DeliveryEnd::acknowledged,
                        std::string document = {}, std::string detail = {}) {
    delivered d;
    d.tag = tag;
    d.system = system;
    d.end = end;
    d.document = document;
    d.detail = detail;
    return decide(d, {});
  }
  /// The command id that an answer's `origin` carries from here on.
  given& origin(hash128 value) { return set(origin_, value); }

  // ---- then ----
  /// Exactly these events (native tables), in this order. Implies accepted, pending or parked.
  template <class... Events>
  given& then_events(const Events&... expected) {
    BOOST_CHECK_MESSAGE(last_.outcome != engine::Outcome::refused,
                        "refused: " << last_.code << ": " << last_.detail);
    BOOST_CHECK_MESSAGE(last_.events.size() == sizeof...(Events), "events are: " << event_names());
    std::size_t n = 0;
    (check_event(n++, expected), ...);
    return *this;
  }
  /// The names of the events alone, e.g. {"OrderReleased"}.
  given& then_event_names(std::vector<std::string> names) {
    std::string joined;
    for (const auto& name : names) joined += (joined.empty() ? "" : " ") + name;
    BOOST_CHECK_EQUAL(event_names(), joined);
    return *this;
  }
  given& then_nothing() { return then_events().then_effects({}); }
  given& then_accepted() { return check_outcome(engine::Outcome::accepted, {}); }
  given& then_pending() { return check_outcome(engine::Outcome::pending, {}); }
  /// `code` is the full code, "order.not_released".
  given& then_refused(std::string code) {
    return check_outcome(engine::Outcome::refused, std::move(code));
  }
  given& then_parked(std::string code) {
    return check_outcome(engine::Outcome::parked, std::move(code));
  }
  /// Exactly these effects, in this order, one line each:
  ///   "tell kind/id", "ask kind/id tag", "find kind tag", "timer name", "cancel name", "deliver
  ///   system key tag"
  /// (messages to another plant: "tell plant:kind/id").
  given& then_effects(std::vector<std::string> expected) {
    const auto is = effects();
    BOOST_CHECK_EQUAL_COLLECTIONS(is.begin(), is.end(), expected.begin(), expected.end());
    return *this;
  }
  /// Among the messages is this command to that actor.
  template <class Other, class CommandT>
  given& then_sent(std::string_view other_id, const CommandT& command) {
    const auto to = std::string(Other::schema::name) + '/' + std::string(other_id);
    const auto member =
        static_cast<std::uint8_t>(Other::schema::template command_member<CommandT>());
    const auto body = decision<schema>::pack(command);
    bool found = false;
    for (const auto& e : last_.effects)
      if (const auto* m = e.AsMessage())
        found |= m->to == to && m->command == member && m->body == body;
    BOOST_CHECK_MESSAGE(found, "no such message to " << to);
    return *this;
  }
  /// Among the deliveries is this one.
  template <class DeliveryT>
  given& then_delivered(System system, std::string_view key, const DeliveryT& message) {
    const auto body = decision<schema>::pack(message);
    bool found = false;
    for (const auto& e : last_.effects)
      if (const auto* d = e.AsDelivery())
        found |= d->system == system && d->key == key && d->body == body;
    BOOST_CHECK_MESSAGE(found, "no such delivery to " << EnumNameSystem(system) << ' ' << key);
    return *this;
  }
  given& then_timer(std::string_view name, timestamp due) {
    bool found = false;
    for (const auto& e : last_.effects)
      if (const auto* t = e.AsTimer()) found |= t->name == name && t->due == due;
    BOOST_CHECK_MESSAGE(found, "no timer " << name << " at that time");
    return *this;
  }
  /// Settles that pending command with that outcome and code.
  given& then_settled(hash128 id, engine::Outcome outcome = engine::Outcome::accepted,
                      std::string_view code = {}) {
    bool found = false;
    for (const auto& s : last_.settles)
      found |= s.id == id && s.outcome == outcome && s.code == code;
    BOOST_CHECK_MESSAGE(found, "not settled so");
    return *this;
  }
  /// Anything else about the state: `check` is called with it.
  template <class F>
  given& then_state(F check_state) {
    check_state(state());
    return *this;
  }

  // ---- to look closer ----
  [[nodiscard]] const state_type& state() const {
    return *static_cast<const state_type*>(kind_.native(*state_));
  }
  [[nodiscard]] const decided& last() const { return last_; }
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  [[nodiscard]] timestamp now() const { return world_.now; }
  [[nodiscard]] harness_world& world() { return world_; }
  template <class Row>
  [[nodiscard]] std::optional<Row> row(std::string_view table, std::string_view key) {
    return harness_evolution(world_.rows, sequence_, world_.now).template row<Row>(table, key);
  }
  /// The first event of that type in the last decision.
  template <class EventT>
  [[nodiscard]] std::optional<EventT> event() const {
    answer a;
    a.events = &last_.events;
    return a.event<schema, EventT>();
  }
  /// The first command of that type sent to Other's kind in the last decision.
  template <class Other, class CommandT>
  [[nodiscard]] std::optional<CommandT> sent() const {
    const auto member =
        static_cast<std::uint8_t>(Other::schema::template command_member<CommandT>());
    const auto prefix = std::string(Other::schema::name) + '/';
    for (const auto& e : last_.effects)
      if (const auto* m = e.AsMessage(); m && m->command == member && m->to.starts_with(prefix)) {
        CommandT out;
        flatbuffers::GetRoot<typename CommandT::TableType>(m->body.data())->UnPackTo(&out);
        return out;
      }
    return std::nullopt;
  }
  [[nodiscard]] std::vector<std::string> effects() const {
    std::vector<std::string> out;
    for (const auto& e : last_.effects) out.push_back(effect_line(e));
    return out;
  }
  [[nodiscard]] std::string event_names() const {
    std::string out;
    for (const auto& e : last_.events) {
      const auto member = static_cast<decltype(schema::event::type)>(e.type);
      out += (out.empty() ? "" : " ") + std::string(event_name(member));
    }
    return out;
  }

 private:
  template <class T, class V>
  given& set(T& where, V&& value) {
    where = std::forward<V>(value);
    return *this;
  }
  static std::string lower(std::string text) {
    for (auto& c : text)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
  }
  template <class Enum>
  static const char* event_name(Enum member) {
    return EnumNameEvent(member);
  }
  static std::string effect_line(const engine::EffectUnion& e) {
    switch (e.type) {
      case engine::Effect::Message: {
        const auto& m = *e.AsMessage();
        if (m.to.starts_with("_find/")) return "find " + m.to.substr(6) + ' ' + m.ask;
        const auto to = m.plant.empty() ? m.to : m.plant + ':' + m.to;
        return m.ask.empty() ? "tell " + to : "ask " + to + ' ' + m.ask;
      }
      case engine::Effect::Timer:
        return (e.AsTimer()->due.given() ? "timer " : "cancel ") + e.AsTimer()->name;
      case engine::Effect::Delivery: {
        const auto& d = *e.AsDelivery();
        return "deliver " + lower(EnumNameSystem(d.system)) + ' ' + d.key + ' ' + d.tag;
      }
      case engine::Effect::NONE:
        break;
    }
    return "nothing";
  }

  template <class CommandT>
  given& send(const CommandT& command, const caller& from) {
    const auto body = decision<schema>::pack(command);
    return decide(
        command_input{static_cast<std::uint8_t>(schema::template command_member<CommandT>()), body},
        from);
  }
  given& reply(answer a, const std::string& actor) {
    const auto principal = world_.plant + '/' + actor;
    a.from = actor;
    a.from_plant = world_.plant;
    a.origin = origin_;
    caller from;
    from.principal = principal;
    from.is_actor = true;
    from.from = actor;
    from.from_plant = world_.plant;
    return decide(std::move(a), from);
  }

  given& decide(const input& in, const caller& from) {
    const auto saved = kind_.save(*state_);
    const auto rows_before = world_.rows;
    const auto sequence_before = sequence_;
    harness_context ctx(world_, sequence_, from);
    harness_evolution evo(world_.rows, sequence_, world_.now);
    last_ = kind_.decide(*state_, in, ctx, evo);
    BOOST_CHECK_MESSAGE(last_.code != "kind.fault", "the kind failed: " << last_.detail);
    check_replay(saved, rows_before, sequence_before);
    return *this;
  }
  /// The journal's way: the same events over the saved state give the same state and rows.
  void check_replay(const bytes& saved, row_map rows, std::uint64_t sequence) {
    auto replayed = kind_.load(saved);
    harness_evolution evo(rows, sequence, world_.now);
    for (const auto& e : last_.events)
      BOOST_CHECK(kind_.evolve(*replayed, e.type, e.body, evo).has_value());
    BOOST_CHECK_MESSAGE(kind_.save(*replayed) == kind_.save(*state_),
                        "replayed events give another state");
    BOOST_CHECK_MESSAGE(rows == world_.rows, "replayed events give other rows");
  }

  template <class EventT>
  void check_event(std::size_t n, const EventT& expected) {
    if (n >= last_.events.size()) return;
    const auto member = static_cast<std::uint8_t>(schema::template event_member<EventT>());
    BOOST_CHECK_MESSAGE(last_.events[n].type == member, "event " << n << " of: " << event_names());
    BOOST_CHECK_MESSAGE(last_.events[n].body == decision<schema>::pack(expected),
                        "event " << n << " of " << event_names() << " has other fields");
  }
  given& check_outcome(engine::Outcome outcome, std::string code) {
    BOOST_CHECK_MESSAGE(last_.outcome == outcome, "outcome is "
                                                      << engine::EnumNameOutcome(last_.outcome)
                                                      << ' ' << last_.code << ": " << last_.detail);
    BOOST_CHECK_EQUAL(last_.code, code);
    return *this;
  }

  kind_model model_;
  adapted_kind<K> kind_{model_};
  std::unique_ptr<state_object> state_ = kind_.create();
  std::uint64_t sequence_ = 0;
  harness_world world_;
  hash128 origin_;
  decided last_;
};

}  // namespace millrace::testing
