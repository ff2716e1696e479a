// layer: actors
// A plant's placement: the first proposal stands, whoever else asks is told so; voters are one to
// seven different nodes.
#define BOOST_TEST_MODULE placement
#include "actors/placement.hpp"

#include "tests/kind_harness.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::placement;
using subject = actors::placement;

namespace {

PlaceT place(std::vector<std::uint64_t> voters) {
  PlaceT c;
  c.region = "eu";
  c.voters = std::move(voters);
  return c;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_first_placement_stands) {
  given<subject> g;
  g.plant("_system");
  g.when(place({3, 1, 2}), System::ops).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::founding);
    BOOST_CHECK((s.voters == std::vector<std::uint64_t>{1, 2, 3}));
  });
  g.when(place({4, 5, 6}), System::ops)
      .then_refused("placement.exists")
      .then_state([](const StateT& s) {
        BOOST_CHECK((s.voters == std::vector<std::uint64_t>{1, 2, 3}));
      });
}

BOOST_AUTO_TEST_CASE(voters_are_one_to_seven_different_nodes) {
  given<subject>()
      .plant("_system")
      .when(place({}), System::ops)
      .then_refused("placement.voters_invalid");
  given<subject>()
      .plant("_system")
      .when(place({1, 2, 1}), System::ops)
      .then_refused("placement.voters_invalid");
  given<subject>()
      .plant("_system")
      .when(place({0}), System::ops)
      .then_refused("placement.voters_invalid");
  given<subject>()
      .plant("_system")
      .when(place({1, 2, 3, 4, 5, 6, 7, 8}), System::ops)
      .then_refused("placement.voters_invalid");
}

BOOST_AUTO_TEST_CASE(only_the_system_group_places) {
  given<subject>()
      .plant("hamburg")
      .when(place({1}), System::ops)
      .then_refused("placement.not_system");
}

BOOST_AUTO_TEST_CASE(a_placement_is_confirmed_once) {
  given<subject> g;
  g.plant("_system");
  g.when(place({1}), System::ops);
  g.when(ConfirmT(), System::ops).then_event_names({"Confirmed"}).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::serving);
  });
  g.when(ConfirmT(), System::ops).then_nothing();
}
