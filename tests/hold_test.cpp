// layer: actors
// The hold process: contained when every lot has committed, enforced when the outer systems have,
// released likewise.
#define BOOST_TEST_MODULE hold
#include <boost/test/unit_test.hpp>

#include "actors/hold.hpp"
#include "tests/kind_harness.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
using hold_kind = actors::hold;
namespace process = millrace::hold;
using process::Status;

process::StartT start(std::string batch, std::vector<std::string> descendants = {}) {
  process::StartT c;
  c.batch = std::move(batch);
  c.reason = "visual defect";
  c.placed_by = "dev-mes";
  c.material = "PUMP";
  c.descendants = std::move(descendants);
  c.first = true;
  return c;
}
process::ReachedT reached(std::string batch, std::string via,
                          std::vector<std::string> descendants = {}) {
  process::ReachedT c;
  c.batch = std::move(batch);
  c.via = std::move(via);
  c.descendants = std::move(descendants);
  return c;
}
process::ReleaseT release(std::string batch) {
  process::ReleaseT c;
  c.batch = std::move(batch);
  c.reason = "reworked";
  c.released_by = "dev-qms";
  c.last = true;
  return c;
}
process::LiftedT lifted(std::string batch) {
  process::LiftedT c;
  c.batch = std::move(batch);
  return c;
}
auto status(Status wanted) {
  return [wanted](const process::StateT& s) {
    BOOST_CHECK_MESSAGE(s.status == wanted, "status is " << EnumNameStatus(s.status));
  };
}
given<hold_kind> fresh() {
  given<hold_kind> g;
  g.id("H-9");
  return g;
}

}  // namespace

BOOST_AUTO_TEST_CASE(without_endpoints_the_platform_acknowledges) {
  fresh()
      .when_from("batch/A", start("A"))
      .then_event_names({"Requested", "Reaching", "SystemAsked", "SystemAsked", "SystemAsked",
                         "Contained", "Enforced"})
      .then_effects({"timer enforce", "cancel enforce"})
      .then_state(status(Status::enforced))
      .then_state([](const process::StateT& s) {
        BOOST_CHECK_EQUAL(s.batch, "A");
        BOOST_CHECK(s.contained_at.given() && s.enforced_at.given());
        BOOST_CHECK_EQUAL(s.acknowledgers.size(), 4u);
      });
}

BOOST_AUTO_TEST_CASE(each_bound_system_is_asked_in_the_hold_lane_and_awaited) {
  auto g = fresh();
  g.bound(System::erp, System::mes)
      .when_from("batch/A", start("A"))
      .then_effects({"deliver erp batch/A place~A", "deliver mes batch/A place~A", "timer enforce"})
      .then_state(status(Status::contained));
  BOOST_CHECK(g.last().effects.at(0).AsDelivery()->lane == Lane::hold);
  g.when_delivered("place~A", System::erp, engine::DeliveryEnd::acknowledged, "4711")
      .then_event_names({"SystemAcknowledged"})
      .then_state(status(Status::contained))
      .when_delivered("place~A", System::mes)
      .then_event_names({"SystemAcknowledged", "Enforced"})
      .then_state(status(Status::enforced));
  BOOST_CHECK_EQUAL(g.state().acknowledgers.at(1).document, "4711");
}

BOOST_AUTO_TEST_CASE(contained_only_when_every_descendant_has_committed) {
  fresh()
      .when_from("batch/A", start("A", {"B", "C"}))
      .then_state(status(Status::placing))
      .when_from("batch/B", reached("B", "A", {"D"}))
      .then_state(status(Status::placing))
      .when_from("batch/C", reached("C", "A", {"D"}))
      .then_state(status(Status::placing))
      .when_from("batch/D", reached("D", "B"))
      .then_state(status(Status::enforced))
      .then_state([](const process::StateT& s) { BOOST_CHECK_EQUAL(s.closure.size(), 4u); });
}

BOOST_AUTO_TEST_CASE(reports_in_any_order_give_the_same) {
  // D speaks before B, through which it was reached, and before A, where the hold was placed.
  fresh()
      .when_from("batch/D", reached("D", "B"))
      .then_state(status(Status::placing))
      .when_from("batch/C", reached("C", "A"))
      .then_state(status(Status::placing))
      .when_from("batch/A", start("A", {"B", "C"}))
      .then_state(status(Status::placing))
      .when_from("batch/B", reached("B", "A", {"D"}))
      .then_state(status(Status::enforced))
      .then_state([](const process::StateT& s) { BOOST_CHECK_EQUAL(s.batch, "A"); });
}

BOOST_AUTO_TEST_CASE(a_lot_that_still_names_descendants_is_waited_for) {
  auto c = start("A", {"B"});
  c.more = true;
  process::ExtendT rest;
  rest.batch = "A";
  rest.descendants = {"C"};
  rest.ends = true;
  fresh()
      .when_from("batch/A", c)
      .when_from("batch/B", reached("B", "A"))
      .then_state(status(Status::placing))
      .when_from("batch/A", rest)
      .then_state(status(Status::placing))
      .when_from("batch/C", reached("C", "A"))
      .then_state(status(Status::enforced));
}

BOOST_AUTO_TEST_CASE(a_late_link_extends_an_open_hold) {
  process::ExtendT late;
  late.batch = "A";
  late.descendants = {"Z"};
  fresh()
      .when_from("batch/A", start("A"))
      .then_state(status(Status::enforced))
      .when_from("batch/A", late)
      .then_state(status(Status::placing))
      .when_from("batch/Z", reached("Z", "A"))
      .then_state(status(Status::enforced));
}

BOOST_AUTO_TEST_CASE(a_dead_delivery_leaves_it_partially_enforced_by_name_until_it_comes_back) {
  auto g = fresh();
  g.bound(System::erp, System::mes)
      .when_from("batch/A", start("A"))
      .when_delivered("place~A", System::mes)
      .when_delivered("place~A", System::erp, engine::DeliveryEnd::dead, {}, "connection refused")
      .then_event_names({"SystemFailed", "PartiallyEnforced"})
      .then_state(status(Status::partially_enforced));
  BOOST_REQUIRE_EQUAL(g.state().waits_for.size(), 1u);
  BOOST_CHECK_EQUAL(g.state().waits_for[0], "erp for batch/A: connection refused");
  g.when_delivered("place~A", System::erp)
      .then_event_names({"SystemAcknowledged", "Enforced"})
      .then_state([](const process::StateT& s) { BOOST_CHECK(s.waits_for.empty()); });
}

BOOST_AUTO_TEST_CASE(the_rules_time_passes) {
  auto g = fresh();
  g.rule("hold.enforce_timeout_s", "5").bound(System::erp);
  g.when_from("batch/A", start("A"))
      .then_timer("enforce", g.now().plus_ms(5000))
      .when_timer("enforce")
      .then_event_names({"PartiallyEnforced"})
      .then_state(status(Status::partially_enforced))
      .then_state([](const process::StateT& s) { BOOST_CHECK(s.overdue); })
      .when_delivered("place~A", System::erp)
      .then_state(status(Status::enforced))
      .when_timer("enforce")
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(what_has_left_makes_it_enforced_with_escapes_and_opens_a_recall) {
  auto c = start("A");
  auto& left = c.escaped.emplace_back();
  left.shipment = "S-1";
  left.customer = "C-77";
  left.quantity = decimal::from_units(4);
  process::CloseRecallT close;
  close.reason = "goods are back";
  fresh()
      .when_from("batch/A", c)
      .then_state(status(Status::enforced_with_escapes))
      .then_state([](const process::StateT& s) {
        BOOST_CHECK(s.recall);
        BOOST_CHECK_EQUAL(s.escaped.at(0).customer, "C-77");
      })
      .when(close, System::qms)
      .then_event_names({"RecallClosed"})
      .when(close, System::qms)
      .then_refused("hold.no_recall");
}

BOOST_AUTO_TEST_CASE(released_when_descendants_and_systems_have_followed) {
  auto g = fresh();
  g.bound(System::erp)
      .when_from("batch/A", start("A", {"B"}))
      .when_from("batch/B", reached("B", "A"))
      .when_delivered("place~A", System::erp)
      .when_delivered("place~B", System::erp)
      .then_state(status(Status::enforced))
      .when_from("batch/A", release("A"))
      .then_state(status(Status::release_requested))
      .then_effects({"deliver erp batch/A lift~A"})
      .when_from("batch/B", lifted("B"))
      .then_state(status(Status::releasing))
      .then_effects({"deliver erp batch/B lift~B"})
      .when_delivered("lift~A", System::erp)
      .then_state(status(Status::releasing))
      .when_delivered("lift~B", System::erp)
      .then_event_names({"SystemAcknowledged", "Released"})
      .then_state(status(Status::released));
  BOOST_CHECK_EQUAL(g.state().released_by, "dev-qms");
  BOOST_CHECK(g.state().released_at.given());
}

BOOST_AUTO_TEST_CASE(a_failed_release_is_named_and_waited_for) {
  auto g = fresh();
  g.bound(System::erp)
      .when_from("batch/A", start("A"))
      .when_delivered("place~A", System::erp)
      .when_from("batch/A", release("A"))
      .when_delivered("lift~A", System::erp, engine::DeliveryEnd::dead, {}, "500")
      .then_state(status(Status::releasing));
  BOOST_CHECK_EQUAL(g.state().waits_for.size(), 1u);
  g.when_delivered("lift~A", System::erp).then_state(status(Status::released));
}

BOOST_AUTO_TEST_CASE(one_of_two_origins_released_keeps_it_in_force) {
  fresh()
      .when_from("batch/A", start("A"))
      .when_from("batch/B", start("B"))
      .then_state(status(Status::enforced))
      .when_from("batch/A", release("A"))
      .then_state(status(Status::enforced))
      .when_from("batch/B", release("B"))
      .then_state(status(Status::released));
}

BOOST_AUTO_TEST_CASE(a_descendant_reached_after_the_release_is_seen_through) {
  fresh()
      .when_from("batch/A", start("A"))
      .when_from("batch/A", release("A"))
      .then_state(status(Status::released))
      .when_from("batch/Z", reached("Z", "A"))
      .then_state(status(Status::releasing))
      .when_from("batch/Z", lifted("Z"))
      .then_state(status(Status::released));
}

BOOST_AUTO_TEST_CASE(placed_on_one_more_lot_after_release_it_is_in_force_again) {
  fresh()
      .when_from("batch/A", start("A"))
      .when_from("batch/A", release("A"))
      .then_state(status(Status::released))
      .when_from("batch/B", start("B"))
      .then_state(status(Status::enforced));
}

BOOST_AUTO_TEST_CASE(the_qms_is_told_of_a_hold_that_another_raised) {
  fresh()
      .bound(System::qms)
      .when_from("batch/A", start("A"))
      .then_effects({"deliver qms batch/A place~A", "timer enforce"})
      .then_state(status(Status::contained))
      .when_delivered("place~A", System::qms)
      .then_state(status(Status::enforced))
      .when_from("batch/A", release("A"))
      .then_effects({"deliver qms batch/A lift~A"})
      .when_delivered("lift~A", System::qms)
      .then_state(status(Status::released));
}
