// One simulated node: the production cores (loop, hosts, cells, outbox) of one process on two simulated disks.
// Every hop that CAF, a thread or the disk makes in production is an event with a random delay here.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/host.hpp"
#include "cluster/loop_core.hpp"
#include "cluster/memory_store.hpp"
#include "tests/simulation/endpoint.hpp"

namespace millrace::simulation {

class process;

/// Takes the replies of one client; called when they have left the process.
using reply_handler = std::function<void(const reply&)>;

/// The machine with its disks; processes come and go on it.
class node {
 public:
  node(world& w, const swarm& faults, findings& found, outer_systems& outside, const kind_registry& kinds);
  ~node();

  /// Starts a process on the disks as they are.
  void boot();
  /// Power loss: the process is gone, what was not synced is dropped, and the machine boots again a little later.
  void crash(const std::string& why);
  /// Ends the faults of the machine itself.
  void heal();

  [[nodiscard]] bool up() const { return process_ != nullptr; }
  [[nodiscard]] unsigned boots() const { return boots_; }
  /// False when no process is there to take it. Otherwise the handler is called at most once: a crash loses it.
  bool submit(request r, reply_handler handler);
  /// Reads an actor's committed state; nullopt = absent. The handler may never be called.
  bool read(address where, std::function<void(std::optional<actor_view>)> handler);
  /// Operator: retries all dead letters.
  void retry_dead();
  /// Forces a checkpoint of every plant.
  void checkpoint();

  /// Open deliveries, messages and pending work of all plants, for waiting until all is quiet.
  [[nodiscard]] std::uint64_t unrest() const;
  [[nodiscard]] std::vector<std::string> plant_names() const;
  [[nodiscard]] plant_host* host_of(const std::string& plant);
  [[nodiscard]] group_number group_of(const std::string& plant) const;
  [[nodiscard]] store& journal_store();
  [[nodiscard]] store& state_store();

 private:
  friend class process;
  world& world_;
  const swarm& faults_;
  findings& found_;
  outer_systems& outside_;
  const kind_registry& kinds_;
  std::shared_ptr<memory_disk> journal_disk_ = std::make_shared<memory_disk>();
  std::shared_ptr<memory_disk> state_disk_ = std::make_shared<memory_disk>();
  std::shared_ptr<process> process_;
  unsigned boots_ = 0;
  bool healed_ = false;
};

}  // namespace millrace::simulation
