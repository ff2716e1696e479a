// A kind as the engine sees it: type-erased, immutable, shared by all threads. `make_kind<K>` wraps
// a kind's pure functions.
//
//   struct order {                                          // actors/order.hpp
//     using schema = millrace::order::schema;               // generated from
//     schemas/production/order.fbs static decision<schema> decide(const schema::state&, const
//     schema::command&, context&); static result<void> evolve(schema::state&, const schema::event&,
//     evolution&); static decision<schema> on_answer(const schema::state&, const answer&,
//     context&);        // if it asks static decision<schema> on_timer(const schema::state&,
//     std::string_view name, context&); // if it arms timers static decision<schema>
//     on_delivered(const schema::state&, const delivered&, context&);  // if it delivers
//   };
#pragma once

#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "cluster/decision.hpp"
#include "schemas/model.hpp"

namespace millrace {

/// What an actor is asked to decide on.
struct command_input {
  std::uint8_t command = 0;
  bytes_view body;
};
struct timer_input {
  std::string_view name;
};
using input = std::variant<command_input, answer, timer_input, delivered>;

/// A kind's state object; only its kind knows what is inside.
class state_object {
 public:
  virtual ~state_object() = default;
};

/// A decision without its types: events already packed and already evolved into the state.
struct decided {
  engine::Outcome outcome = engine::Outcome::accepted;
  std::string code;
  std::string detail;
  std::vector<packed> events;
  std::vector<engine::EffectUnion> effects;
  std::vector<engine::SettleT> settles;
  bool spoilt = false;  // an event could not be evolved: the state is worth nothing any more
};

class kind {
 public:
  virtual ~kind() = default;
  [[nodiscard]] virtual const kind_model& model() const = 0;
  [[nodiscard]] virtual std::unique_ptr<state_object> create() const = 0;
  /// `table` must be verified. Error: state.damaged.
  [[nodiscard]] virtual std::unique_ptr<state_object> load(bytes_view table) const = 0;
  [[nodiscard]] virtual bytes save(const state_object& state) const = 0;
  /// The native schema::state inside, for references.
  [[nodiscard]] virtual const void* native(const state_object& state) const = 0;
  /// Decides, and evolves `state` by the events when the outcome is accepted, pending or parked. An
  /// event that cannot be evolved turns the whole into kind.fault; `state` is then spoilt and the
  /// caller reloads it from what is committed. What the kind throws is caught and is kind.fault.
  [[nodiscard]] virtual decided decide(state_object& state, const input& in, context& ctx,
                                       evolution& evo) const = 0;
  /// Evolves one committed event. An error quarantines the actor.
  [[nodiscard]] virtual result<void> evolve(state_object& state, std::uint8_t type, bytes_view body,
                                            evolution& evo) const = 0;
  /// Values of the indexed fields, in the order of model().indexes; enums by name.
  virtual void index_values(const state_object& state, std::vector<std::string>& out) const = 0;
};

/// All kinds of a program, by name. Immutable once built.
class kind_registry {
 public:
  void add(std::unique_ptr<kind> k);
  [[nodiscard]] const kind* find(std::string_view name) const;
  [[nodiscard]] const std::vector<std::unique_ptr<kind>>& all() const { return kinds_; }

 private:
  std::vector<std::unique_ptr<kind>> kinds_;
};

}  // namespace millrace

#include "cluster/kind_adapter.hpp"  // make_kind<K>()
