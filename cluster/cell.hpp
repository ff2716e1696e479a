// The pure core of one actor: stash, decide, evolve in place, at most one batch in flight.
// Inputs in, proposals out, time as an argument; the shells around it (an entity on CAF, a
// follower's cache, a test) do the rest.
//
//   host -> cell   stimuli                       offer(): a proposal, or a stash that grows while
//   one is in flight cell -> host   proposal: records + verdicts  all records of a proposal go into
//   ONE entry, in order, next to each other host -> cell   committed | lost              verdicts
//   leave now; what waited in the stash becomes the next proposal
//
// Answers to asks are no effects: the host derives them from a record with reply_to, ask and origin
// when it applies it (outcome, code, detail, parked.exception, events). With outcome pending it
// remembers reply_to under the record's id until a Settle of that id; with parked.waits it answers
// "parked" and remembers as well, and a Settle comes with the Unparked. A message, timer or
// delivery always yields a record with `consumed` (refused and ignored ones too); the exception is
// a timer that was moved or cancelled while it waited: its verdict has record -1 and outcome
// accepted.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/engine.hpp"
#include "cluster/kind.hpp"
#include "cluster/row_names.hpp"

namespace millrace {

/// One input for one actor. Moved, never copied, on its way.
struct stimulus {
  std::uint64_t ticket = 0;  // the host's number for it; comes back in the verdict
  engine::Source source = engine::Source::client;
  Lane lane = Lane::rest;
  // client (and exception): the command and who sent it
  std::uint8_t command = 0;
  bool keyed = false;  // refusals are journaled too
  bool dry_run = false;
  request::exception_op op = request::exception_op::none;
  System system = System::none;
  system_set systems = 0;
  bytes body;
  hash128 id;  // command id; of a message: made by the host from its place in the stream
  std::uint64_t fingerprint = 0;
  std::string principal;
  std::string on_behalf_of;
  std::string correlation;
  std::string causation;
  std::string if_match;           // "g.sequence", empty = none
  std::string exception;          // with op
  std::string reason;             // with op discard
  std::string signature_meaning;  // the person's electronic signature, both or neither
  std::string signature_reason;
  // message: command, answer or ask (lane, correlation and causation are taken from it)
  std::shared_ptr<const engine::MessageT> message;
  // message: source plant (empty = this one), generation, lane, number. timer: name and due.
  // delivery: number.
  std::unique_ptr<engine::ConsumedT> consumed;
  // delivery: how it ended
  std::unique_ptr<engine::DeliveryDoneT> delivery;  // number, end, document, detail, by
  std::string tag;                                  // of the delivery
  bool stale = false;  // set by the cell: a timer that was moved while it waited
};

/// The outcome of one stimulus.
struct verdict {
  std::uint64_t ticket = 0;
  engine::Outcome outcome = engine::Outcome::accepted;
  std::int32_t record = -1;    // place in the proposal's records, -1 = nothing journaled
  std::uint64_t sequence = 0;  // of the actor, after it
  std::string code;
  std::string detail;
  std::string exception;  // parked: its id
  std::vector<packed> events;
};

/// One indexed field that got another value. `field` is its place in model().indexes; an empty
/// value has no index row.
struct index_change {
  std::uint16_t field = 0;
  std::string before;
  std::string after;
};

/// A committed state that other actors may look up. Immutable.
struct reference_state {
  std::unique_ptr<state_object> state;
  const void* native = nullptr;
  std::uint64_t sequence = 0;
};

/// What followed from records besides what they say: the same for the leader (proposal) and replay
/// (evolve).
struct changes {
  std::vector<index_change> indexes;
  std::vector<std::string> parked;    // exception ids that are new
  std::vector<std::string> unparked;  // exception ids that are gone
  std::shared_ptr<const reference_state>
      reference;  // kinds with model().referenced: publish it before any verdict leaves
};

/// What one actor wants journaled. Without records the verdicts may leave as reads do (design.md:
/// "When a leader may begin").
struct proposal {
  std::vector<bytes> records;     // finished engine::Record FlatBuffers, not size-prefixed
  std::vector<verdict> verdicts;  // of accepted, refused and parked alike: they leave when the
                                  // records have committed
  changes what;                   // holds once committed
  timestamp at;                   // Record.at of all its records
  bool reload =
      false;  // the state is spoilt: after the records (if any) committed, load the actor anew
  [[nodiscard]] bool empty() const { return records.empty() && verdicts.empty() && !reload; }
};

/// An actor's committed state for the checkpoint. Immutable. Row, child rows and index rows go into
/// ONE transaction of the state environment: evolve may read child rows, so they must never be
/// ahead of their actor's stamp.
struct actor_image {
  struct child_row {
    std::string table;
    std::string key;
    std::shared_ptr<const bytes> row;  // null = erased
  };
  std::string actor;                  // "kind/id"
  std::uint64_t index = 0;            // of its last record
  bytes row;                          // engine::ActorRow
  std::vector<child_row> rows;        // changed since the last image
  std::vector<index_change> indexes;  // since the last image that was stored
};

/// What a decision may see from outside its actor. Called on the thread that runs the cell.
class environment {
 public:
  virtual ~environment() = default;
  [[nodiscard]] virtual std::string_view plant() const = 0;
  [[nodiscard]] virtual std::uint32_t generation() const = 0;
  [[nodiscard]] virtual bool bound(System system) const = 0;
  [[nodiscard]] virtual std::string rule(std::string_view name,
                                         std::string_view fallback) const = 0;
  /// Last committed state of a referenced kind in this plant, null when there is none. Error:
  /// state.damaged (it cannot be read now, so nobody may take it for absent).
  [[nodiscard]] virtual result<std::shared_ptr<const reference_state>> look_up(
      std::string_view kind, std::string_view id) = 0;
  /// A child row as the last checkpoints hold it. `actor` is "kind/id". Error: state.damaged.
  [[nodiscard]] virtual result<std::optional<bytes>> read_row(std::string_view actor,
                                                              std::string_view table,
                                                              std::string_view key) = 0;
  /// `input` of "kind/id" is being decided on from now on, until the next one or decided(). False:
  /// it was at two process deaths and must be refused (command.poison).
  [[nodiscard]] virtual bool deciding(hash128, std::string_view) { return true; }
  virtual void decided() {}
};

/// Limits of one actor.
inline constexpr std::size_t command_bytes_max = 256 * 1024;  // body of one command
inline constexpr std::size_t state_bytes_max =
    256 * 1024;  // what outgrows it belongs into child rows
inline constexpr std::size_t cell_parked_max = 1'000;
inline constexpr std::size_t cell_stash_max = 8'192;
inline constexpr std::size_t cell_batch_records_max = 256;
inline constexpr std::size_t cell_batch_bytes_max = 256 * 1024;
inline constexpr std::size_t cell_retries_max = 64;  // parked facts tried again in one batch
inline constexpr std::int64_t cell_parked_again_ms =
    30'000;  // then a parked fact that looks at an actor that cannot be read is tried again
inline constexpr std::size_t cell_faults_max = 64;

/// Single-threaded. Not movable: shells hold it by unique_ptr and hand it on as a whole.
class cell {
 public:
  /// An actor without history. `k` and `env` outlive the cell; `id` is without the kind.
  cell(const kind& k, std::string_view id, environment& env);
  ~cell();
  cell(const cell&) = delete;
  cell& operator=(const cell&) = delete;

  /// Takes over a checkpoint row (ActorRow). Before anything else. Error: state.damaged.
  [[nodiscard]] result<void> load(bytes_view actor_row);
  /// Hashes (row_names) of all child rows that the store held when it gave that row: what is not
  /// among them need not be looked for. Without them the store is asked.
  void rows_listed(std::optional<std::vector<std::uint32_t>> hashes) {
    stored_rows_.listed(std::move(hashes));
  }
  /// Evolves a committed record that this cell did not propose: replay, followers, reload. Skips
  /// what is at or below its stamp. A failing event quarantines the actor; a child row that cannot
  /// be read leaves the cell spoilt(). `stamp` is the entry's, used where the record has no `at`.
  changes evolve(const engine::Record& record, std::uint64_t index, std::uint32_t ordinal,
                 timestamp stamp);

  /// Takes inputs; decides unless a batch is in flight. Nothing to do yet: an empty proposal.
  [[nodiscard]] proposal offer(std::vector<stimulus> inputs, timestamp now);
  /// The batch in flight is committed as records [ordinal, ordinal + n) of entry `index`. The host
  /// has released its verdicts. What waited (images, views) is in `waiting` below; call `resume`
  /// for the next proposal after having taken them.
  void committed(std::uint64_t index, std::uint32_t ordinal);
  /// Decides on what the stash holds, unless a batch is in flight.
  [[nodiscard]] proposal resume(timestamp now);
  /// The batch in flight will never commit: the state is spoilt, the cell must be replaced by one
  /// loaded from what is committed.
  void lost();

  [[nodiscard]] const kind& what() const { return *kind_; }
  [[nodiscard]] std::string_view local() const { return local_; }  // "kind/id"
  [[nodiscard]] std::string_view id() const;
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }  // tip; 0 = absent
  [[nodiscard]] std::uint64_t last_index() const {
    return index_;
  }  // of the last committed record, 0 = none
  [[nodiscard]] std::uint32_t last_ordinal() const { return ordinal_; }
  [[nodiscard]] timestamp stamp() const { return stamp_; }
  [[nodiscard]] bool in_flight() const { return flight_ != nullptr; }
  [[nodiscard]] bool spoilt() const { return spoilt_; }
  [[nodiscard]] bool dirty() const { return dirty_; }  // changed since the last image
  [[nodiscard]] bool idle() const;  // may be passivated: clean, stored, nothing waits
  [[nodiscard]] std::size_t stashed() const { return stash_.size(); }
  [[nodiscard]] std::string_view quarantined() const;
  [[nodiscard]] std::size_t parked_count() const;
  /// A parked fact by its exception id, null when there is none. Only while nothing is in flight.
  [[nodiscard]] const engine::ParkedT* parked(std::string_view exception) const;
  [[nodiscard]] const std::vector<engine::ParkedT>& parked_facts() const;

  /// The committed state for a reader. Only while nothing is in flight.
  [[nodiscard]] actor_view view() const;
  /// The committed state for lookups by others. Only while nothing is in flight and sequence() > 0.
  [[nodiscard]] std::shared_ptr<const reference_state> reference() const;
  /// The committed state for the checkpoint; the cell is clean then. Only while nothing is in
  /// flight.
  [[nodiscard]] std::shared_ptr<const actor_image> image();
  /// The last image is stored: child rows that it holds need not be kept any longer.
  void stored();
  /// Nobody has used it for a while: its state becomes bytes until somebody does. Only what is
  /// stored rests.
  void rest();

  /// A row of this actor as of what is committed, overlay included. Only while nothing is in
  /// flight.
  [[nodiscard]] std::optional<bytes> row(std::string_view table, std::string_view key);
  /// Child rows of `table` that are not stored yet, by key; a null row is an erased one.
  [[nodiscard]] std::vector<actor_image::child_row> overlay(std::string_view table) const;

  /// An input on which the kind failed. At the second time it is refused for good.
  struct fault {
    hash128 id;
    std::uint8_t times = 0;
    bool too_large = false;  // what it wanted journaled exceeds an entry
    // Of a parked fact that could not see what it looks at: when it is tried again at the earliest,
    timestamp again = {};
    bool armed = false;  // and whether a timer stands for that
  };
  /// What a new cell takes over from one that was spoilt.
  struct legacy {
    std::vector<stimulus> stash;
    std::vector<fault> faults;
  };
  [[nodiscard]] legacy take_legacy();
  [[nodiscard]] proposal inherit(legacy from, timestamp now);

  /// Bytes held, about.
  [[nodiscard]] std::size_t memory() const;

 private:
  struct flight;
  struct extras;
  class run;     // one pass over the stash (cell_run.cpp)
  class seen;    // context
  class growth;  // evolution

  extras& more();
  void shrink();
  /// The state as objects, made again from its bytes when it rested.
  [[nodiscard]] state_object& state() const;
  /// The state as bytes.
  [[nodiscard]] bytes save() const;
  /// Values of the indexed fields as of the tip; all empty for an absent actor.
  void index_values(std::vector<std::string>& out) const;
  void note_index_base(const std::vector<std::string>& before);
  void note_parked(engine::ParkedT fact, changes& out);
  void note_unparked(std::string_view exception, changes& out);

  const kind* kind_;
  environment* env_;
  std::string local_;
  mutable std::unique_ptr<state_object> state_;      // one of the two
  mutable std::unique_ptr<std::uint8_t[]> resting_;  // of state_bytes_ bytes, while it rests
  std::unique_ptr<flight> flight_;
  std::unique_ptr<extras> extras_;
  std::vector<stimulus> stash_;
  row_names stored_rows_;
  std::uint64_t sequence_ = 0;
  std::uint64_t index_ = 0;
  timestamp stamp_;
  std::uint64_t parked_total_ = 0;
  std::uint32_t ordinal_ = 0;
  std::uint32_t state_bytes_ = 0;  // when it was last saved,
  std::uint32_t grown_ = 0;        // and bytes of the events since
  bool dirty_ = false;
  bool spoilt_ = false;
  bool unreadable_ = false;  // a child row could not be read during the decision or event at hand
};

}  // namespace millrace
