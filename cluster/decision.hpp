// What a kind's pure functions see (context, evolution, signals) and what they return (decision).
// command -> decide -> events + effects + asks | refusal | parked; event -> evolve -> state.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/address.hpp"
#include "schemas/common_generated.h"
#include "schemas/engine/journal_generated.h"
#include "schemas/native.hpp"

namespace millrace {

/// One event or command body as it stands in the journal: member number and FlatBuffer.
struct packed {
  std::uint8_t type = 0;
  bytes body;
};

/// The caller of the input under decision.
struct caller {
  std::string_view principal;  // "dev-mes"; of a message: the sender's "plant/kind/id"
  system_set systems = 0;      // 0 for messages and timers
  bool is_actor = false;
  std::string_view from;        // message: sender "kind/id"
  std::string_view from_plant;  // message: sender's plant
  std::string_view on_behalf_of;
  [[nodiscard]] bool speaks_for(System s) const {
    return (systems >> static_cast<unsigned>(s)) & 1u;
  }
};

/// Everything from outside that a decision may depend on. Single-threaded, lives for one decision.
class context {
 public:
  virtual ~context() = default;
  [[nodiscard]] virtual timestamp now()
      const = 0;  // stamp of the entry that this decision goes into
  [[nodiscard]] virtual std::string_view plant() const = 0;
  [[nodiscard]] virtual std::string_view id() const = 0;     // of this actor, without its kind
  [[nodiscard]] virtual std::uint64_t sequence() const = 0;  // before this decision
  [[nodiscard]] virtual const caller& from() const = 0;
  [[nodiscard]] virtual std::string_view correlation() const = 0;
  [[nodiscard]] virtual hash128 command_id() const = 0;
  /// True when an endpoint for that system is bound at this plant; where none is, the platform
  /// acknowledges for it.
  [[nodiscard]] virtual bool bound(System system) const = 0;
  /// A setting of the business rules in force here ("release.timeout_s"), or the fallback.
  [[nodiscard]] virtual std::string rule(std::string_view name,
                                         std::string_view fallback) const = 0;
  /// True when this input is a parked fact that is tried again.
  [[nodiscard]] virtual bool reposting() const = 0;

  /// Last committed state of a referenced kind in this plant, nullptr when there is none. The
  /// version used is journaled.
  template <class Kind>
  [[nodiscard]] const typename Kind::schema::state* look_up(std::string_view id) {
    return static_cast<const typename Kind::schema::state*>(look_up_raw(Kind::schema::name, id));
  }
  /// Child row of this actor, nullopt when there is none.
  template <class Row>  // Row: native row table, e.g. order::ConfirmationRowT
  [[nodiscard]] std::optional<Row> row(std::string_view table, std::string_view key) {
    const auto found = row_raw(table, key);
    if (!found) return std::nullopt;
    Row out;
    flatbuffers::GetRoot<typename Row::TableType>(found->data())->UnPackTo(&out);
    return out;
  }
  [[nodiscard]] virtual bool has_row(std::string_view table, std::string_view key) = 0;

 protected:
  virtual const void* look_up_raw(std::string_view kind, std::string_view id) = 0;
  virtual std::optional<bytes> row_raw(std::string_view table, std::string_view key) = 0;
};

/// What evolve may see and touch besides the state. All of it comes from the record, so every
/// replica does the same.
class evolution {
 public:
  virtual ~evolution() = default;
  [[nodiscard]] virtual std::uint64_t sequence() const = 0;  // after this event
  [[nodiscard]] virtual timestamp stamp() const = 0;  // of the record: the `now` of its decision
  /// Counts the sequence up: called by the adapter before each event's evolve, never by a kind.
  virtual void begin_event() {}
  /// Child rows: what grows without bound (confirmations, movements, genealogy).
  template <class Row>
  void put_row(std::string_view table, std::string_view key, const Row& row) {
    flatbuffers::FlatBufferBuilder builder(256);
    builder.Finish(Row::TableType::Pack(builder, &row));
    put_row_raw(table, key,
                bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()));
  }
  template <class Row>
  [[nodiscard]] std::optional<Row> row(std::string_view table, std::string_view key) {
    const auto found = row_raw(table, key);
    if (!found) return std::nullopt;
    Row out;
    flatbuffers::GetRoot<typename Row::TableType>(found->data())->UnPackTo(&out);
    return out;
  }
  virtual void erase_row(std::string_view table, std::string_view key) = 0;

 protected:
  virtual void put_row_raw(std::string_view table, std::string_view key, bytes row) = 0;
  virtual std::optional<bytes> row_raw(std::string_view table, std::string_view key) = 0;
};

/// The answer to an ask. `tag` is the ask's.
struct answer {
  std::string_view tag;
  engine::Outcome outcome = engine::Outcome::accepted;  // accepted, refused or parked
  std::string_view code;
  std::string_view detail;
  std::string_view exception;
  std::string_view from;  // who answers, "kind/id"
  std::string_view from_plant;
  const std::vector<packed>* events = nullptr;  // what the asked actor's decision yielded
  std::vector<std::string_view> found;          // of a find
  bool truncated = false;
  hash128 origin;  // the pending command of ours that made us ask (may be unset)
  [[nodiscard]] bool granted() const { return outcome == engine::Outcome::accepted; }
  /// First event of that type among `events`, of the asked kind's Event union.
  template <class Schema, class EventT>
  [[nodiscard]] std::optional<EventT> event() const {
    for (const auto& e : *events)
      if (e.type == static_cast<std::uint8_t>(Schema::template event_member<EventT>())) {
        EventT out;
        flatbuffers::GetRoot<typename EventT::TableType>(e.body.data())->UnPackTo(&out);
        return out;
      }
    return std::nullopt;
  }
};

/// How a delivery to an outer system ended.
struct delivered {
  std::string_view tag;
  System system = System::none;
  engine::DeliveryEnd end =
      engine::DeliveryEnd::acknowledged;  // acknowledged, dead (may come back) or discarded
  std::string_view document;              // the outer system's number, may be empty
  std::string_view detail;
};

/// What a kind decides. `Schema` is the kind's generated traits (order::schema): see
/// schemas/README.md.
template <class Schema>
class decision {
 public:
  using event_union = typename Schema::event;

  /// An event: the only thing that changes state. Several are evolved in this order.
  template <class EventT>
  decision& emit(EventT event) {
    event_union u;
    u.Set(std::move(event));
    events.push_back(std::move(u));
    return *this;
  }
  /// Sends a command to another actor (kind of TargetSchema) and does not look back.
  template <class TargetSchema, class CommandT>
  decision& tell(std::string_view id, const CommandT& command, Lane lane = Lane::rest,
                 std::string_view plant = {}) {
    return send<TargetSchema>(id, command, {}, lane, plant);
  }
  /// Sends a command and wants the answer, which comes to `on_answer` with this tag.
  template <class TargetSchema, class CommandT>
  decision& ask(std::string_view id, const CommandT& command, std::string_view tag,
                Lane lane = Lane::rest, std::string_view plant = {}) {
    return send<TargetSchema>(id, command, tag, lane, plant);
  }
  /// Asks the host for the ids of a kind whose indexed fields have these values; the answer comes
  /// to `on_answer`. Advisory: the actors found decide for themselves.
  decision& find(std::string_view kind, std::vector<std::pair<std::string, std::string>> filters,
                 std::string_view tag, std::uint32_t limit = 100) {
    engine::MessageT m;
    m.to = "_find/" + std::string(kind);
    for (auto& [field, value] : filters) {
      m.filters.push_back(std::move(field));
      m.filters.push_back(std::move(value));
    }
    m.ask = tag;
    m.limit = limit;
    return effect(std::move(m));
  }
  /// Arms the actor's timer of that name (moves it when armed); on_timer comes not before `due`.
  decision& timer(std::string_view name, timestamp due) {
    engine::TimerT t;
    t.name = name;
    t.due = due;
    return effect(std::move(t));
  }
  decision& cancel_timer(std::string_view name) { return timer(name, timestamp()); }
  /// Files a message (a table of the kind's Delivery union) for an outer system; order is kept per
  /// (system, key).
  template <class DeliveryT>
  decision& deliver(System system, std::string_view key, const DeliveryT& message,
                    std::string_view tag, Lane lane = Lane::rest) {
    engine::DeliveryT d;
    d.system = system;
    d.key = key;
    d.type = static_cast<std::uint8_t>(Schema::template delivery_member<DeliveryT>());
    d.body = pack(message);
    d.tag = tag;
    d.lane = lane;
    return effect(std::move(d));
  }
  /// The caller's answer waits: a later decision settles it (or its deadline passes: 202).
  decision& wait() {
    outcome = engine::Outcome::pending;
    return *this;
  }
  /// Answers an earlier pending command of this actor (context::command_id then, answer::origin
  /// now).
  decision& settle(hash128 id) { return settle(id, engine::Outcome::accepted, {}, {}, {}); }
  decision& settle_refused(hash128 id, std::string_view code_, std::string_view detail_) {
    return settle(id, engine::Outcome::refused, code_, detail_, {});
  }
  decision& settle_parked(hash128 id, std::string_view code_, std::string_view detail_,
                          std::string_view exception) {
    return settle(id, engine::Outcome::parked, code_, detail_, exception);
  }
  decision& settle(hash128 id, engine::Outcome o, std::string_view code_, std::string_view detail_,
                   std::string_view exception) {
    engine::SettleT s;
    s.id = id;
    s.outcome = o;
    s.code = code_;
    s.detail = detail_;
    s.exception = exception;
    settles.push_back(std::move(s));
    return *this;
  }

  /// A request that may not be: nothing changes; the caller gets `<kind>.<name>` with 409.
  [[nodiscard]] static decision refuse(typename Schema::refusal why, std::string detail) {
    return refuse_with(std::string(Schema::name) + '.' + Schema::refusal_name(why),
                       std::move(detail));
  }
  /// Refuses with a code of the catalogue or another actor's code, e.g. command.not_owner.
  [[nodiscard]] static decision refuse_with(std::string code, std::string detail) {
    decision d;
    d.outcome = engine::Outcome::refused;
    d.code = std::move(code);
    d.detail = std::move(detail);
    return d;
  }
  /// A fact that cannot be posted now: kept as an exception (202), tried again after every change
  /// of this actor. May carry events and effects (a link in the genealogy, an alert), which stand.
  [[nodiscard]] static decision park(typename Schema::refusal why, std::string reason) {
    decision d;
    d.outcome = engine::Outcome::parked;
    d.code = std::string(Schema::name) + '.' + Schema::refusal_name(why);
    d.detail = std::move(reason);
    return d;
  }
  /// A broken invariant of the kind's own code.
  [[nodiscard]] static decision fault(std::string what) {
    return refuse_with("kind.fault", std::move(what));
  }

  // What the cell reads.
  engine::Outcome outcome = engine::Outcome::accepted;
  std::string code;
  std::string detail;
  std::vector<event_union> events;
  std::vector<engine::EffectUnion> effects;
  std::vector<engine::SettleT> settles;

  template <class T>
  [[nodiscard]] static bytes pack(const T& native) {
    flatbuffers::FlatBufferBuilder builder(256);
    builder.Finish(T::TableType::Pack(builder, &native));
    return bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  }

 private:
  template <class E>
  decision& effect(E e) {
    engine::EffectUnion u;
    u.Set(std::move(e));
    effects.push_back(std::move(u));
    return *this;
  }
  template <class TargetSchema, class CommandT>
  decision& send(std::string_view id, const CommandT& command, std::string_view tag, Lane lane,
                 std::string_view plant) {
    engine::MessageT m;
    m.plant = plant;
    m.to = std::string(TargetSchema::name) + '/' + std::string(id);
    m.lane = lane;
    m.command = static_cast<std::uint8_t>(TargetSchema::template command_member<CommandT>());
    m.body = pack(command);
    m.ask = tag;
    return effect(std::move(m));
  }
};

}  // namespace millrace
