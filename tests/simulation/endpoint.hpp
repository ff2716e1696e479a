// The outer systems of the simulation: they honour the key of a delivery, keep a ledger, and fail
// as the seed says.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "cluster/engine.hpp"
#include "tests/simulation/faults.hpp"

namespace millrace::simulation {

/// All outer systems together. Outlives every process.
class outer_systems {
 public:
  outer_systems(world& w, const swarm& faults, findings& found);
  /// Takes an attempt; `answer` comes later or never.
  void take(const attempt& a, std::function<void(attempt_result)> answer);
  /// No more faults, and poison is taken: what is dead can be retried now.
  void heal();
  /// Ids that had an effect, once each.
  [[nodiscard]] std::size_t effects() const { return done_.size(); }
  [[nodiscard]] bool has(const std::string& id) const { return done_.contains(id); }

 private:
  void plan_outage();
  void act(const attempt& a);

  world& world_;
  const swarm& faults_;
  findings& found_;
  bool down_ = false;
  bool healed_ = false;
  std::set<std::string> poison_;
  std::map<std::string, std::string> done_;    // id -> body
  std::map<std::string, std::uint64_t> last_;  // plant/system/key -> highest number with an effect
  std::set<std::string> overtaken_;            // ids that were dead once: they may come late
};

}  // namespace millrace::simulation
