// layer: cluster
// Where a new plant goes, and who is to lead it: its own region first, spread evenly, never a
// drained node.
#define BOOST_TEST_MODULE voters
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>

#include "cluster/placement.hpp"

using namespace millrace;

namespace {

using numbers = std::vector<node_number>;

placed_node at(node_number n, std::string region = {}, bool up = true) {
  placed_node out;
  out.node = n;
  out.region = std::move(region);
  out.up = up;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(three_nodes_vote_or_as_many_as_there_are) {
  BOOST_TEST(choose_voters({at(1), at(2), at(3)}, {}, "hamburg", "") == (numbers{1, 2, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(choose_voters({at(4)}, {}, "hamburg", "eu") == (numbers{4}),
             boost::test_tools::per_element());
  BOOST_TEST(choose_voters({}, {}, "hamburg", "").empty());
}

BOOST_AUTO_TEST_CASE(a_plant_goes_to_its_region_where_that_has_nodes) {
  const std::vector<placed_node> nodes{at(1, "eu"), at(2, "us"), at(3, "eu"), at(4, "us")};
  BOOST_TEST(choose_voters(nodes, {}, "hamburg", "eu") == (numbers{1, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(choose_voters(nodes, {}, "hamburg", "asia").size() == 3u);
}

BOOST_AUTO_TEST_CASE(drained_nodes_take_nothing_and_those_that_are_down_come_last) {
  auto drained = at(2);
  drained.drained = true;
  BOOST_TEST(choose_voters({at(1), drained, at(3)}, {}, "hamburg", "") == (numbers{1, 3}),
             boost::test_tools::per_element());
  const std::vector<placed_node> nodes{at(1), at(2, "", false), at(3), at(4)};
  BOOST_TEST(choose_voters(nodes, {}, "hamburg", "") == (numbers{1, 3, 4}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(plants_are_spread_evenly) {
  std::vector<placed_node> nodes;
  for (node_number n = 1; n <= 5; ++n) nodes.push_back(at(n));
  placed_plants plants;
  std::map<node_number, int> load;
  for (int i = 0; i < 50; ++i) {
    const auto name = "plant-" + std::to_string(i);
    const auto voters = choose_voters(nodes, plants, name, "");
    BOOST_REQUIRE(voters.size() == 3u);
    BOOST_TEST(std::is_sorted(voters.begin(), voters.end()));
    for (const auto v : voters) ++load[v];
    plants[name].voters = voters;
  }
  for (const auto& [n, count] : load) BOOST_TEST(count == 30, "node " << n << " has " << count);
}

BOOST_AUTO_TEST_CASE(leaders_are_spread_evenly_over_those_that_can) {
  placed_plants plants;
  for (int i = 0; i < 30; ++i) plants["plant-" + std::to_string(i)].voters = {1, 2, 3};
  const auto count = [&](const std::vector<placed_node>& nodes) {
    std::map<node_number, int> out;
    for (const auto& [plant, leader] : choose_leaders(nodes, plants)) ++out[leader];
    return out;
  };
  using counts = std::map<node_number, int>;
  BOOST_CHECK((count({at(1), at(2), at(3)}) == counts{{1, 10}, {2, 10}, {3, 10}}));
  BOOST_CHECK((count({at(1), at(2, "", false), at(3)}) == counts{{1, 15}, {3, 15}}));
  auto drained = at(3);
  drained.drained = true;
  BOOST_CHECK((count({at(1), at(2), drained}) == counts{{1, 15}, {2, 15}}));
  BOOST_CHECK(count({at(4)}).empty());
}

BOOST_AUTO_TEST_CASE(a_plant_is_led_in_its_region_while_that_can) {
  placed_plants plants;
  for (int i = 0; i < 6; ++i) plants["plant-" + std::to_string(i)] = {"us", {1, 2, 3}, true};
  for (const auto& [plant, leader] :
       choose_leaders({at(1, "eu"), at(2, "us"), at(3, "eu")}, plants))
    BOOST_TEST(leader == 2u);
  for (const auto& [plant, leader] :
       choose_leaders({at(1, "eu"), at(2, "us", false), at(3, "eu")}, plants))
    BOOST_TEST(leader != 2u);
}
