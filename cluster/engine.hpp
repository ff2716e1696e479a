// The engine's front: everything that gateways, adapters and tools may ask of a node. Thread-safe.
// Callbacks run on engine threads: they must not block, and hand over to their own executor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/address.hpp"
#include "cluster/decision.hpp"
#include "schemas/result.hpp"

namespace millrace {

/// A command on its way in. `body` must have been verified against the command's table.
struct request {
  address to;
  std::uint8_t command = 0;  // member number in the kind's Command union
  bytes body;
  std::string key;  // idempotency key as the client gave it; empty = none (the engine makes an id)
  principal from;
  System system = System::none;  // the owning system that it speaks for here
  std::string correlation;       // empty = the engine makes a UUIDv7
  std::string causation;
  std::string if_match;  // "g.sequence", empty = none
  std::uint32_t deadline_ms =
      10'000;             // until then the reply waits for answers; then 202 command.deadline
  std::uint64_t tag = 0;  // the caller's own number, echoed
  std::string
      exception;  // retry or correct (with body) or discard of this parked fact, by exception_op
  enum class exception_op : std::uint8_t { none, retry, correct, discard } op = exception_op::none;
  std::string reason;  // with op discard
  std::string
      signature_meaning;  // of a command marked `signed`: both are given, or signature.missing
  std::string signature_reason;
  bool dry_run = false;  // decide, answer, journal nothing
};

/// An event as readers see it.
struct event_view {
  std::string type;  // public name
  std::string kind;
  std::string id;
  std::uint64_t index = 0;     // journal position
  std::uint32_t ordinal = 0;   // within the entry, counting events
  std::uint64_t sequence = 0;  // of the actor, after its record
  timestamp stamp;
  std::uint8_t member = 0;  // in the kind's Event union; 0 for the platform's own events
  bytes body;               // FlatBuffer; for the platform's own events: JSON text
  std::string correlation;
  std::string causation;
  std::string principal;
  std::string on_behalf_of;
};

struct reply {
  std::uint64_t tag = 0;
  engine::Outcome outcome = engine::Outcome::accepted;
  std::string code;  // empty = fine
  std::string detail;
  std::uint32_t generation = 1;
  std::uint64_t sequence = 0;
  std::uint64_t index = 0;     // journal index of the outcome, 0 when nothing was journaled
  std::vector<packed> events;  // of this decision
  bool replayed = false;
  std::string exception;  // parked: its id
  std::string correlation;
  std::uint32_t retry_after_s = 0;  // with 429 and 503
  std::uint64_t leader = 0;  // with plant.not_leader: the node that is thought to lead, 0 = unknown
};

/// Takes replies in batches, in any order; called from engine threads.
class reply_sink {
 public:
  virtual ~reply_sink() = default;
  virtual void on_replies(std::vector<reply> replies) = 0;
};

enum class consistency : std::uint8_t { leader, linearizable, local };

struct actor_view {
  address where;
  std::uint32_t generation = 1;
  std::uint64_t sequence = 0;
  timestamp stamp;
  bytes state;  // FlatBuffer of the kind's State
  std::string quarantined;
};

struct list_query {
  std::string plant;
  std::string kind;
  std::vector<std::pair<std::string, std::string>> filters;  // indexed field -> value
  std::string after;                                         // id, exclusive
  std::uint32_t limit = 50;                                  // 1..1000
};
struct list_page {
  std::vector<actor_view> items;
  std::string next;
};

struct event_query {
  std::string plant;
  std::uint64_t index = 0;  // first position wanted: strictly after (index, ordinal)
  std::uint32_t ordinal = 0;
  std::string type_prefix;         // empty = all
  std::string actor;               // "kind/id", empty = all
  std::string correlation;         // empty = all
  std::vector<std::string> types;  // exact names; empty = all
  std::uint32_t limit = 100;       // 1..1000
};
struct event_page {
  std::vector<event_view> events;
  std::uint64_t next_index = 0;
  std::uint32_t next_ordinal = 0;
  bool at_head = false;
};

struct row_view {
  std::string key;
  bytes row;
};

/// A fact that waits as an exception.
struct exception_view {
  std::string id, plant, actor, code, reason, principal, correlation, command;
  bytes body;
  timestamp raised_at;
};

/// One filed delivery with its attempts.
struct delivery_view {
  std::string id;  // "plant~number"
  std::string plant, key, type, tag, actor, correlation,
      state;  // state: waiting, sending, retrying, blocked, dead, acknowledged, discarded
  System system = System::none;
  std::uint32_t attempts = 0;
  timestamp filed_at, last_attempt, next_attempt;
  std::string last_error, document;
  std::uint8_t member = 0;
  std::string kind;
  bytes body;
};

struct endpoint_view {
  std::string plant;
  System system = System::none;
  std::string breaker;  // closed, open, half_open
  bool paused = false;
  timestamp paused_until;
  std::string pause_reason;
  std::uint64_t waiting = 0, dead = 0, acknowledged = 0, attempts = 0, failures = 0;
  timestamp oldest, last_success, last_failure;
  std::string last_error;
};

/// One hop of a transaction.
struct hop {
  timestamp at;
  std::string what;  // command, event, message, delivery, attempt, acknowledged, timer, exception
  std::string actor, type, principal, code, detail, system, document;
  std::uint64_t index = 0;
  std::uint64_t sequence = 0;
  std::uint32_t attempt = 0;
};

/// A member of a plant's group as one of its nodes sees it.
struct plant_member {
  std::uint64_t node = 0;
  std::string role;         // voter, standby, spare
  std::uint64_t match = 0;  // the journal there holds up to this index; only its leader knows
  bool up = false;          // this node, or heard from lately
};

struct plant_status {
  std::string plant;
  std::uint32_t generation = 1;
  std::uint64_t term = 0, commit = 0, applied = 0, checkpoint = 0;
  std::uint64_t resident = 0, in_flight = 0, parked = 0, timers = 0, quarantined = 0;
  std::string chain_head;    // hex of the hash chain at `applied`
  std::string role;          // of this node: leader, follower, candidate
  std::uint64_t leader = 0;  // node, 0 = unknown
  std::vector<plant_member> members;
  std::vector<std::pair<std::string, std::string>>
      quarantined_actors;  // "kind/id" and why it cannot be loaded; the first hundred
};

template <class T>
using done = std::function<void(result<T>)>;

class engine_api {
 public:
  virtual ~engine_api() = default;
  /// Takes a batch; every request gets exactly one reply. Order per actor is the order in the
  /// batch.
  virtual void submit(std::vector<request> batch, std::shared_ptr<reply_sink> sink) = 0;
  virtual void read(address where, consistency c, done<actor_view> cb) = 0;  // actor.unknown
  virtual void list(list_query q, done<list_page> cb) = 0;
  virtual void rows(address where, std::string table, std::string after, std::uint32_t limit,
                    done<std::vector<row_view>> cb) = 0;
  virtual void events(event_query q, done<event_page> cb) = 0;  // cursor.expired
  /// Calls `wake` (no arguments, cheap) after every commit of the plant until the returned handle
  /// is released.
  virtual std::shared_ptr<void> watch(std::string plant, std::function<void()> wake) = 0;
  virtual void transaction(std::string correlation,
                           done<std::vector<hop>> cb) = 0;  // over all plants
  virtual void exceptions(std::string plant, std::string code, std::string after,
                          std::uint32_t limit, done<std::vector<exception_view>> cb) = 0;
  virtual void deadletters(std::string plant, std::string after, std::uint32_t limit,
                           done<std::vector<delivery_view>> cb) = 0;
  enum class deadletter_op : std::uint8_t { retry, discard };
  virtual void deadletter(std::string id, deadletter_op op, bytes edited, principal by,
                          done<void> cb) = 0;
  virtual void endpoints(done<std::vector<endpoint_view>> cb) = 0;
  virtual void pause_endpoint(std::string plant, System system, timestamp until, std::string reason,
                              principal by, done<void> cb) = 0;
  virtual void plants(done<std::vector<plant_status>> cb) = 0;
  [[nodiscard]] virtual bool has_plant(std::string_view plant) const = 0;
  /// Creates the plant's group when it does not exist (called before the first `commission`).
  virtual void create_plant(std::string plant, done<void> cb) = 0;
  [[nodiscard]] virtual bool ready() const = 0;
};

// ---- outgoing side: the seam to adapters ----

/// One attempt that the outbox wants made.
struct attempt {
  std::string plant;
  System system = System::none;
  std::uint64_t number = 0;  // of the delivery in its plant's outbox
  std::string id;  // idempotency key for the outer system: stable over attempts ("msg_...")
  std::string key, tag, correlation, causation, actor, kind;
  std::uint8_t member = 0;  // in the kind's Delivery union
  std::shared_ptr<const bytes> body;
  std::uint32_t attempt = 1;
  timestamp filed_at;
  std::uint32_t timeout_ms = 5'000;
};
struct attempt_result {
  enum class verdict : std::uint8_t {
    acknowledged,
    retry,
    dead,
    gone
  } what = verdict::retry;  // gone: 410, endpoint disabled
  std::string document;
  std::string detail;
  std::uint32_t retry_after_ms = 0;
  /// The outer system answered (HTTP 500); false: not reached, timed out, 503. Only answered
  /// attempts count towards the limit of attempts, so that an outage makes no dead letters.
  bool answered = false;
};
/// Sink seam: makes attempts; `cb` is called exactly once, from any thread.
class sink {
 public:
  virtual ~sink() = default;
  virtual void attempt_delivery(attempt a, std::function<void(attempt_result)> cb) = 0;
};

}  // namespace millrace
