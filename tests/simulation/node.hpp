// One simulated node: the production cores (loop, hosts, cells, outbox) of one process on two
// simulated disks. Every hop that CAF, a thread or the disk makes in production is an event with a
// random delay here.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/file_area.hpp"
#include "cluster/host.hpp"
#include "cluster/loop_core.hpp"
#include "cluster/memory_store.hpp"
#include "tests/simulation/endpoint.hpp"

namespace millrace::simulation {

class fleet;
class network;
class process;

/// Takes the replies of one client; called when they have left the process.
using reply_handler = std::function<void(const reply&)>;

/// The machine with its disks; processes come and go on it.
class node {
 public:
  node(world& w, const swarm& faults, findings& found, outer_systems& outside,
       const kind_registry& kinds, fleet& around, network* net, node_number number);
  ~node();

  /// Starts a process on the disks as they are.
  void boot();
  /// Power loss: the process is gone, what was not synced is dropped, and the machine boots again a
  /// little later.
  void crash(const std::string& why);
  /// Ends the faults of the machine itself; business time goes on from there.
  void heal(std::int64_t clock_us);
  /// How far its business clock was ahead of the world's at most.
  [[nodiscard]] std::int64_t clock_high() const { return clock_us_high_; }
  /// Flips one bit of a stored row of the state. False when nothing is stored.
  bool flip_state_bit();

  /// What another machine sent.
  void receive(node_number from, const shared_bytes& envelope, bool bulk);

  [[nodiscard]] node_number number() const { return number_; }
  [[nodiscard]] bool up() const { return process_ != nullptr; }
  [[nodiscard]] unsigned boots() const { return boots_; }
  /// False when no process is there to take it. Otherwise the handler is called at most once: a
  /// crash loses it.
  bool submit(request r, reply_handler handler);
  /// Reads an actor's committed state; nullopt = absent. The handler may never be called.
  bool read(address where, std::function<void(std::optional<actor_view>)> handler);
  /// Operator: retries all dead letters.
  void retry_dead();
  /// Forces a checkpoint of every plant.
  void checkpoint();

  /// Open deliveries, messages and pending work of all plants, for people.
  [[nodiscard]] std::string restless() const;
  /// One more boot, without faults, whose refusal to start is no finding but what is asked for.
  void restart_for_good();
  /// Why it did not start; empty when it did.
  [[nodiscard]] const std::string& refused_to_start() const { return refused_; }
  [[nodiscard]] std::vector<std::string> plant_names() const;
  [[nodiscard]] plant_host* host_of(const std::string& plant);
  [[nodiscard]] group_number group_of(const std::string& plant) const;
  [[nodiscard]] std::string plant_of(group_number group) const {
    return plant_names().at(group - 1);
  }
  [[nodiscard]] store& journal_store();
  [[nodiscard]] store& state_store();
  [[nodiscard]] memory_disk& journal_disk() { return *journal_disk_; }
  /// Snapshots that it made and put in place so far, and whether one is on its way, or history.
  [[nodiscard]] std::uint64_t snapshots_made() const;
  [[nodiscard]] std::uint64_t snapshots_installed() const;
  [[nodiscard]] bool catching_up() const;
  [[nodiscard]] timestamp now() const {
    return timestamp::from_micros(world_.now().micros() + clock_us_);
  }

 private:
  friend class process;
  void plan_flip();
  void step_clock();
  void witness(const write_batch& batch);
  void witness(bytes_view key, bytes_view row);
  void leads(group_number group, const group_status& status);

  world& world_;
  const swarm& faults_;
  findings& found_;
  outer_systems& outside_;
  const kind_registry& kinds_;
  fleet& fleet_;
  network* net_;  // null: it is alone
  node_number number_;
  std::shared_ptr<memory_disk> journal_disk_ = std::make_shared<memory_disk>();
  std::shared_ptr<memory_disk> state_disk_ = std::make_shared<memory_disk>();
  std::shared_ptr<memory_files> files_ = std::make_shared<memory_files>();
  std::uint64_t made_before_ = 0, installed_before_ = 0;  // by processes that are gone
  std::shared_ptr<process> process_;
  unsigned boots_ = 0;
  bool healed_ = false;
  bool last_boot_ = false;
  std::string refused_;
  std::int64_t clock_us_ = 0;  // the business clock's distance from the world's
  std::int64_t clock_us_high_ = 0;
};

}  // namespace millrace::simulation
