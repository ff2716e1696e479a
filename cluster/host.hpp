// The core of a plant: takes requests, hands stimuli to cells, gathers their proposals into
// entries, applies what is committed and lets replies out. One single-threaded state machine; time
// is an argument, everything else goes through host_port, so that the CAF shell and the simulation
// drive the same code.
//
//   submit ----> lanes --> offer(slot) ...> on_proposal --> end_turn: propose(entry)
//                                                              |
//   replies <-- verdicts <-- apply <-- on_committed <----------+        apply files messages,
//   timers, deliveries
//
// Usage by a shell: any number of inputs (submit, on_*), then end_turn(now). Outputs may come from
// within any input; the port must not call back into the host from them (it queues). An actor is
// named by its slot while it is resident.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/cell.hpp"
#include "cluster/engine.hpp"
#include "cluster/entry.hpp"
#include "cluster/flat_map.hpp"
#include "cluster/journal_size.hpp"
#include "cluster/lanes.hpp"
#include "cluster/list_overlay.hpp"
#include "cluster/log_entry.hpp"
#include "cluster/outbox.hpp"
#include "cluster/slot_table.hpp"
#include "cluster/state_tables.hpp"
#include "cluster/streams.hpp"
#include "cluster/timers.hpp"
#include "cluster/window.hpp"
#include "schemas/errors.hpp"

namespace millrace {

/// A resident actor's place in its host. Reused after passivation.
using slot_number = std::uint32_t;

/// Messages of one stream on their way to another plant.
struct message_frame {
  std::string to_plant, from_plant;
  std::uint32_t generation = 1;  // of the sending plant
  Lane lane = Lane::rest;
  std::uint64_t first = 0;                                        // number of the first message
  std::vector<std::shared_ptr<const engine::MessageT>> messages;  // consecutive
};

/// The receiver's answer: everything up to `watermark` is done (0 with nothing done).
struct watermark_frame {
  std::string to_plant, from_plant;  // to_plant: the sender of the messages
  std::uint32_t generation = 1;
  Lane lane = Lane::rest;
  std::uint64_t watermark = 0;
};

/// What a host wants done. Implementations queue; answers come back as inputs of the host.
class host_port {
 public:
  virtual ~host_port() = default;

  // ---- cells: one per slot, inputs to a slot keep their order ----
  /// Make a cell for `local` ("kind/id"), loaded with load_actor(..., upto): answer on_activated.
  /// The child rows are checked (check_rows) with `reload` and while this host does not lead. With
  /// `reload` the slot has a cell that is spoilt: call lost() on it if it was not, load a new one,
  /// let it inherit the legacy. After on_cell_lost there is no cell and nothing to inherit. Without
  /// `reload` a cell that is there goes with all that it was given. When it cannot be loaded there
  /// is no cell afterwards, and nothing it was told or asked is answered.
  virtual void activate(slot_number slot, const std::string& local, journal_index upto,
                        bool reload) = 0;
  /// cell.offer(inputs, now); a proposal that is not empty comes back as on_proposal.
  virtual void offer(slot_number slot, std::vector<stimulus> inputs, timestamp now) = 0;
  /// cell.committed(index, ordinal), then cell.resume(now): as with offer.
  virtual void committed(slot_number slot, journal_index index, std::uint32_t ordinal,
                         timestamp now) = 0;
  /// cell.evolve of these records of an entry that this host did not propose: answer on_evolved,
  /// also when the cell could not be loaded. May come before the activation was answered, or while
  /// the cell has something in flight that will not commit: a shell keeps it until the (next) cell
  /// is there.
  virtual void evolve(slot_number slot, journal_index index, shared_bytes entry,
                      std::vector<std::uint32_t> ordinals) = 0;
  /// cell.image(), as soon as nothing is in flight: answer on_image (null when the actor cannot be
  /// loaded). `stored`: cell.stored().
  virtual void image(slot_number slot) = 0;
  virtual void stored(slot_number slot) = 0;
  /// Nobody used the actor for a while: cell.rest(); answer on_rested.
  virtual void rest(slot_number slot) = 0;
  /// The actor is not needed: when cell.idle() drop the cell, else keep it; answer on_passivated
  /// either way.
  virtual void passivate(slot_number slot) = 0;
  /// Publish (kinds with model().referenced) what others may look up from now on. Null: it cannot
  /// be known until it is published again (the shell does, when the actor is loaded).
  virtual void publish(const std::string& local, std::shared_ptr<const reference_state> state) = 0;

  // ---- the log ----
  virtual void propose(shared_bytes entry, term_number term) = 0;  // proposer::propose
  virtual void checkpointed(journal_index index) = 0;              // proposer::checkpointed

  // ---- the state environment: slices are committed in order; answer on_written after each ----
  virtual void write(std::shared_ptr<write_batch> slice) = 0;

  // ---- outside ----
  virtual void attempt_delivery(attempt a) = 0;   // sink::attempt_delivery, answer on_attempt
  virtual void send(message_frame frame) = 0;     // to the host of frame.to_plant: on_messages
  virtual void send(watermark_frame frame) = 0;   // likewise: on_watermark
  virtual void applied(journal_index index) = 0;  // wake watchers
  virtual void alarm(std::string_view code, const std::string& detail) = 0;
};

struct host_options {
  std::string plant;
  std::uint32_t generation = 1;
  std::uint32_t pipeline_max = 3;            // entries in flight
  std::size_t entry_bytes_aim = 512 * 1024;  // an entry is closed at this size
  std::size_t resident_bytes_max =
      512ull * 1024 * 1024;            // memory budget of cells: least recently used ones leave
  std::size_t cell_bytes = 2'048;      // assumed of a cell, until it says
  std::uint32_t rest_s = 10;           // a cell that was not used for so long rests
  std::size_t slot_stash_max = 1'024;  // inputs of one actor that wait: beyond 429
  std::size_t checkpoint_records = 200'000;  // a checkpoint begins after so many records,
  std::int64_t checkpoint_us = 5'000'000;    // or this long after the last, when anything changed
  std::size_t slice_bytes_max =
      2 * 1024 * 1024;         // of one transaction of a checkpoint: the journal waits for its sync
  std::int64_t retain_us = 0;  // older entries leave once nobody needs them; 0: all stay
  std::uint64_t retain_bytes = 0;  // likewise the oldest of a journal that is longer; 0: all stay
  std::size_t exceptions_max = 100'000;  // open facts of a plant that are listed
  std::uint64_t stream_waiting_max =
      1'000'000;           // messages to one plant: beyond 503 endpoint.backlog
  bool sole_voter = true;  // while the group has one voter reads need no barrier: nobody else can
                           // lead. False: they always do
  lane_limits lanes;
  window_limits window;
  outbox_limits outbox_;
};

struct host_status {
  journal_index applied = 0, checkpoint = 0;
  std::uint64_t resident = 0, in_flight = 0, exceptions = 0, timers = 0, quarantined = 0,
                outbox = 0, dead = 0;
  std::uint64_t admitted = 0, entries = 0, records = 0, replayed = 0, refused = 0, faults = 0,
                checkpoints = 0;
  std::uint64_t resident_bytes = 0, window = 0, messages_waiting = 0;
  timestamp stamp;
  bool leading = false;
};

/// An actor that cannot be loaded: it is tried again, its inputs are refused or wait.
struct quarantined_actor {
  std::string actor;  // "kind/id"
  std::string why;
};

/// A page of ids; `next` is empty at the end.
struct id_page {
  std::vector<std::string> ids;
  std::string next;
};

class plant_host {
 public:
  /// All outlive the host. `state`: the state environment; `journal`: this plant's log, applied
  /// part only.
  plant_host(host_options options, const kind_registry& kinds, host_port& port, store& state,
             journal_reader& journal, outbox::random random);
  ~plant_host();
  plant_host(const plant_host&) = delete;
  plant_host& operator=(const plant_host&) = delete;

  /// Loads what the last checkpoint holds (no scan over actors). Then the log's entries above
  /// applied() come through on_committed. Error: state.damaged: wipe the plant's rows (wipe_plant)
  /// and begin anew with a new host.
  [[nodiscard]] result<void> load();

  // ---- requests (leader) ----
  void submit(std::vector<request> batch, std::shared_ptr<reply_sink> sink, timestamp now);
  void deadletter(std::uint64_t number, engine_api::deadletter_op op, bytes edited, std::string by,
                  timestamp now, done<void> cb);
  void pause_endpoint(System system, timestamp until, std::string reason, std::string by,
                      timestamp now, done<void> cb);
  /// Files the acknowledged deliveries of that system from a journal position on anew, at most
  /// 10,000; the actors are not told of their ends again. Errors: journal.damaged, cursor.expired,
  /// node.not_ready.
  void replay_endpoint(System system, journal_index from, std::string by, timestamp now,
                       done<void> cb);

  // ---- from cells ----
  /// `rebuilt`: the cell holds what its rows do not (cell.dirty()): they are written again with the
  /// next checkpoint.
  void on_activated(slot_number slot, result<void> how, timestamp now, bool rebuilt = false);
  void on_proposal(slot_number slot, proposal p, timestamp now);
  void on_evolved(slot_number slot, changes what, timestamp now);
  void on_image(slot_number slot, std::shared_ptr<const actor_image> image, std::size_t cell_bytes);
  void on_rested(slot_number slot, std::size_t cell_bytes);
  void on_passivated(slot_number slot, bool gone, timestamp now);
  /// The shell lost the cell (its actor died, an exception) with everything that it had been
  /// offered and had not proposed: loaded anew from what is committed; inputs that it had not been
  /// offered yet wait for it. Beyond three within a minute the actor's inputs are refused
  /// (actor.quarantined) until it was idle for a minute.
  void on_cell_lost(slot_number slot, std::string_view why, timestamp now);

  /// A look-up met a damaged row of this actor: it is loaded, which rebuilds it, and stored anew.
  /// Answers its slot; nothing when there is no such kind.
  std::optional<slot_number> restore(std::string_view local);

  // ---- from the log ----
  /// At a leader the entries are its own, in order; another's tells it that it leads no longer.
  void on_committed(std::span<const log_entry> entries, const group_status& status, timestamp now);
  void on_refused(std::span<const shared_bytes> payloads, const error& why, timestamp now);
  void on_role(const group_status& status, timestamp now);
  /// Another host takes its place: everyone who waits is told. Only its end may follow.
  void retire();

  // ---- from the state environment ----
  void on_written(timestamp now);

  // ---- from outside ----
  void on_attempt(std::uint64_t number, std::uint32_t attempt, attempt_result r, timestamp now);
  void on_messages(const message_frame& frame, timestamp now);
  void on_watermark(const watermark_frame& frame, timestamp now);

  /// Ends a turn of inputs: proposes, dispatches, fires timers, starts attempts, lets replies out.
  /// Cheap when idle.
  void end_turn(timestamp now);
  /// When end_turn has work that no input announces (timers, deadlines, attempts, checkpoint).
  [[nodiscard]] timestamp next_wake(timestamp now) const;
  /// While this host does not lead: lets actors go that exceed the memory budget. Nothing may be
  /// applied until settled().
  void make_room(timestamp now) {
    if (settled()) passivate_some(now);
  }
  [[nodiscard]] std::size_t resident_bytes() const { return resident_bytes_; }
  /// From now on the budget of cells.
  void limit_memory(std::size_t bytes_max) { options_.resident_bytes_max = bytes_max; }
  /// Begins a checkpoint unless one is running; `done` when it is stored.
  void checkpoint(timestamp now, std::function<void()> done = {});

  // ---- queries, as of what is applied ----
  /// The slot of a resident actor (its cell has the state); none: its row in the state environment
  /// is current.
  [[nodiscard]] std::optional<slot_number> resident(std::string_view local) const;
  /// Entry of a resident actor's last applied record, as far as seen since load(): what a cold read
  /// of it must reach.
  [[nodiscard]] journal_index last_index(slot_number slot) const { return slots_[slot].last_index; }
  [[nodiscard]] journal_index applied() const { return applied_; }
  /// Never before what has been decided: the clock may stand back after a restart.
  [[nodiscard]] timestamp decision_time(timestamp now) const { return std::max(now, stamp_); }
  [[nodiscard]] bool leading() const { return leading_; }
  /// Who is thought to lead, 0 = nobody is known.
  [[nodiscard]] node_number leader() const { return leader_; }
  /// All cells have evolved what was applied, none is on its way out, and there is room for more or
  /// nothing under way that would make any.
  [[nodiscard]] bool settled() const {
    return evolving_ == 0 && passivating_ == 0 &&
           !(cut_ && resident_bytes_ > options_.resident_bytes_max);
  }
  [[nodiscard]] host_status status() const;
  [[nodiscard]] result<id_page> list(const list_query& q) const;
  [[nodiscard]] result<event_page> events(const event_query& q) const;
  [[nodiscard]] result<std::vector<hop>> transaction(std::string_view correlation) const;
  [[nodiscard]] result<std::vector<exception_view>> exceptions(std::string_view code,
                                                               std::string_view after,
                                                               std::uint32_t limit) const;
  /// Actor of an open exception, empty when there is none.
  [[nodiscard]] std::string exception_actor(std::string_view id) const;
  [[nodiscard]] std::vector<delivery_view> deadletters(std::uint64_t after,
                                                       std::uint32_t limit) const;
  [[nodiscard]] std::vector<endpoint_view> endpoints(timestamp now) const;
  /// The journal from here on is still read by this plant: replays of answers, open exceptions,
  /// effects that are not acknowledged, actors whose rows are behind, the next start. Retention
  /// must not pass it.
  [[nodiscard]] journal_index needed_from() const;
  /// How much journal there is, for retention by bytes.
  [[nodiscard]] journal_size& journal_bytes() { return journal_size_; }
  /// Why the actor of that slot cannot be loaded, null when it can.
  [[nodiscard]] const std::string* quarantine(slot_number slot) const;
  [[nodiscard]] std::vector<quarantined_actor> quarantined(std::size_t limit) const;
  /// Equal on every replica at the same applied index: window, timers, streams, outbox, asks,
  /// exceptions.
  [[nodiscard]] std::uint64_t hash() const;

 private:
  static constexpr slot_number none = ~slot_number{0};
  static constexpr std::string_view pause_code =
      "endpoint.pause";  // code of the host's record that pauses
  static constexpr std::size_t replay_deliveries_max = 10'000;  // filed anew by one order
  static constexpr std::uint8_t losses_of_actor_max =
      3;  // within a minute, then its inputs are refused

  // One input that will have a verdict. The ticket is the place in waiters_ with a count above it.
  struct waiter {
    enum class kind : std::uint8_t { free, client, message, timer, delivery };
    enum class place : std::uint8_t { lane, slot, cell };
    kind what = kind::free;
    place where = place::slot;  // of the input: it is queued in its lane, waits at its slot, was
                                // given to the cell
    bool keyed = false;
    bool answered = false;  // the deadline passed: the client has its 202
    bool replayed = false;
    Lane lane = Lane::rest;
    std::uint32_t count = 0;  // of uses, the ticket's upper half
    slot_number slot = 0;
    std::uint64_t tag = 0;
    hash128 id;
    timestamp deadline;
    std::shared_ptr<reply_sink> sink;
    std::string correlation;
    std::unique_ptr<stimulus>
        again;  // message, timer, delivery: to be made anew when the proposal is lost
  };
  struct slot_state {
    enum class phase : std::uint8_t { free, loading, ready, passivating, broken };
    std::string local;
    const kind* what = nullptr;
    phase state = phase::free;
    bool dirty = false;
    bool listed = false;    // in touched_
    bool fresh = false;     // came into being since the last checkpoint: not listed in its rows yet
    bool reload = false;    // once nothing of it is in flight
    bool imaging = false;   // the cut waits for its image
    bool storing = false;   // its image is being written
    bool relist = false;    // its cell was loaded anew: what its next image changes in the index
                            // rows is seen from what is stored
    bool inherits = false;  // what is being loaded takes over what the last cell was given
    bool stale = false;     // its cell was given inputs under a leadership that is gone: what it
                            // proposes means nothing until a new one is there
    std::uint8_t losses = 0;
    std::uint32_t used_s = 0;      // turn_s_ when it was used last
    std::uint32_t unsaved = 0;     // records since it was last asked for its image
    std::uint32_t asked = 0;       // its share of what the cut has under way
    std::uint64_t stayed = 0;      // it would not leave: count of checkpoints then, and one
    std::uint32_t in_flight = 0;   // proposals that are not committed yet
    std::uint32_t waiting = 0;     // waiters
    std::uint32_t evolving = 0;    // evolve calls that are not answered yet
    std::uint32_t size = 0;        // bytes
    journal_index last_index = 0;  // of its last applied record, as far as seen since load()
    timestamp lost_at;
    slot_number newer = none, older = none;  // in order of use
    std::vector<stimulus> pending;           // go with the next offer
  };

  struct breakage {  // of an actor that cannot be loaded
    error why;
    std::uint32_t tries = 0;
    timestamp retry_at;
  };
  struct behind {              // a row that lacks what a finished cut should hold of its actor
    journal_index needed = 0;  // the journal from here on has what it lacks
    journal_index last = 0;    // of its last record
  };

  struct part {  // of an entry: one proposal, or one record of the host's own
    slot_number slot = none;
    std::uint32_t first = 0, count = 0;  // ordinals
    bool urgent = false;                 // goes before what waits for the next entry
    proposal what;
    bytes record;
    std::function<void(result<void>)> done_cb;
  };
  struct flight {  // an entry that was proposed
    shared_bytes payload;
    std::vector<part> parts;
    std::vector<std::pair<std::shared_ptr<reply_sink>, reply>> reads;  // leave with it
  };
  struct queued {
    slot_number slot = none;
    stimulus what;
  };
  struct early {  // requests that came before this leader may begin
    std::vector<request> batch;
    std::shared_ptr<reply_sink> sink;
    timestamp since;
  };
  struct ask {  // an answer that is owed to an actor
    std::string reply_to, tag, correlation, causation;
    hash128 origin;
    Lane lane = Lane::rest;
  };
  struct open_exception {
    std::string actor, code;
    journal_index index = 0;
    std::uint32_t ordinal = 0;
  };
  struct correlated {
    std::string name;  // correlation_name
    journal_index index = 0;
    std::uint32_t ordinal = 0;
  };
  struct paused {
    timestamp until;
    std::string reason;
  };
  struct position {
    journal_index index = 0;
    std::uint32_t ordinal = 0;
    timestamp stamp;
  };
  struct cut {  // a checkpoint on its way
    journal_index index = 0;
    std::size_t images = 0;           // not answered yet,
    std::size_t under_way = 0;        // rows of those that were asked
    std::vector<slot_number> to_ask;  // the rest of the actors that had changed, the next one last
    std::size_t slices = 0;           // not written yet
    bool last_sent = false;
    std::shared_ptr<write_batch> slice, last;
    std::vector<slot_number> slots;
    std::uint64_t outbox_next = 0;
    std::vector<std::function<void()>> done;
  };

  // host.cpp: slots and replies
  slot_number intern(std::string_view local, const kind& k, journal_index upto = 0);
  void touch(slot_number slot);
  void use(slot_number slot);
  void unlink(slot_number slot);
  void release_slot(slot_number slot);
  void rest_some();
  /// All that it changed is stored.
  [[nodiscard]] static bool may_rest(const slot_state& s) {
    return !s.dirty && !s.imaging && !s.storing;
  }
  void passivate_some(timestamp now);
  std::uint64_t add_waiter(waiter w);
  [[nodiscard]] waiter* find_waiter(std::uint64_t ticket);
  void drop_waiter(std::uint64_t ticket);
  void answer(const std::shared_ptr<reply_sink>& sink, reply r);
  void flush_replies();
  void when_readable(const std::shared_ptr<reply_sink>& sink, reply r);
  void load_slot(slot_number slot, bool reload);
  [[nodiscard]] bool alone() const { return options_.sole_voter && voters_ <= 1; }
  [[nodiscard]] hash128 random_id();
  [[nodiscard]] std::string new_correlation(timestamp now);

  // host_input.cpp: requests, verdicts, turns
  void take(request r, const std::shared_ptr<reply_sink>& sink, timestamp now);
  [[nodiscard]] error refusal_of(const request& r, const kind** k,
                                 const table_model** command) const;
  bool answer_from_window(const request& r, hash128 id, std::uint64_t fingerprint,
                          const std::shared_ptr<reply_sink>& sink, timestamp now);
  [[nodiscard]] result<reply> replay(hash128 id, const window_hit& hit) const;
  [[nodiscard]] static reply reply_of(const engine::Record& r, journal_index index);
  static void settle_reply(const engine::Settle& s, reply& out);
  void refuse_request(const request& r, const std::shared_ptr<reply_sink>& sink, std::string code,
                      std::string detail);
  void offer_touched(timestamp now);
  void build_entries(timestamp now);
  void verdict_out(verdict& v, journal_index index, bool reading, timestamp now);
  void reject(slot_number slot, proposal& p, const error& why, timestamp now);
  void lose_part(part& p, const error& why, timestamp now);
  [[nodiscard]] reply lost_read(reply r, const error& why) const;
  [[nodiscard]] static reply late_reply(const waiter& w);
  void retry_held(timestamp now);
  void lose_waiter(std::uint64_t ticket, const error& why, timestamp now);
  [[nodiscard]] bool backlog(const proposal& p, std::string& detail) const;
  [[nodiscard]] bool of_hold(const proposal& p);
  void dispatch(timestamp now);
  void dispatch_message(std::string_view source_plant, std::uint32_t generation, Lane lane,
                        const numbered_message& m);
  void give(slot_number slot, waiter::kind what, stimulus s);
  void fire_timers(timestamp now);
  void start_attempts(timestamp now);
  void end_delivery(delivery_end d);
  void answer_find(std::string_view source_plant, std::uint32_t generation, Lane lane,
                   const numbered_message& m);
  [[nodiscard]] engine::RecordT message_record(std::string_view source_plant,
                                               std::uint32_t generation, Lane lane,
                                               const numbered_message& m) const;
  std::size_t refile(const log_entry& e, System system, const std::string& by);
  void host_record(engine::RecordT r, std::function<void(result<void>)> cb = {});
  void expire_waiters(timestamp now);
  void begin_leading(timestamp now);
  void step_down(node_number for_leader);
  void lose_reads(std::vector<std::pair<std::shared_ptr<reply_sink>, reply>> reads,
                  const error& why);
  void lose_proposed(part& p, const error& why);
  void lose_caller(std::uint64_t ticket, const error& why);
  void lose_callers(const error& nothing, const error& unknown);
  void discard_cells();
  void answer_early(timestamp before, const error& why);
  [[nodiscard]] error not_leader() const;
  [[nodiscard]] reply turned_away(const request& r, const error& why) const;
  [[nodiscard]] static std::unique_ptr<stimulus> copy_of(const stimulus& s);

  // host_broken.cpp: actors that cannot be loaded or stored
  void break_actor(slot_number slot, error why, timestamp now);
  void keep_inputs(slot_number slot, const error& why, timestamp now);
  void retry_broken(timestamp now);
  void no_image(slot_number slot);
  void leave_behind(slot_number slot);
  void caught_up(std::string_view local);
  [[nodiscard]] result<void> load_behind(store_snapshot& from);

  // host_apply.cpp
  void apply_entry(const log_entry& e, flight* own, timestamp now);
  void apply_foreign(const log_entry& e);
  void apply_record(const engine::Record& r, const position& at, slot_number slot);
  void apply_consumed(const engine::Record& r, const position& at);
  void apply_effects(const engine::Record& r, const position& at);
  void apply_answer(const engine::Record& r, const position& at);
  void apply_settles(const engine::Record& r, const position& at);
  void apply_exception(const engine::Record& r, const position& at);
  void apply_operator(const engine::Record& r, const position& at);
  void apply_changes(slot_number slot, const changes& c, journal_index index);
  void file_message(std::shared_ptr<engine::MessageT> m, journal_index index);
  void file_answer(journal_index index, const ask& to, const engine::Record& from,
                   engine::Outcome outcome, std::string_view code, std::string_view detail,
                   std::string_view exception);
  void end_filed(std::uint64_t number, const engine::DeliveryDone* d, const position& at);

  // host_query.cpp
  [[nodiscard]] result<event_page> events_at(const event_query& q,
                                             const std::vector<journal_index>& where) const;
  [[nodiscard]] result<std::vector<journal_index>> history(std::string_view local,
                                                           journal_index from) const;
  [[nodiscard]] result<std::vector<journal_index>> correlated_entries(
      std::string_view correlation) const;

  // host_checkpoint.cpp
  void put_tables();
  void send_slice(bool force);
  [[nodiscard]] result<std::vector<index_change>> index_changes_of(slot_number slot,
                                                                   const actor_image& image);
  void advance_cut(timestamp now);
  void ask_images();
  [[nodiscard]] timestamp first_cut_from(timestamp now) const;
  [[nodiscard]] result<void> load_table(
      store_snapshot& from, table_id table,
      const std::function<result<void>(std::string_view key, bytes_view row)>& take);
  [[nodiscard]] result<void> load_meta(store_snapshot& from);
  [[nodiscard]] outbox::fetch fetcher() const;
  [[nodiscard]] std::shared_ptr<const filing> filed_effect(std::uint64_t number,
                                                           const delivery_origin& from) const;

  host_options options_;
  const kind_registry* kinds_;
  host_port* port_;
  store* state_;
  journal_reader* journal_;
  outbox::random random_;

  // replicated
  idempotency_window window_;
  timer_table timers_;
  stream_table streams_;
  outbox outbox_;
  std::map<hash128, ask> asks_;
  std::map<std::string, open_exception, std::less<>> exceptions_;
  std::map<System, paused> pauses_;
  journal_index applied_ = 0;
  timestamp stamp_;
  journal_index filing_index_ = 0;  // the entry that is being applied,
  std::uint32_t filing_place_ = 0;  // and how many deliveries it has filed

  // newer than the checkpoint
  list_overlay overlay_;
  std::vector<correlated> correlations_;
  std::set<hash128> dirty_asks_;
  std::set<std::string, std::less<>> dirty_exceptions_;
  std::vector<slot_number> dirty_slots_;
  journal_index checkpoint_ = 0;
  std::uint64_t outbox_stored_ = 0;   // deliveries below have rows
  journal_index window_written_ = 0;  // rows of the window up to here are stored
  journal_index window_erased_ = 0;
  std::size_t records_since_cut_ = 0;
  timestamp cut_at_;
  std::unique_ptr<cut> cut_;
  std::map<std::string, behind, std::less<>> behind_;
  journal_size journal_size_;

  // actors
  std::deque<slot_state> slots_;
  std::vector<slot_number> free_slots_;
  struct name_of_slot {
    const std::deque<slot_state>* slots;
    std::string_view operator()(slot_number slot) const { return (*slots)[slot].local; }
  };
  slot_table<name_of_slot> slot_of_{name_of_slot{&slots_}};
  std::vector<slot_number> touched_;
  slot_number newest_ = none, oldest_ = none;
  slot_number resting_next_ = none;  // in order of use: older ones rest, this one and newer do not
  std::uint32_t turn_s_ = 0;         // seconds of the last turn
  std::size_t resident_bytes_ = 0;
  std::size_t passivating_ = 0;  // slots
  std::map<slot_number, breakage> broken_;

  // the leader's
  bool leading_ = false;
  bool is_leader_ = false;  // by Raft; leads once everything up to lead_from_ is applied
  term_number term_ = 0;    // in which it leads
  node_number leader_ = 0;  // as far as it is known
  std::uint32_t voters_ = 1;
  journal_index lead_from_ = 0;
  std::uint64_t evolving_ = 0;
  std::deque<early> early_;
  std::size_t early_count_ = 0;
  lane_queues<queued> lanes_;
  std::deque<waiter> waiters_;
  std::vector<std::uint32_t> free_waiters_;
  flat_map<hash128, std::uint64_t> in_flight_ids_;  // command id -> fingerprint
  std::unordered_map<hash128, std::vector<waiter>>
      pending_;                    // callers of commands whose answer is to come
  std::deque<part> ready_;         // proposals for the next entries
  std::deque<part> host_records_;  // records of the host's own, likewise
  std::deque<flight> flights_;
  std::vector<std::pair<std::shared_ptr<reply_sink>, reply>> reads_;  // leave with the next entry
  std::vector<std::pair<std::string, stimulus>>
      held_;  // "kind/id", lost input: tried again at held_until_
  timestamp held_until_, blocked_until_, swept_at_, resent_at_, proposed_stamp_;
  std::map<std::uint64_t, done<void>> discards_;         // operators who wait for a discard
  std::map<stream_table::out_key, std::uint64_t> acks_;  // watermarks of other plants, proposed
  std::set<stream_table::in_key> watermarks_due_;
  std::vector<std::pair<std::shared_ptr<reply_sink>, std::vector<reply>>> replies_;
  entry_builder builder_;
  host_status counters_;
};

}  // namespace millrace
