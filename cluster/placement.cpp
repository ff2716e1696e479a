// The choice, by sorting.
#include "cluster/placement.hpp"

#include <algorithm>
#include <tuple>

#include "cluster/crc32c.hpp"

namespace millrace {

std::vector<node_number> choose_voters(const std::vector<placed_node>& nodes,
                                       const placed_plants& plants, std::string_view plant,
                                       std::string_view region) {
  std::map<node_number, std::size_t> load;
  for (const auto& [name, p] : plants)
    for (const auto n : p.voters) ++load[n];
  const bool at_home = std::any_of(nodes.begin(), nodes.end(), [&](const placed_node& n) {
    return !n.drained && !region.empty() && n.region == region;
  });
  // Equal nodes are taken from another place in their row for each plant.
  const auto turn = crc32c({reinterpret_cast<const std::uint8_t*>(plant.data()), plant.size()});
  struct candidate {
    bool down;
    std::size_t load;
    std::uint32_t order;
    node_number node;
  };
  std::vector<candidate> able;
  for (const auto& n : nodes)
    if (!n.drained && (!at_home || n.region == region))
      able.push_back({!n.up, load[n.node],
                      static_cast<std::uint32_t>((n.node * 2'654'435'761u) ^ turn), n.node});
  std::sort(able.begin(), able.end(), [](const candidate& a, const candidate& b) {
    return std::tie(a.down, a.load, a.order, a.node) < std::tie(b.down, b.load, b.order, b.node);
  });
  if (able.size() > voters_wanted) able.resize(voters_wanted);
  std::vector<node_number> out;
  for (const auto& c : able) out.push_back(c.node);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace millrace
