// Quantities carried through a genealogy. A lot is taken when everything that leads to it from the
// root has been; what stands in a circle comes last, in the order it was found.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "actors/genealogy.hpp"

namespace millrace::actors {

namespace {

/// From the root's side to the other, with the link's quantity.
struct way {
  std::size_t to;
  decimal quantity;
};

}  // namespace

const genealogy_result& genealogy_walk::finish() {
  if (result_.direction != walk_direction::down) carry(true);
  if (result_.direction != walk_direction::up) carry(false);
  return result_;
}

void genealogy_walk::carry(bool upwards) {
  auto& nodes = result_.nodes;
  std::vector<std::vector<way>> ways(nodes.size());
  std::vector<std::size_t> before(nodes.size());
  const auto node_of = [&](const std::string& plant, const std::string& batch) {
    const auto found = seen_.find({plant, batch});
    const bool walked = found != seen_.end() && (found->second.depth == 0 ||
                                                 (upwards ? found->second.up : found->second.down));
    return walked ? found->second.node : nodes.size();
  };
  for (const auto& e : result_.edges) {
    const auto input = node_of(e.from_plant, e.from);
    const auto output = node_of(e.to_plant, e.to);
    if (input == nodes.size() || output == nodes.size()) continue;
    ways[upwards ? output : input].push_back({upwards ? input : output, e.quantity});
    ++before[upwards ? input : output];
  }
  std::vector<decimal> carried(nodes.size());
  for (const auto& [lot, v] : seen_)
    if (v.depth == 0) carried[v.node] = nodes[v.node].arrived;
  decimal most;  // of the roots: there is no more of them anywhere
  for (const auto& one : carried) most = decimal::checked_add(most, one).value_or(most);
  std::vector<std::size_t> ready;
  for (std::size_t n = 0; n < nodes.size(); ++n)
    if (before[n] == 0) ready.push_back(n);
  std::vector<bool> done(nodes.size());
  const auto take = [&](std::size_t n) {
    done[n] = true;
    // An order's link names all that the order used, for every output: never more than there is.
    const auto limit = upwards ? nodes[n].arrived : most;
    if (limit.is_positive()) carried[n] = std::min(carried[n], limit);
    for (const auto& [to, quantity] : ways[n]) {
      const auto& own = nodes[n].arrived;
      const auto share = own.is_positive() ? decimal::proportion(quantity, carried[n], own)
                                           : std::optional(quantity);
      if (!done[to])
        carried[to] =
            decimal::checked_add(carried[to], share.value_or(quantity)).value_or(carried[to]);
      if (--before[to] == 0 && !done[to]) ready.push_back(to);
    }
  };
  for (std::size_t next = 0; next < nodes.size(); ++next) {
    while (!ready.empty()) {
      const auto n = ready.back();
      ready.pop_back();
      if (!done[n]) take(n);
    }
    if (!done[next]) take(next);  // in a circle
  }
  for (std::size_t n = 0; n < nodes.size(); ++n)
    if (carried[n].is_positive()) nodes[n].carried = carried[n];
}

}  // namespace millrace::actors
