// What lies between the simulated machines: delay, loss, doubled and overtaken envelopes, and
// partitions that come and go.
#pragma once

#include <functional>
#include <set>
#include <utility>

#include "cluster/peer_transport.hpp"
#include "tests/simulation/faults.hpp"

namespace millrace::simulation {

class network {
 public:
  network(world& w, const swarm& faults);
  /// `arrive` happens later, once, twice or never.
  void send(node_number from, node_number to, event arrive);
  /// From now on everything arrives.
  void heal();

 private:
  void plan_partition();
  void cut_some();

  world& world_;
  const swarm& faults_;
  bool healed_ = false;
  std::set<std::pair<node_number, node_number>> cut_;  // from, to
};

/// A machine's way out.
class sim_transport final : public peer_transport {
 public:
  using deliver =
      std::function<void(node_number from, node_number to, shared_bytes envelope, bool bulk)>;
  sim_transport(network& net, node_number self, deliver to)
      : net_(net), self_(self), deliver_(std::move(to)) {}
  void send(node_number to, shared_bytes envelope, bool bulk) override {
    net_.send(self_, to, [deliver = deliver_, from = self_, to, envelope, bulk] {
      deliver(from, to, envelope, bulk);
    });
  }
  [[nodiscard]] std::vector<peer_status> peers() const override { return {}; }

 private:
  network& net_;
  node_number self_;
  deliver deliver_;
};

}  // namespace millrace::simulation
