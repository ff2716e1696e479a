// layer: actors
// A node of the cluster as an actor: it joins, tells changes, is drained and resumed; the same
// again changes nothing.
#define BOOST_TEST_MODULE node
#include "actors/node.hpp"

#include "tests/kind_harness.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::node;
using subject = actors::node;

namespace {

JoinT join(const char* region = "eu", std::uint64_t number = 7) {
  JoinT c;
  c.number = number;
  c.region = region;
  c.consensus = "tcp://10.0.0.7:8490";
  c.bulk = "tcp://10.0.0.7:8491";
  c.public_key = std::string(40, 'k');
  return c;
}
given<subject> joined() {
  given<subject> g;
  g.plant("_system").id("7").when(join(), System::ops);
  return g;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_node_joins_once_and_tells_what_has_changed) {
  auto g = joined();
  g.then_event_names({"Joined"}).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::active);
    BOOST_CHECK_EQUAL(s.number, 7u);
    BOOST_CHECK_EQUAL(s.bulk, "tcp://10.0.0.7:8491");
  });
  g.when(join(), System::ops).then_nothing();
  g.when(join("us"), System::ops).then_event_names({"Joined"}).then_state([](const StateT& s) {
    BOOST_CHECK_EQUAL(s.region, "us");
  });
}

BOOST_AUTO_TEST_CASE(a_node_has_the_number_that_its_id_says) {
  given<subject>()
      .plant("_system")
      .id("7")
      .when(join("eu", 8), System::ops)
      .then_refused("node.number_differs");
}

BOOST_AUTO_TEST_CASE(nodes_are_known_to_the_system_group_only) {
  given<subject>()
      .plant("hamburg")
      .id("7")
      .when(join(), System::ops)
      .then_refused("node.not_system");
}

BOOST_AUTO_TEST_CASE(a_drained_node_stays_drained_until_it_is_resumed) {
  auto g = joined();
  DrainT drain;
  drain.reason = "new disk";
  g.when(drain, System::ops).then_event_names({"Drained"});
  g.when(drain, System::ops).then_nothing();
  g.when(join("us"), System::ops).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::drained);
    BOOST_CHECK_EQUAL(s.reason, "new disk");
  });
  g.when(ResumeT(), System::ops).then_event_names({"Resumed"}).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::active);
    BOOST_CHECK(s.reason.empty());
  });
  g.when(ResumeT(), System::ops).then_nothing();
}
