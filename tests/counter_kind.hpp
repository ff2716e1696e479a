// A kind of a few bytes for tests of the engine: a counter that can refuse, park, ask, wait, arm
// timers, keep rows and fail. Written against the type-erased interface, so that these tests need
// no schema.
#pragma once

#include <algorithm>
#include <string>

#include <flatbuffers/reflection.h>

#include "cluster/kind.hpp"

namespace millrace::testing {

/// Bodies of commands and events: one signed byte, and for rows a key.
inline bytes counter_body(std::int8_t n, std::string_view key = {}) {
  bytes out(1 + key.size());
  out[0] = static_cast<std::uint8_t>(n);
  std::copy(key.begin(), key.end(), out.begin() + 1);
  return out;
}

enum class counter_command : std::uint8_t {
  add = 1,      // creates; n
  take = 2,     // a fact: parked while the counter is below n, and until counter/<key> is there
  drop = 3,     // a request: refused while the counter is below n
  ask = 4,      // asks counter/<key> to drop n, waits; with "key@plant" one of another plant
  fail = 5,     // kind.fault, state untouched
  spoil = 6,    // kind.fault, state spoilt
  arm = 7,      // timer "t" due in n seconds (0 cancels)
  put = 8,      // row key -> n
  look = 9,     // look_up of counter/<key>: adds what it finds
  once = 10,    // a fact that is refused when the row `key` exists; adds n and puts the row
  send = 11,    // delivery n to the ERP under `key`; its end adds 10
  owned = 12,   // as add, but the QMS's
  sealed = 13,  // as add, but signed
  take_eagerly = 14,  // as take, but changes the state before it looks
  stop = 15,          // as add, in the lane of holds
  disown = 16,        // refused, and counter/<key> is told to add n
};

class counter_kind final : public kind {
 public:
  struct held final : state_object {
    std::int64_t value = 0;
    std::string label;
  };

  struct schema {
    using state = held;
    static constexpr std::string_view name = "counter";
  };

  explicit counter_kind(bool referenced = true) {
    model_.name = "counter";
    model_.collection = "counters";
    model_.referenced = referenced;
    model_.commands.resize(17);
    const auto* any = schema_model::built_in().schema().objects()->Get(
        0);  // a table that counts as declared has one
    for (std::uint8_t i = 1; i <= 16; ++i) {
      model_.commands[i].member = i;
      model_.commands[i].object = any;
      model_.commands[i].any_owner = i != 12;
      model_.commands[i].wire_name = "command-" + std::to_string(i);
    }
    model_.commands[12].owners = system_set{1} << static_cast<unsigned>(System::qms);
    model_.commands[13].is_signed = true;
    model_.commands[15].lane = static_cast<std::uint8_t>(Lane::hold);
    model_.commands[1].creates = model_.commands[15].creates = true;
    model_.commands[5].creates = model_.commands[6].creates = true;
    model_.commands[2].fact = model_.commands[10].fact = model_.commands[14].fact = true;
    model_.events.resize(5);
    for (std::uint8_t i = 1; i <= 4; ++i) {
      model_.events[i].member = i;
      model_.events[i].object = any;
      model_.events[i].wire_name = "test.counter.event" + std::to_string(i) + ".v1";
    }
    model_.deliveries.resize(2);
    model_.deliveries[1].member = 1;
    model_.deliveries[1].object = any;
    model_.deliveries[1].wire_name = "test.counter.count.v1";
    model_.rows.push_back({});
    model_.rows[0].wire_name = "marks";
    model_.indexes.push_back({"label", nullptr});
  }

  [[nodiscard]] const kind_model& model() const override { return model_; }
  [[nodiscard]] std::unique_ptr<state_object> create() const override {
    return std::make_unique<held>();
  }
  [[nodiscard]] std::unique_ptr<state_object> load(bytes_view table) const override {
    auto out = std::make_unique<held>();
    out->value = std::stoll(std::string(table.begin(), table.end()));
    label(*out);
    return out;
  }
  [[nodiscard]] bytes save(const state_object& state) const override {
    const auto text = std::to_string(static_cast<const held&>(state).value);
    return bytes(text.begin(), text.end());
  }
  [[nodiscard]] const void* native(const state_object& state) const override {
    return &static_cast<const held&>(state);
  }
  void index_values(const state_object& state, std::vector<std::string>& out) const override {
    out.push_back(static_cast<const held&>(state).label);
  }

  [[nodiscard]] decided decide(state_object& state, const input& in, context& ctx,
                               evolution& evo) const override {
    decided d;
    if (const auto* c = std::get_if<command_input>(&in))
      command(state, *c, ctx, d);
    else if (const auto* a = std::get_if<answer>(&in))
      answered(*a, d);
    else if (std::holds_alternative<timer_input>(in))
      d.events.push_back({1, counter_body(100)});
    else
      d.events.push_back({1, counter_body(10)});
    if (d.spoilt) static_cast<held&>(state).value = -777;
    for (const auto& e : d.events) (void)evolve(state, e.type, e.body, evo);
    return d;
  }

  /// 1: adds n; 2: subtracts n; 3: row; 4: cannot be evolved.
  [[nodiscard]] result<void> evolve(state_object& state, std::uint8_t type, bytes_view body,
                                    evolution& evo) const override {
    auto& s = static_cast<held&>(state);
    const auto n = static_cast<std::int8_t>(body[0]);
    evo.begin_event();
    if (type == 4) return error{"kind.fault", "event 4"};
    if (type == 1) s.value += n;
    if (type == 2) s.value -= n;
    if (type == 3) {
      engine::EventT mark;
      mark.type = static_cast<std::uint8_t>(n);
      evo.put_row("marks", std::string(body.begin() + 1, body.end()), mark);
    }
    label(s);
    return {};
  }

 private:
  static void label(held& s) { s.label = s.value >= 10 ? "many" : s.value > 0 ? "few" : "none"; }

  static void command(state_object& state, const command_input& c, context& ctx, decided& d) {
    const auto& s = static_cast<const held&>(state);
    const auto n = static_cast<std::int8_t>(c.body[0]);
    const std::string key(c.body.begin() + 1, c.body.end());
    const auto refuse = [&](std::string code) {
      d.outcome = engine::Outcome::refused;
      d.code = std::move(code);
    };
    switch (static_cast<counter_command>(c.command)) {
      case counter_command::add:
      case counter_command::owned:
      case counter_command::sealed:
      case counter_command::stop:
        d.events.push_back({1, counter_body(n)});
        return;
      case counter_command::take_eagerly:
        if (s.value >= n) {
          d.events.push_back({2, counter_body(n)});
          (void)ctx.look_up<counter_kind>(key);
          return;
        }
        d.outcome = engine::Outcome::parked;
        d.code = "counter.short";
        return;
      case counter_command::take:
        if (s.value >= n && (key.empty() || ctx.look_up<counter_kind>(key) != nullptr)) {
          d.events.push_back({2, counter_body(n)});
          return;
        }
        d.outcome = engine::Outcome::parked;
        d.code = "counter.short";
        return;
      case counter_command::drop:
        if (s.value >= n)
          d.events.push_back({2, counter_body(n)});
        else
          refuse("counter.short");
        return;
      case counter_command::ask: {
        engine::MessageT m;
        const auto at = std::min(key.find('@'), key.size());
        m.to = "counter/" + key.substr(0, at);
        m.plant = key.substr(std::min(at + 1, key.size()));
        m.command = static_cast<std::uint8_t>(counter_command::drop);
        m.body = counter_body(n);
        m.ask = "dropped";
        d.effects.emplace_back().Set(std::move(m));
        d.outcome = engine::Outcome::pending;
        return;
      }
      case counter_command::disown: {
        engine::MessageT m;
        m.to = "counter/" + key;
        m.command = static_cast<std::uint8_t>(counter_command::add);
        m.body = counter_body(n);
        d.effects.emplace_back().Set(std::move(m));
        return refuse("counter.disowned");
      }
      case counter_command::fail:
        return refuse("kind.fault");
      case counter_command::spoil:
        d.spoilt = true;
        return refuse("kind.fault");
      case counter_command::arm: {
        engine::TimerT t;
        t.name = "t";
        if (n > 0) t.due = ctx.now().plus_ms(1000 * n);
        d.effects.emplace_back().Set(std::move(t));
        return;
      }
      case counter_command::put:
        d.events.push_back({3, counter_body(n, key)});
        return;
      case counter_command::look:
        if (const auto* other = ctx.look_up<counter_kind>(key))
          d.events.push_back({1, counter_body(static_cast<std::int8_t>(other->value))});
        else
          refuse("counter.blind");
        return;
      case counter_command::send: {
        engine::DeliveryT m;
        m.system = System::erp;
        m.key = key;
        m.type = 1;
        m.body = counter_body(n);
        m.tag = "sent";
        d.effects.emplace_back().Set(std::move(m));
        return;
      }
      case counter_command::once:
        if (ctx.has_row("marks", key)) return refuse("counter.twice");
        d.events.push_back({1, counter_body(n)});
        d.events.push_back({3, counter_body(n, key)});
        return;
    }
    refuse("command.unknown");
  }

  static void answered(const answer& a, decided& d) {
    engine::SettleT s;
    s.id = a.origin;
    s.outcome = a.outcome;
    s.code = a.code;
    d.settles.push_back(std::move(s));
    if (a.granted()) d.events.push_back({1, counter_body(1)});
  }

  kind_model model_;
};

}  // namespace millrace::testing
