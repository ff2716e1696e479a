// Wraps a kind's typed pure functions into the type-erased `kind` that the engine drives.
// Optional handlers (on_answer, on_timer, on_delivered) are found by concepts; what a kind throws
// stays in here.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include "cluster/check.hpp"
#include "cluster/kind.hpp"

namespace millrace {

template <class K>
concept answers_taker = requires(const typename K::schema::state& s, const answer& a, context& c) {
  { K::on_answer(s, a, c) } -> std::same_as<decision<typename K::schema>>;
};
template <class K>
concept timer_taker = requires(const typename K::schema::state& s, std::string_view name,
                               context& c) {
  { K::on_timer(s, name, c) } -> std::same_as<decision<typename K::schema>>;
};
template <class K>
concept delivery_taker = requires(const typename K::schema::state& s, const delivered& d,
                                  context& c) {
  { K::on_delivered(s, d, c) } -> std::same_as<decision<typename K::schema>>;
};

/// A kind made of K's functions. `model` must outlive it.
template <class K>
class adapted_kind final : public kind {
 public:
  using schema = typename K::schema;
  using state_table = typename schema::state::TableType;

  explicit adapted_kind(const kind_model& model) : model_(&model) {}

  [[nodiscard]] const kind_model& model() const override { return *model_; }
  [[nodiscard]] std::unique_ptr<state_object> create() const override {
    return std::make_unique<held>();
  }

  [[nodiscard]] std::unique_ptr<state_object> load(bytes_view table) const override {
    auto out = std::make_unique<held>();
    flatbuffers::GetRoot<state_table>(table.data())->UnPackTo(&out->value);
    return out;
  }

  [[nodiscard]] bytes save(const state_object& state) const override {
    auto& builder = scratch();
    builder.Finish(state_table::Pack(builder, &value_of(state)));
    return bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  }

  [[nodiscard]] const void* native(const state_object& state) const override {
    return &value_of(state);
  }

  [[nodiscard]] decided decide(state_object& state, const input& in, context& ctx,
                               evolution& evo) const override {
    try {
      (void)decimal::take_overflow();  // of others on this thread
      auto& value = static_cast<held&>(state).value;
      return apply(value,
                   std::visit([&](const auto& what) { return handle(value, what, ctx); }, in), evo);
    } catch (const std::exception& e) {
      return fault(e.what());
    } catch (...) {
      return fault("the kind threw what is no exception");
    }
  }

  [[nodiscard]] result<void> evolve(state_object& state, std::uint8_t type, bytes_view body,
                                    evolution& evo) const override {
    using union_type = typename schema::event;
    try {
      union_type event;
      event.type = static_cast<decltype(event.type)>(type);
      event.value =
          union_type::UnPack(flatbuffers::GetRoot<void>(body.data()), event.type, nullptr);
      if (!event.value) return error{"kind.fault", "unknown event " + std::to_string(type)};
      evo.begin_event();
      return K::evolve(static_cast<held&>(state).value, event, evo);
    } catch (const std::exception& e) {
      return error{"kind.fault", e.what()};
    } catch (...) {
      return error{"kind.fault", "the kind threw what is no exception"};
    }
  }

  void index_values(const state_object& state, std::vector<std::string>& out) const override {
    schema::index_values(value_of(state), out);
  }

 private:
  using made = decision<schema>;
  struct held final : state_object {
    typename schema::state value;
  };

  static const typename schema::state& value_of(const state_object& state) {
    return static_cast<const held&>(state).value;
  }

  /// One builder a thread, so that packing allocates nothing but its result.
  static flatbuffers::FlatBufferBuilder& scratch() {
    thread_local flatbuffers::FlatBufferBuilder builder(1024);
    builder.Clear();
    return builder;
  }

  static decided fault(std::string what) {
    decided out;
    out.outcome = engine::Outcome::refused;
    out.code = "kind.fault";
    out.detail = std::move(what);
    return out;
  }

  static made handle(const typename schema::state& state, const command_input& in, context& ctx) {
    using union_type = typename schema::command;
    union_type command;
    command.type = static_cast<decltype(command.type)>(in.command);
    command.value =
        union_type::UnPack(flatbuffers::GetRoot<void>(in.body.data()), command.type, nullptr);
    if (!command.value)
      return made::refuse_with("command.unknown", "No command " + std::to_string(in.command));
    return K::decide(state, command, ctx);
  }
  static made handle(const typename schema::state& state, const answer& in, context& ctx) {
    if constexpr (answers_taker<K>)
      return K::on_answer(state, in, ctx);
    else
      return ignored(state, in, ctx);
  }
  static made handle(const typename schema::state& state, const timer_input& in, context& ctx) {
    if constexpr (timer_taker<K>)
      return K::on_timer(state, in.name, ctx);
    else
      return ignored(state, in, ctx);
  }
  static made handle(const typename schema::state& state, const delivered& in, context& ctx) {
    if constexpr (delivery_taker<K>)
      return K::on_delivered(state, in, ctx);
    else
      return ignored(state, in, ctx);
  }
  /// An input that the kind has no handler for changes nothing; it still consumes its message,
  /// timer or delivery.
  static made ignored(const typename schema::state&, const auto&, context&) { return {}; }

  /// Why it failed; empty = it did not.
  static std::string evolve_one(typename schema::state& state, const typename schema::event& event,
                                evolution& evo) {
    try {
      auto done = K::evolve(state, event, evo);
      return done ? std::string() : "evolve: " + done.error().detail;
    } catch (const std::exception& e) {
      return std::string("evolve: ") + e.what();
    } catch (...) {
      return "evolve: the kind threw what is no exception";
    }
  }

  static decided apply(typename schema::state& state, made from, evolution& evo) {
    decided out;
    out.outcome = from.outcome;
    out.code = std::move(from.code);
    out.detail = std::move(from.detail);
    out.effects = std::move(from.effects);
    out.settles = std::move(from.settles);
    if (out.outcome == engine::Outcome::refused &&
        !(from.events.empty() && out.effects.empty() && out.settles.empty()))
      return fault("a refusal carries events or effects");
    out.events.reserve(from.events.size());
    for (const auto& event : from.events) {
      auto& builder = scratch();
      builder.Finish(event.Pack(builder));
      auto* data = builder.GetBufferPointer();
      out.events.push_back(
          {static_cast<std::uint8_t>(event.type), bytes(data, data + builder.GetSize())});
      evo.begin_event();
      if (auto why = evolve_one(state, event, evo); !why.empty()) {
        auto failed = fault(std::move(why));
        failed.spoilt = true;
        return failed;
      }
    }
    if (!decimal::take_overflow()) return out;
    decided beyond = fault("A quantity would leave the range that it can have.");
    beyond.code = "decimal.range";
    beyond.spoilt = !from.events.empty();
    return beyond;
  }

  const kind_model* model_;
};

/// The kind K with its part of `model`, which must have it.
template <class K>
[[nodiscard]] std::unique_ptr<kind> make_kind(
    const schema_model& model = schema_model::built_in()) {
  const auto* own = model.kind(K::schema::name);
  check(own != nullptr);
  return std::make_unique<adapted_kind<K>>(*own);
}

/// The kind K with a model of its own, e.g. one that a test writes by hand.
template <class K>
[[nodiscard]] std::unique_ptr<kind> make_kind(const kind_model& own) {
  return std::make_unique<adapted_kind<K>>(own);
}

}  // namespace millrace
