// The outbox of a plant: deliveries to outer systems, in journal order per (system, key), at least
// once. What is filed and how it ended is journaled; attempts, backoff and breakers belong to the
// leader of the moment.
//
//   waiting -> sending -> settling -> gone (acknowledged | discarded)
//                 |           |
//                 v           v
//             retrying      dead -> waiting (retried, edited) | gone (discarded)
//
// A key never has more than one delivery under way, and a dead one stops only its own key.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/endpoint_gate.hpp"
#include "cluster/engine.hpp"
#include "cluster/log_entry.hpp"
#include "cluster/row.hpp"
#include "cluster/write_batch.hpp"

namespace millrace {

struct outbox_limits {
  std::uint64_t deliveries_max =
      2'000'000;  // an endpoint's budget: alarm at 80 %, refusal at 100 %
  std::uint64_t bytes_max = 4ull * 1024 * 1024 * 1024;
  std::uint32_t reserve_percent = 5;  // of the budget, for lane `hold` only
  std::size_t resident_bytes_max =
      64 * 1024 * 1024;             // bodies in memory; what is in a checkpoint may leave it
  std::uint32_t attempts_max = 10;  // answered attempts, then it is a dead letter
  std::int64_t outage_us_max =
      72ll * 3600 * 1'000'000;  // unanswered for so long since it was filed: a dead letter
  std::int64_t backoff_first_us = 200'000;
  std::int64_t backoff_us_max = 60'000'000;
  std::uint32_t attempt_timeout_ms =
      5'000;  // the adapter's; the outbox waits twice as long for its answer
  endpoint_limits endpoint;
};

/// Where the journal has a delivery.
struct delivery_origin {
  journal_index index = 0;   // of the entry that filed it, 0 = not known
  std::uint32_t place = 0;   // among the deliveries of that entry, from 0
  journal_index edited = 0;  // of the entry that edited it last, 0 = none
};

/// One delivery as it is filed.
struct filing {
  System system = System::none;
  std::string key, tag, actor, correlation, causation, kind;
  std::uint8_t member = 0;
  Lane lane = Lane::rest;
  timestamp filed_at;
  std::shared_ptr<const bytes> body;
  delivery_origin origin;
};

/// What ends a delivery: to be journaled by the host, with the actor's on_delivered.
struct delivery_end {
  std::uint64_t number = 0;
  std::string actor, tag;
  System system = System::none;
  engine::DeliveryEnd end = engine::DeliveryEnd::acknowledged;
  std::string document, detail, correlation, by;
};

/// Pure, not thread-safe; all times are microseconds of business time, handed in.
class outbox {
 public:
  using random = std::function<std::uint64_t()>;  // the Random seam: uniform 64 bits
  /// Where the content of a delivery comes from when it is not in memory: its row in the state
  /// environment; where that is damaged, the journal.
  struct fetch {
    std::function<std::shared_ptr<const bytes>(std::uint64_t number)> row;
    std::function<std::shared_ptr<const filing>(std::uint64_t number, const delivery_origin& from)>
        effect = {};
  };

  outbox(std::string plant, std::uint32_t generation, outbox_limits limits, random rnd);

  // ---- journaled, in journal order ----
  std::uint64_t file(filing f);
  /// Ends as a record says. False when the record means nothing (no such delivery, or not in that
  /// state).
  /// `index`: the record's entry.
  bool end(std::uint64_t number, engine::DeliveryEnd how, std::string_view document,
           std::string_view detail, const bytes* edited, timestamp at, journal_index index = 0);

  // ---- the leader's ----
  /// Attempts to be made now. `load` brings a body that left memory. One whose content neither its
  /// row nor the journal has any more ends as a dead letter, in `ended`.
  [[nodiscard]] std::vector<attempt> poll(timestamp now, const fetch& load, std::size_t limit,
                                          std::vector<delivery_end>& ended);
  /// The adapter's verdict. What it ends has to be journaled: in `ended` (at most one).
  void verdict(std::uint64_t number, std::uint32_t attempt, const attempt_result& r, timestamp now,
               std::vector<delivery_end>& ended);
  /// Attempts whose adapter never answered count as failed; deliveries that are too old end.
  void expire(timestamp now, std::vector<delivery_end>& ended);
  /// The end was not journaled (lost proposal): it is tried again.
  void unsettle(std::uint64_t number);
  /// Forgets all that is the leader's.
  void restart();
  /// When poll or expire may have work again; not given = not before something is filed or
  /// answered.
  [[nodiscard]] timestamp next_wake(timestamp now) const;
  void pause(System system, timestamp until, std::string reason);
  void limit_rate(System system, double per_second, double burst);

  // ---- budgets and views ----
  /// endpoint.backlog when the endpoint's budget is used up for that lane.
  [[nodiscard]] bool has_room(System system, Lane lane, std::size_t deliveries,
                              std::size_t bytes) const;
  [[nodiscard]] bool alarm(System system) const;
  [[nodiscard]] endpoint_view view(System system, timestamp now) const;
  [[nodiscard]] std::vector<System> systems() const;
  [[nodiscard]] bool view(std::uint64_t number, const fetch& load, delivery_view& out) const;
  /// The oldest entry of the journal that a waiting or dead delivery was filed or edited by; 0 =
  /// none is known.
  [[nodiscard]] journal_index oldest_index() const;
  /// Dead ones above `after`, in order of their numbers.
  [[nodiscard]] std::vector<std::uint64_t> dead(std::uint64_t after, std::size_t limit) const;
  /// True while a delivery of that key, tag and time of filing waits.
  [[nodiscard]] bool holds(System system, std::string_view key, std::string_view tag,
                           timestamp filed_at) const;
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t dead_count() const { return dead_.size(); }
  [[nodiscard]] std::uint64_t next_number() const { return next_; }
  /// "msg_<plant>_<generation>_<number>".
  [[nodiscard]] std::string message_id(std::uint64_t number) const;

  // ---- rows ----
  /// (number, row); an empty row = erase. Clears what is dirty.
  [[nodiscard]] std::vector<std::pair<std::uint64_t, bytes>> take_dirty();
  /// The rows of all deliveries below `below` are in the state environment: their bodies may leave
  /// memory.
  void rows_written(std::uint64_t below);
  /// Takes a row back, in the order of the numbers. Error: state.damaged.
  [[nodiscard]] result<void> load(std::uint64_t number, bytes_view row);
  /// Brings a delivery's body into memory, before it ends or is edited; false when there is none
  /// such.
  bool bring_back(std::uint64_t number, const fetch& load);
  void set_next(std::uint64_t next) { next_ = next; }
  [[nodiscard]] std::uint64_t hash() const;

 private:
  enum class phase : std::uint8_t { waiting, sending, settling, dead };
  struct item {
    std::uint32_t queue = 0;
    std::uint64_t behind = 0;  // the next of the same key, 0 = none
    Lane lane = Lane::rest;
    phase state = phase::waiting;
    bool damaged = false;        // its content is lost: `what` says only where it belongs
    std::uint16_t attempts = 0;  // all of this leader
    std::uint16_t answered = 0;  // those that count towards attempts_max
    std::uint32_t size = 0;
    std::uint32_t place = 0;
    journal_index index = 0;
    timestamp filed_at, retried_at, last_attempt,
        next_attempt;                    // next_attempt: not given while others go first
    std::shared_ptr<const filing> what;  // null: only on disk
    std::string last_error;
  };
  struct key_queue {
    System system = System::none;
    std::string key;
    std::uint64_t front = 0;  // the only one that may be under way; the others hang on item::behind
    std::uint64_t back = 0;
  };
  struct endpoint {
    std::map<std::uint64_t, item> items;
    std::uint64_t dead = 0, bytes = 0, acknowledged = 0, attempts = 0, failures = 0;
    timestamp last_success, last_failure;
    std::string last_error;
    std::set<std::pair<std::int64_t, std::uint64_t>> ready,  // (when, number): fronts of keys that
        ready_holds;  // may go; those of lane hold go first and have attempts of their own
    std::map<std::uint64_t, timestamp> under_way;  // number -> when its answer is overdue
    endpoint_gate gate;
    explicit endpoint(const endpoint_limits& limits) : gate(limits) {}
  };

  struct place {
    endpoint* where = nullptr;
    item* what = nullptr;
  };
  [[nodiscard]] endpoint& at(System system);
  [[nodiscard]] const endpoint* find(System system) const;
  [[nodiscard]] place find(std::uint64_t number);
  [[nodiscard]] std::shared_ptr<const filing> content(std::uint64_t number, const item& i,
                                                      const fetch& load,
                                                      bool* rebuilt = nullptr) const;
  [[nodiscard]] delivery_origin origin_of(std::uint64_t number, const item& i) const;
  void take_content(std::uint64_t number, item& i, std::shared_ptr<const filing> f, bool rebuilt);
  void enqueue(std::uint64_t number, System system, std::string_view key, item i);
  [[nodiscard]] static std::set<std::pair<std::int64_t, std::uint64_t>>& ready_of(endpoint& e,
                                                                                  const item& i) {
    return i.lane == Lane::hold ? e.ready_holds : e.ready;
  }
  void make_ready(endpoint& e, std::uint64_t number, item& i, timestamp when);
  void remove(endpoint& e, std::uint64_t number);
  void fail(endpoint& e, std::uint64_t number, const attempt_result& r, timestamp now,
            std::vector<delivery_end>& ended);
  void settle(std::uint64_t number, item& i, engine::DeliveryEnd how, const attempt_result& r,
              std::vector<delivery_end>& ended);
  [[nodiscard]] std::int64_t backoff(std::uint32_t attempts);
  [[nodiscard]] attempt begin(System system, endpoint& e, std::uint64_t number, item& i,
                              std::shared_ptr<const filing> f, timestamp now);
  void keep(item& i, std::shared_ptr<const filing> f);
  void drop(item& i);

  std::string plant_;
  std::uint32_t generation_;
  outbox_limits limits_;
  random random_;
  std::uint64_t next_ = 1;
  std::size_t size_ = 0;
  std::map<System, endpoint> endpoints_;
  std::vector<key_queue> queues_;
  std::vector<std::uint32_t> free_queues_;
  std::map<std::string, std::uint32_t> queue_of_;  // system as a character, key
  std::set<std::uint64_t> dead_;
  std::set<std::uint64_t> dirty_;
  std::map<std::uint64_t, journal_index> edits_;  // entries of the last edits
  std::size_t resident_bytes_ = 0;
};

}  // namespace millrace
