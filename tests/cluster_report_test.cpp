// layer: nodes
// What an operator sees of a cluster: replicas put together from what the nodes say, a table, and
// what is not well.
#define BOOST_TEST_MODULE cluster_report
#include <boost/test/unit_test.hpp>

#include "nodes/cli/cluster_report.hpp"
#include "nodes/gateway/cluster.hpp"

using namespace millrace;

namespace {

cluster_node_view saying(node_number n, const char* role, term_number term, journal_index commit,
                         journal_index applied) {
  cluster_node_view out;
  out.node.node = n;
  out.node.up = true;
  plant_status p;
  p.plant = "hamburg";
  p.role = role;
  p.term = term;
  p.commit = commit;
  p.applied = applied;
  out.replicas.push_back(std::move(p));
  return out;
}

json_value parsed(const char* text) { return *json_value::parse(text); }

}  // namespace

BOOST_AUTO_TEST_CASE(the_leader_of_the_newest_term_counts_and_the_others_lag) {
  cluster_view view;
  view.nodes = {saying(1, "leader", 4, 90, 90), saying(2, "leader", 5, 100, 100),
                saying(3, "follower", 5, 97, 95)};
  view.plants["hamburg"].voters = {1, 2, 3};
  const auto plants = gateway::plants_of(view);
  BOOST_REQUIRE(plants.size() == 1u);
  const auto& p = plants[0];
  BOOST_TEST(p.leader == 2u);
  BOOST_TEST(p.term == 5u);
  BOOST_TEST(p.commit == 100u);
  BOOST_REQUIRE(p.replicas.size() == 3u);
  BOOST_TEST(p.replicas[2].lag == 5u);
}

BOOST_AUTO_TEST_CASE(a_plant_that_nobody_answers_for_has_no_leader) {
  cluster_view view;
  view.nodes = {saying(1, "follower", 4, 90, 90)};
  view.plants["munich"].voters = {2};
  const auto plants = gateway::plants_of(view);
  BOOST_REQUIRE(plants.size() == 2u);
  BOOST_TEST(plants[0].leader == 0u);
  BOOST_TEST(plants[1].plant == "munich");
  BOOST_TEST(plants[1].replicas.empty());
}

BOOST_AUTO_TEST_CASE(findings_say_what_is_not_well) {
  const auto well = parsed(
      R"({"nodes":[{"node":1,"up":true},{"node":2,"up":true},{"node":3,"up":true}],
          "plants":[{"plant":"hamburg","voters":[1,2,3],"leader":1,"replicas":[
            {"node":1,"applied":9,"lag":0,"chain_head":"aa"},
            {"node":2,"applied":9,"lag":0,"chain_head":"aa"}]}]})");
  BOOST_TEST(cli::cluster_findings(well).empty());
  const auto ill = parsed(
      R"({"nodes":[{"node":1,"up":true},{"node":2,"up":false},{"node":3,"up":true,"drained":true,"reason":"disk","refused":"Wiped."}],
          "plants":[{"plant":"hamburg","voters":[1,2,3],"leader":1,"replicas":[
            {"node":1,"applied":9,"lag":0,"chain_head":"aa"},
            {"node":3,"applied":9,"lag":20000,"chain_head":"bb"}]},
           {"plant":"munich","voters":[2],"replicas":[]}]})");
  const std::vector<std::string> expected{"node 2 is down",
                                          "node 3 is refused: Wiped.",
                                          "node 3 is drained: disk",
                                          "hamburg: no further voter may fail",
                                          "hamburg on node 3 is 20000 entries behind",
                                          "hamburg: replicas differ at index 9",
                                          "munich has no leader that answers",
                                          "munich: 0 of 1 voters are up, it cannot commit"};
  BOOST_TEST(cli::cluster_findings(ill) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_table_names_a_plant_once_with_all_its_replicas) {
  const auto table = cli::cluster_table(parsed(
      R"({"nodes":[{"node":1,"region":"eu","up":true,"self":true,"leads":1,"replicas":1}],
          "plants":[{"plant":"hamburg","region":"eu","state":"serving","voters":[1,2],"leader":1,
            "term":3,"commit":10,"replicas":[{"node":1,"role":"leader","applied":10,"lag":0},
            {"node":2,"role":"follower","applied":8,"lag":2}]}]})"));
  BOOST_TEST(table.find("1     eu      up (this)") != std::string::npos, table);
  BOOST_TEST(table.find("hamburg") == table.rfind("hamburg"), table);
  BOOST_TEST(table.find("2 follower  8        2") != std::string::npos, table);
}
