// Where a new plant goes: which nodes vote in its group. Pure: from what is known of nodes and of
// the placements that there are.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/log_entry.hpp"

namespace millrace {

/// The group that holds nodes and placements; every founder follows it.
inline constexpr std::string_view system_plant = "_system";
inline constexpr std::size_t voters_wanted = 3;

struct placed_node {
  node_number node = 0;
  std::string region;
  std::string consensus, bulk, public_key;
  std::string reason;    // why it is drained
  bool drained = false;  // takes no plants
  bool up = false;
};

struct placed_plant {
  std::string region;
  std::vector<node_number> voters;  // in order
  bool serving = false;             // it has had a leader
};

using placed_plants = std::map<std::string, placed_plant, std::less<>>;

/// Voters for a new plant, in order of their numbers: nodes of its region where there are some,
/// else all; of those the ones that are up, then those with the fewest plants. Three, fewer when
/// there are fewer; empty when no node takes plants.
[[nodiscard]] std::vector<node_number> choose_voters(const std::vector<placed_node>& nodes,
                                                     const placed_plants& plants,
                                                     std::string_view plant,
                                                     std::string_view region);

/// Who is to lead each plant: one of its voters that are up and not drained, those of its region
/// where there are some, so that nodes lead about as many. Who sees the same comes to the same.
/// Plants that nobody can lead are left out.
[[nodiscard]] std::map<std::string, node_number, std::less<>> choose_leaders(
    const std::vector<placed_node>& nodes, const placed_plants& plants);

}  // namespace millrace
