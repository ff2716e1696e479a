// A plant at work on a node: the host core inside a CAF actor, its entities, and the threads and
// stores around them. Everything comes in through one inbox and is handled on the plant's actor, a
// burst at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>

#include "cluster/clock.hpp"
#include "cluster/crew.hpp"
#include "cluster/entity.hpp"
#include "cluster/host.hpp"
#include "cluster/journal_reader.hpp"
#include "cluster/plant_mail.hpp"
#include "cluster/plant_world.hpp"
#include "cluster/replication_loop.hpp"
#include "cluster/snapshot_file.hpp"
#include "cluster/state_io.hpp"
#include "cluster/task_inbox.hpp"

namespace millrace {

class plant_shell;

/// What all plants of a node share. Outlives them.
struct node_services {
  caf::actor_system& actors;
  replication_loop& log;
  state_io& io;
  store& journal;
  const clock& time;
  const kind_registry& kinds;
  sink* out = nullptr;  // null: no attempts are made
  const rule_map& rules;
  plant_mail& mail;
  inflight_marks* marks = nullptr;  // null: nobody remembers what a dying process decided on
  /// A member of a plant that is led from here needs what its journal has no more.
  std::function<void(const std::string& plant, node_number member)> behind = {};
};

/// A group's journal whose number is known only once the group is open.
class late_journal final : public journal_reader {
 public:
  explicit late_journal(store& on) : store_(on) {}
  void set(group_number group) { group_.store(group, std::memory_order_release); }
  /// Error besides those of journal_reader: node.not_ready.
  [[nodiscard]] result<std::vector<log_entry>> read(journal_index from, journal_index to,
                                                    std::size_t bytes_max) override;

 private:
  store& store_;
  std::atomic<group_number> group_{0};
};

/// Limits of supervision: beyond them the plant steps back instead of failing over and over.
struct supervision_limits {
  std::size_t losses_max = 50;          // of entities of one plant within the window,
  std::int64_t window_us = 10'000'000;  // then it refuses requests
  std::int64_t rest_us = 10'000'000;    // for this long (503 with Retry-After)
};

class plant_shell final : public group_listener,
                          public mail_box,
                          public std::enable_shared_from_this<plant_shell>,
                          private host_port,
                          private entity_owner {
 public:
  using inbox = task_inbox<plant_shell>;

  plant_shell(node_services services, host_options options, system_set bound,
              supervision_limits limits = {});
  ~plant_shell() override;

  /// Loads the checkpoint; answers the index from which the log has to be replayed. Before
  /// everything else.
  [[nodiscard]] result<journal_index> load();
  /// Starts the plant's actor. What was posted before is handled then.
  void start();
  /// The group's number, once known.
  void set_group(group_number group);
  /// Ends the plant's actor and its entities; inputs are dropped from then on.
  void stop();
  /// Calls `cb` on an engine thread once the plant is led, from here or from a known node.
  void when_led(std::function<void()> cb);

  /// Hands an input to the plant's actor. Any thread.
  template <class F>
  void post(F f) {
    push(inbox::make(std::move(f)));
  }
  void submit(std::vector<request> batch, std::shared_ptr<reply_sink> sink);
  /// Calls `cb` on an engine thread once the plant has applied what was committed when it was
  /// called. Errors: plant.not_leader, node.not_ready.
  void linearize(done<void> cb);
  /// Committed state of one actor, from its entity or its row. `cb` runs on an engine thread.
  void read(std::string local, done<actor_view> cb);
  /// Child rows above `after`: stored ones and those that are not stored yet.
  void rows(std::string local, std::string table, std::string after, std::uint32_t limit,
            done<std::vector<row_view>> cb);
  void list(list_query q, done<list_page> cb);
  void events(event_query q, done<event_page> cb);
  [[nodiscard]] std::shared_ptr<void> watch(std::function<void()> wake);
  /// Memory of the plant's actors as of its last turn, and what it may be; any thread.
  [[nodiscard]] std::uint64_t resident_bytes() const {
    return resident_bytes_.load(std::memory_order_relaxed);
  }
  void limit_memory(std::uint64_t bytes_max) {
    memory_max_.store(bytes_max, std::memory_order_relaxed);
  }
  /// The plant begins anew from another state: `change` puts it in place, on the thread that writes
  /// the state, then the log begins behind `head`. `done` is called on an engine thread: false when
  /// the old state stands, since the plant is led from here or came so far by itself, or `change`
  /// answered state.damaged.
  void install(node_number from, snapshot_head head, std::function<result<void>(store&)> change,
               std::function<void(bool)> done);
  /// The journal stays from there on, whatever retention says; 0: no longer. Any thread.
  void keep_from(journal_index first) { keep_from_.store(first, std::memory_order_relaxed); }
  /// A row that others look up is damaged: its actor is loaded and published. On the plant's actor.
  void restore(const std::string& local);
  /// Stores everything and calls `done` on an engine thread.
  void checkpoint(std::function<void()> done);

  // On the plant's actor only, i.e. in what was posted:
  [[nodiscard]] plant_host& core() { return *core_; }
  [[nodiscard]] timestamp now() const override { return services_.time.now(); }

  [[nodiscard]] const std::string& plant() const { return options_.plant; }
  [[nodiscard]] std::uint32_t generation() const { return options_.generation; }
  [[nodiscard]] bool leading() const override { return leading_.load(std::memory_order_acquire); }
  [[nodiscard]] node_number leader() const override {
    return leader_.load(std::memory_order_acquire);
  }
  void take(stream_letter letter) override;
  [[nodiscard]] group_status group() const;
  [[nodiscard]] group_number group_id() const { return group_.load(std::memory_order_acquire); }

  // group_listener, on the loop's thread
  void on_committed(group_number group, std::span<const log_entry> entries,
                    const group_status& status) override;
  void on_refused(group_number group, std::span<const shared_bytes> payloads,
                  const error& why) override;
  void on_role(group_number group, const group_status& status) override;
  void on_readable(group_number group, std::uint64_t token, journal_index index) override;
  void on_member_behind(group_number group, node_number member, journal_index needs) override;

 private:
  /// The entity of a slot.
  struct resident {
    caf::actor handle;
    std::uint64_t epoch = 0;     // of the entity; answers of an older one mean nothing
    std::uint64_t loading = 0;   // of the activation under way, 0 = none
    std::uint32_t evolving = 0;  // orders that are not answered yet
    bool imaging = false;
    bool image_held = false;  // until another cell is there
    bool rebuilt = false;     // the cell that was made last holds what its rows do not
    std::unique_ptr<std::vector<entity_mail>> held;  // evolve orders that came while it loads
  };
  /// Committed entries on their way to the core.
  struct committed_slice {
    std::vector<log_entry> entries;
    group_status status;
    std::size_t size = 0;  // bytes
  };
  class host_actor;

  void push(std::unique_ptr<inbox::task> t);
  void turn(caf::event_based_actor& self);
  void arm(caf::event_based_actor& self, timestamp now);
  void close(caf::event_based_actor& self);
  [[nodiscard]] resident& at(slot_number slot);
  void order(slot_number slot, entity_mail mail);
  void settle_in(slot_number slot, std::uint64_t loading, result<std::unique_ptr<cell>> made);
  void not_loaded(slot_number slot, error why);
  [[nodiscard]] std::unique_ptr<plant_host> make_core();
  void begin_anew(node_number from, snapshot_head head, std::function<result<void>(store&)> change,
                  std::function<void(bool)> done);
  void drop_slices();
  void go_on(const result<void>& changed, node_number from, snapshot_head head,
             std::function<void(bool)> done);
  void feed();
  [[nodiscard]] bool led() const;
  [[nodiscard]] bool read_behind();
  void serve_reads();
  void lost(slot_number slot, std::uint64_t epoch, const std::string& why);
  [[nodiscard]] result<std::unique_ptr<cell>> make_cell(store_snapshot& state,
                                                        const std::string& local,
                                                        journal_index upto, journal_index applied,
                                                        bool check_rows = false);
  [[nodiscard]] bool resting(timestamp now) const { return now < resting_until_; }

  // host_port, on the plant's actor
  void activate(slot_number slot, const std::string& local, journal_index upto,
                bool reload) override;
  void offer(slot_number slot, std::vector<stimulus> inputs, timestamp now) override;
  void committed(slot_number slot, journal_index index, std::uint32_t ordinal,
                 timestamp now) override;
  void evolve(slot_number slot, journal_index index, shared_bytes entry,
              std::vector<std::uint32_t> ordinals) override;
  void image(slot_number slot) override;
  void stored(slot_number slot) override;
  void rest(slot_number slot) override;
  void passivate(slot_number slot) override;
  void publish(const std::string& local, std::shared_ptr<const reference_state> state) override;
  void propose(shared_bytes entry, term_number term) override;
  void checkpointed(journal_index index) override;
  void retain(journal_index checkpoint_index);
  [[nodiscard]] journal_index first_young(stored_journal& entries, journal_index first,
                                          journal_index end);
  void write(std::shared_ptr<write_batch> slice) override;
  void attempt_delivery(attempt a) override;
  void send(message_frame frame) override;
  void send(watermark_frame frame) override;
  void applied(journal_index index) override;
  void alarm(std::string_view code, const std::string& detail) override;

  // entity_owner, on the plant's actor
  void activated(slot_number slot, std::uint64_t epoch) noexcept override;
  void proposed(slot_number slot, std::uint64_t epoch, proposal p) noexcept override;
  void evolved(slot_number slot, std::uint64_t epoch, changes what) noexcept override;
  void imaged(slot_number slot, std::uint64_t epoch, std::shared_ptr<const actor_image> image,
              std::size_t cell_bytes) noexcept override;
  void rested(slot_number slot, std::uint64_t epoch, std::size_t cell_bytes) noexcept override;
  void passivated(slot_number slot, std::uint64_t epoch, bool gone) noexcept override;
  void ended(slot_number slot, std::uint64_t epoch, std::string why) noexcept override;

  node_services services_;
  host_options options_;
  supervision_limits limits_;
  plant_world world_;
  late_journal journal_;
  std::unique_ptr<plant_host> core_;
  std::deque<resident> residents_;
  std::uint64_t epochs_ = 0;
  timestamp armed_;
  timestamp resting_until_;
  std::deque<timestamp> losses_;
  std::vector<std::function<void()>> leading_wanted_;
  struct read_wait {
    journal_index upto = 0;  // 0: the log has not said yet
    done<void> cb;
  };
  std::map<std::uint64_t, read_wait> reads_;  // by token
  std::uint64_t tokens_ = 0;
  std::deque<committed_slice> slices_;
  bool closing_ = false;
  bool swapping_ = false;  // the state is being changed: the core has none

  crew crew_;
  inbox inbox_;
  caf::actor actor_;
  std::atomic<bool> started_{false}, stopped_{false}, leading_{false};
  std::atomic<node_number> leader_{0};  // as the log says
  std::atomic<group_number> group_{0};
  std::atomic<std::uint64_t> resident_bytes_{0}, memory_max_;
  std::atomic<journal_index> keep_from_{0};
  mutable std::mutex status_mutex_;
  group_status status_;
  std::mutex backlog_mutex_;
  std::condition_variable backlog_cv_;
  std::size_t backlog_bytes_ = 0;  // of slices that the core has not taken
  timestamp behind_said_;          // when on_member_behind raised its alarm last
  journal_index behind_to_ = 0;    // slices were dropped up to here: they are in the journal
  bool dropping_ = false;          // all slices are, while the state is being changed
  bool replaying_ = true;  // until the loop told the role: it waits while there is a backlog
  std::mutex watch_mutex_;
  std::vector<std::weak_ptr<std::function<void()>>> watchers_;
  std::atomic<std::size_t> watching_{0};
};

}  // namespace millrace
