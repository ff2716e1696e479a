// Water filling: the smallest are served first, each gets what it uses or an equal part of what is
// left, whichever is less; what remains is for all to grow into.
#include "cluster/shared_budget.hpp"

#include <algorithm>
#include <numeric>

namespace millrace {

std::vector<std::uint64_t> share_budget(std::uint64_t budget,
                                        const std::vector<std::uint64_t>& used) {
  std::vector<std::uint64_t> limits(used.size());
  std::vector<std::size_t> order(used.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return used[a] < used[b]; });
  auto left = budget;
  auto plants = used.size();
  for (const auto i : order) {
    limits[i] = std::min(used[i], left / plants--);
    left -= limits[i];
  }
  if (used.empty()) return limits;
  for (auto& limit : limits) limit += left / used.size();
  return limits;
}

}  // namespace millrace
