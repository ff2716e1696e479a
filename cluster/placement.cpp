// The choice, by sorting.
#include "cluster/placement.hpp"

#include <algorithm>
#include <optional>
#include <tuple>

#include "cluster/crc32c.hpp"

namespace millrace {

namespace {

/// Equal nodes are taken from another place in their row for each plant.
std::uint32_t order_of(node_number node, std::string_view plant) {
  const auto turn = crc32c({reinterpret_cast<const std::uint8_t*>(plant.data()), plant.size()});
  return static_cast<std::uint32_t>((node * 2'654'435'761u) ^ turn);
}

}  // namespace

std::vector<node_number> choose_voters(const std::vector<placed_node>& nodes,
                                       const placed_plants& plants, std::string_view plant,
                                       std::string_view region) {
  std::map<node_number, std::size_t> load;
  for (const auto& [name, p] : plants)
    for (const auto n : p.voters) ++load[n];
  const bool at_home = std::any_of(nodes.begin(), nodes.end(), [&](const placed_node& n) {
    return !n.drained && !region.empty() && n.region == region;
  });
  struct candidate {
    bool down;
    std::size_t load;
    std::uint32_t order;
    node_number node;
  };
  std::vector<candidate> able;
  for (const auto& n : nodes)
    if (!n.drained && (!at_home || n.region == region))
      able.push_back({!n.up, load[n.node], order_of(n.node, plant), n.node});
  std::sort(able.begin(), able.end(), [](const candidate& a, const candidate& b) {
    return std::tie(a.down, a.load, a.order, a.node) < std::tie(b.down, b.load, b.order, b.node);
  });
  if (able.size() > voters_wanted) able.resize(voters_wanted);
  std::vector<node_number> out;
  for (const auto& c : able) out.push_back(c.node);
  std::sort(out.begin(), out.end());
  return out;
}

std::map<std::string, node_number, std::less<>> choose_leaders(
    const std::vector<placed_node>& nodes, const placed_plants& plants) {
  std::map<node_number, const placed_node*> able;
  for (const auto& n : nodes)
    if (n.up && !n.drained) able[n.node] = &n;
  std::map<node_number, std::size_t> leads;
  std::map<std::string, node_number, std::less<>> out;
  for (const auto& [plant, p] : plants) {
    using rank = std::tuple<bool, std::size_t, std::uint32_t, node_number>;
    std::optional<rank> best;
    for (const auto v : p.voters) {
      const auto n = able.find(v);
      if (n == able.end()) continue;
      const bool abroad = !p.region.empty() && n->second->region != p.region;
      const rank mine{abroad, leads[v], order_of(v, plant), v};
      if (!best || mine < *best) best = mine;
    }
    if (!best) continue;
    const auto leader = std::get<3>(*best);
    ++leads[leader];
    out[plant] = leader;
  }
  return out;
}

}  // namespace millrace
