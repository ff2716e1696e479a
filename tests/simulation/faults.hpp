// Which faults a seed draws (swarm testing: every seed has its own mix), and what a run found
// wrong.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/mutants.hpp"
#include "tests/simulation/world.hpp"

namespace millrace::simulation {

struct swarm {
  std::int64_t hop_us_max = 200;    // of every hop between host, cells, loop, disk
  std::int64_t sync_us_max = 0;     // how long a sync of the journal or the state takes
  std::int64_t crash_every_us = 0;  // mean time between power losses; 0 = none
  double state_lost = 0;            // probability per power loss that the state disk is gone
  std::int64_t flip_every_us = 0;  // mean time between bits that flip in the state's rows; 0 = none
  std::int64_t clock_step_us_max = 0;  // how far the business clock may jump, either way, at a boot
  double commit_fails = 0;  // probability that a commit fails with an I/O error (the process ends)
  double cell_lost = 0;     // probability per offer that an actor dies,
  double load_fails = 0;    // per activation that it cannot be loaded,
  double image_fails = 0;   // and per image that there is none to store
  double endpoint_error = 0;          // an attempt is answered with a temporary error
  double endpoint_silent = 0;         // it acts, and its answer is lost
  double endpoint_poison = 0;         // a delivery that it will never take
  std::int64_t endpoint_down_us = 0;  // mean length of outages; 0 = none
  bool endpoints = true;              // bound at all
  std::size_t checkpoint_records = 200;
  std::size_t resident_bytes_max = 1 << 30;
  unsigned plants = 1;
  bool enterprise = false;  // and the plant of that name, with a supplier of all of them
  unsigned clients = 4;
  unsigned nodes = 1;                   // that hold each plant together
  std::int64_t net_us_max = 300;        // of an envelope between nodes,
  double net_loss = 0;                  // that is lost,
  double net_double = 0;                // comes twice,
  double net_late = 0;                  // or up to half a second late
  std::int64_t partition_every_us = 0;  // mean time between partitions and their ends; 0 = none
  std::uint64_t catch_up_max = 0;       // entries: who is further behind gets a snapshot; 0 = never
  std::int64_t down_us_max = 100'000;   // from a power loss to the next boot
  mutant off = mutant::none;

  static swarm draw(world& w) {
    swarm s;
    const std::int64_t hops[] = {0, 50, 500, 5'000};
    s.hop_us_max = hops[w.below(4)];
    if (w.chance(0.7)) s.crash_every_us = 200'000 + static_cast<std::int64_t>(w.below(3'000'000));
    if (w.chance(0.3)) s.commit_fails = 0.0005;
    if (w.chance(0.3)) s.cell_lost = 0.01;
    s.endpoints = w.chance(0.7);
    if (w.chance(0.5)) s.endpoint_error = 0.2;
    if (w.chance(0.5)) s.endpoint_silent = 0.1;
    if (w.chance(0.3)) s.endpoint_poison = 0.02;
    if (w.chance(0.4)) s.endpoint_down_us = 1'000'000;
    const std::size_t every[] = {20, 200, 100'000};
    s.checkpoint_records = every[w.below(3)];
    if (w.chance(0.4)) s.resident_bytes_max = 20'000;
    s.plants = w.chance(0.3) ? 2 : 1;
    s.clients = 1 + static_cast<unsigned>(w.below(6));
    const std::int64_t syncs[] = {0, 300, 10'000};
    s.sync_us_max = syncs[w.below(3)];
    if (w.chance(0.2)) s.state_lost = 0.3;
    if (w.chance(0.2)) s.flip_every_us = 300'000;
    if (w.chance(0.3)) s.clock_step_us_max = 3'600'000'000;
    if (w.chance(0.3)) s.load_fails = 0.05;
    if (w.chance(0.3)) s.image_fails = 0.05;
    s.enterprise = w.chance(0.4);
    return s;
  }

  /// The same with several nodes and what may happen between them.
  static swarm draw(world& w, unsigned nodes) {
    auto s = draw(w);
    s.nodes = nodes;
    if (nodes == 1) return s;
    const std::int64_t delays[] = {100, 1'000, 20'000};
    s.net_us_max = delays[w.below(3)];
    if (w.chance(0.5)) s.net_loss = 0.05;
    if (w.chance(0.3)) s.net_double = 0.05;
    if (w.chance(0.3)) s.net_late = 0.01;
    if (w.chance(0.6)) s.partition_every_us = 800'000;
    if (s.hop_us_max > 500) s.hop_us_max = 500;  // else elections never end
    if (w.chance(0.6)) {  // snapshots, often: what else rebuilds states wants the whole journal
      s.catch_up_max = 1 + w.below(40);
      s.down_us_max = 2'000'000;
      s.checkpoint_records = 20;
      s.state_lost = 0;
      s.flip_every_us = 0;
    }
    return s;
  }
};

/// Leaves a guard out, and lets what it guards against happen often.
inline void leave_out(swarm& s, mutant guard) {
  s.off = guard;
  if (guard == mutant::none) return;
  s.crash_every_us = 300'000;
  s.state_lost = 0;
  s.sync_us_max = 10'000;
  s.checkpoint_records = 20;
  s.endpoints = true;
  if (guard == mutant::io_error_ignored) s.commit_fails = 0.02;
  if (guard == mutant::term_of_proposal) s.hop_us_max = 5'000;
  if (s.nodes > 1) s.partition_every_us = 400'000;
  if (guard == mutant::snapshot_not_adopted) {
    s.catch_up_max = 3;
    s.down_us_max = 2'000'000;
    s.flip_every_us = 0;
  }
  if (guard == mutant::damaged_rows_served) {
    s.flip_every_us = 5'000;
    s.resident_bytes_max = 20'000;
  }
}

/// Violations of what is promised; a run with any is a failure.
class findings {
 public:
  void add(std::string what) {
    if (all_.size() < 20) all_.push_back(std::move(what));
  }
  [[nodiscard]] bool none() const { return all_.empty(); }
  [[nodiscard]] const std::vector<std::string>& all() const { return all_; }

 private:
  std::vector<std::string> all_;
};

}  // namespace millrace::simulation
