// Keeps this node in step with the system group: tells who it is, hosts the plants that are placed
// here, knows the others, and places new ones. Level-triggered: it looks at its own copy of the
// group, after each change of it and every two seconds, so a step that was lost is made up for.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cluster/node_engine.hpp"
#include "cluster/placement.hpp"

namespace millrace {

class placement_keeper {
 public:
  struct seams {
    /// The cluster's engine: reaches the system group's leader wherever it is.
    engine_api& cluster;
    /// Numbers of the nodes that are up.
    std::function<std::vector<node_number>()> up;
  };
  /// Both engines outlive it. `nodes`: what the configuration says, this one among them.
  placement_keeper(node_engine& local, seams around, std::vector<placed_node> nodes,
                   std::vector<node_number> founders);
  ~placement_keeper();
  void start();
  void stop();

  /// Places the plant unless it is placed; `cb` when it is. Errors: node.not_ready (all are
  /// drained) and those of a command to the system group.
  void place(std::string plant, std::string region, done<void> cb);
  /// The plant has had a leader.
  void confirm(const std::string& plant);

  [[nodiscard]] bool knows(std::string_view plant) const;
  [[nodiscard]] std::vector<node_number> voters(std::string_view plant) const;
  [[nodiscard]] std::vector<placed_node> nodes() const;
  [[nodiscard]] placed_plants plants() const;
  /// It has looked at the system group at least once, and hosts what it saw.
  [[nodiscard]] bool settled() const;

 private:
  void run();
  void look();
  void host();
  void tell_self();
  void give_leads_away();
  void share_leads();
  template <class CommandT>
  void send(address to, std::uint8_t command, const CommandT& table, std::function<void(reply)> cb);
  /// All actors of a kind of the system group, from the own copy where there is one.
  template <class State>
  bool list(const char* kind, const std::function<void(const std::string&, const State&)>& each);

  node_engine& local_;
  seams around_;
  std::vector<node_number> founders_;
  node_number self_;
  mutable std::mutex mutex_;
  std::condition_variable cv_;
  std::map<node_number, placed_node> configured_, known_;
  std::map<node_number, std::chrono::steady_clock::time_point> up_since_;  // the thread's own,
  std::chrono::steady_clock::time_point shared_at_;                        // this too
  placed_plants plants_;
  bool wanted_ = true, settled_ = false, stopping_ = false, telling_ = false;
  std::shared_ptr<void> watch_;
  std::thread thread_;
};

}  // namespace millrace
