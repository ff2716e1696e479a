// One plant inside a simulated process: the host core, its cells, and the shell that production has
// in CAF and threads.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/plant_mail.hpp"
#include "tests/simulation/node.hpp"

namespace millrace::simulation {

/// What a plant needs of its process. All calls may be made from within a host's input.
struct process_services {
  world* where = nullptr;
  node_number number = 0;
  const swarm* faults = nullptr;
  std::function<timestamp()> now;  // the business clock
  outer_systems* outside = nullptr;
  const kind_registry* kinds = nullptr;
  store* journal = nullptr;
  store* state = nullptr;
  std::shared_ptr<bool> alive;  // events of a dead process do nothing
  std::function<void(group_number, shared_bytes, term_number)> propose;  // to the loop, after its
                                                                         // hop
  std::function<void(group_number, journal_index)> checkpointed;
  std::function<void(message_frame)> send;
  std::function<void(watermark_frame)> send_watermark;
  std::function<void(group_number, std::uint64_t token)> read;  // loop_core::read
  std::function<void(journal_index, std::uint64_t hash)> applied;
  std::function<void()> sync_state;
  std::function<void(group_number, const group_status&)> leads;
  std::function<void(const std::string&)> die;  // fail-stop
  std::function<bool()> faulty;                 // the faults have not ended yet
  std::function<void(node_number)> behind;      // a member needs a snapshot
};

class sim_plant final : public host_port,
                        public group_listener,
                        public environment,
                        public mail_box,
                        public std::enable_shared_from_this<sim_plant> {
 public:
  sim_plant(std::string name, process_services services, group_number group);
  [[nodiscard]] result<void> load() { return host_.load(); }
  [[nodiscard]] plant_host& host() { return host_; }
  void hop(const char* link, event what);
  /// Runs an input of the host, then (a little later) the end of its turn.
  void input(const std::function<void(plant_host&, timestamp)>& what);
  void read(const std::string& local, std::function<void(std::optional<actor_view>)> handler);
  /// `then` happens when everything that was committed before is applied, or never.
  void linearize(event then);
  /// Its state is still being put in place: what the log says meanwhile is read back in go_on().
  void hold() { held_ = true; }
  void go_on(const group_status& status);

  // mail_box
  [[nodiscard]] bool leading() const override { return host_.leading(); }
  [[nodiscard]] node_number leader() const override { return host_.leader(); }
  void take(stream_letter letter) override;

  // host_port
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
  void write(std::shared_ptr<write_batch> slice) override;
  void attempt_delivery(attempt a) override;
  void send(message_frame frame) override;
  void send(watermark_frame frame) override;
  void applied(journal_index index) override;
  void alarm(std::string_view code, const std::string& detail) override;

  // group_listener
  void on_committed(group_number group, std::span<const log_entry> entries,
                    const group_status& status) override;
  void on_refused(group_number group, std::span<const shared_bytes> payloads,
                  const error& why) override;
  void on_role(group_number group, const group_status& status) override;
  void on_readable(group_number group, std::uint64_t token, journal_index index) override;
  void on_member_behind(group_number, node_number member, journal_index) override {
    services_.behind(member);
  }

  // environment
  [[nodiscard]] std::string_view plant() const override { return name_; }
  [[nodiscard]] std::uint32_t generation() const override { return 1; }
  [[nodiscard]] bool bound(System) const override { return services_.faults->endpoints; }
  [[nodiscard]] std::string rule(std::string_view name, std::string_view fallback) const override;
  [[nodiscard]] result<std::shared_ptr<const reference_state>> look_up(
      std::string_view kind, std::string_view id) override;
  [[nodiscard]] result<std::optional<bytes>> read_row(std::string_view actor,
                                                      std::string_view table,
                                                      std::string_view key) override;

 private:
  struct box {
    std::unique_ptr<cell> core;
    bool image_wanted = false;
    bool given_up = false;  // the host knows that it could not be loaded: no image was taken
    std::vector<std::function<void(cell&)>> readers;
    std::vector<event> evolves;  // wait for another cell: what this one has in flight is lost
  };
  void show(const std::string& local, const cell& c);
  void not_loaded(slot_number slot, std::uint64_t load, error why);
  void activated(slot_number slot, std::uint64_t load, result<void> how, bool rebuilt);
  void restore(const std::string& local);
  [[nodiscard]] bool chance(double probability) const;
  void serve_waiting(slot_number slot, box& b);
  void propose_from(slot_number slot, proposal p);
  void evolve_now(slot_number slot, journal_index index, const shared_bytes& entry,
                  const std::vector<std::uint32_t>& ordinals);
  result<std::unique_ptr<cell>> load_cell(const std::string& local, journal_index upto,
                                          bool check_rows);
  void end_turn_soon();
  void feed(timestamp now);
  void serve_reads();
  [[nodiscard]] bool off(mutant m) const { return services_.faults->off == m; }

  std::string name_;
  process_services services_;
  group_number group_;
  stored_journal journal_;
  plant_host host_;
  std::map<slot_number, box> boxes_;
  std::map<slot_number, std::uint64_t> loads_;  // asked for so far: only the newest is answered
  std::map<std::string, std::shared_ptr<const reference_state>, std::less<>> references_;
  bool turn_planned_ = false;
  std::int64_t wake_us_ = 0;
  struct log_slice {
    std::vector<log_entry> entries;
    group_status status;
  };
  std::deque<log_slice> slices_;
  bool feeding_ = false;
  bool held_ = false;
  struct read_wait {
    journal_index upto = 0;
    event then;
  };
  std::map<std::uint64_t, read_wait> reads_;
  std::uint64_t tokens_ = 0;
};

}  // namespace millrace::simulation
