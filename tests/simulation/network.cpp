#include "tests/simulation/network.hpp"

namespace millrace::simulation {

namespace {
constexpr std::int64_t wire_us_min = 20;
}

network::network(world& w, const swarm& faults) : world_(w), faults_(faults) {
  if (faults_.partition_every_us > 0) plan_partition();
}

void network::send(node_number from, node_number to, event arrive) {
  if (cut_.contains({from, to})) return;
  if (!healed_ && world_.chance(faults_.net_loss)) return;
  const int copies = !healed_ && world_.chance(faults_.net_double) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    const auto span = static_cast<std::uint64_t>(healed_ ? 1'000 : faults_.net_us_max);
    auto late = wire_us_min + static_cast<std::int64_t>(world_.below(span + 1));
    if (!healed_ && world_.chance(faults_.net_late))
      late += static_cast<std::int64_t>(world_.below(500'000));
    world_.after(late, arrive);
  }
}

void network::heal() {
  healed_ = true;
  cut_.clear();
}

void network::plan_partition() {
  const auto mean = static_cast<std::uint64_t>(faults_.partition_every_us);
  world_.after(static_cast<std::int64_t>(world_.below(2 * mean)), [this] {
    if (healed_) return;
    if (cut_.empty())
      cut_some();
    else
      cut_.clear();
    plan_partition();
  });
}

/// One machine alone, one that is only heard or only hears, or a single link.
void network::cut_some() {
  const auto one = 1 + world_.below(faults_.nodes);
  const auto kind = world_.below(4);
  const auto only = 1 + world_.below(faults_.nodes);
  for (node_number other = 1; other <= faults_.nodes; ++other) {
    if (other == one || (kind == 3 && other != only)) continue;
    if (kind != 1) cut_.insert({one, other});
    if (kind != 2) cut_.insert({other, one});
  }
  world_.say("the network is cut at node", one, "kind", kind);
}

}  // namespace millrace::simulation
