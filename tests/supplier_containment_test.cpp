// layer: actors
// The containment process: plants and systems step by step, alerts until people acknowledge, retry,
// withdrawal.
#define BOOST_TEST_MODULE supplier_containment
#include <boost/test/unit_test.hpp>

#include "actors/supplier.hpp"
#include "actors/supplier_containment.hpp"
#include "tests/kind_harness.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
namespace pr = millrace::supplier_containment;
namespace sp = millrace::supplier;
using subject = actors::supplier_containment;
using pr::Status;

pr::StartT start(std::vector<std::string> plants = {"hamburg"},
                 std::vector<std::string> alert = {"J. Smith"}) {
  pr::StartT c;
  c.supplier = "ACME";
  c.supplier_lots = {"L-17"};
  c.severity = sp::Severity::critical;
  c.reason = "porosity";
  c.raised_by = "dev-sqm";
  c.alert = std::move(alert);
  c.plants = std::move(plants);
  return c;
}
pr::BatchesReportedT batches(std::string plant, std::uint32_t held, bool undo = false) {
  pr::BatchesReportedT c;
  c.plant = std::move(plant);
  c.held = held;
  c.undo = undo;
  return c;
}
pr::SystemReportedT system_report(std::string plant, System system, bool failed = false,
                                  bool undo = false) {
  pr::SystemReportedT c;
  c.plant = std::move(plant);
  c.system = system;
  c.failed = failed;
  c.undo = undo;
  if (failed) c.reason = "HTTP 500";
  return c;
}
pr::WithdrawT withdraw() {
  pr::WithdrawT c;
  c.reason = "wrong lot number";
  return c;
}
pr::AcknowledgeT acknowledge(std::string person) {
  pr::AcknowledgeT c;
  c.person = std::move(person);
  return c;
}
auto status(Status wanted) {
  return [wanted](const pr::StateT& s) {
    BOOST_CHECK_MESSAGE(s.status == wanted, "status is " << pr::EnumNameStatus(s.status));
  };
}
given<subject> fresh() {
  given<subject> g;
  g.id("SQE-1").plant("enterprise");
  return g;
}
given<subject> enforced() {
  auto g = fresh();
  g.when_from("supplier/ACME", start())
      .when_from("supplier/ACME", batches("hamburg", 2), "hamburg")
      .when_from("supplier/ACME", system_report("hamburg", System::erp), "hamburg")
      .when_from("supplier/ACME", system_report("hamburg", System::mes), "hamburg");
  return g;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_plant_is_told_and_people_are_alerted) {
  auto g = fresh();
  g.bound(System::ops)
      .when_from("supplier/ACME", start({"hamburg", "lyon"}))
      .then_effects({"tell hamburg:supplier/ACME", "tell lyon:supplier/ACME",
                     "deliver ops containment/SQE-1 alert", "timer reach", "timer acknowledge"})
      .then_state(status(Status::placing));
  const auto& delivery = *g.last().effects.at(2).AsDelivery();
  pr::AlertT alert;
  flatbuffers::GetRoot<pr::Alert>(delivery.body.data())->UnPackTo(&alert);
  BOOST_CHECK_EQUAL(alert.title, "critical supplier quality event SQE-1");
  BOOST_CHECK_EQUAL(alert.text,
                    "Supplier ACME, lots L-17, materials all: porosity. Held in hamburg, lyon. "
                    "Raised by dev-sqm. To acknowledge: J. Smith.");
  BOOST_CHECK_EQUAL(alert.path, "/v1/plants/enterprise/supplier-containments/SQE-1");
  BOOST_CHECK_EQUAL(g.state().waits_for.size(), 8u);  // 2 x 3 steps, the alert, J. Smith
  BOOST_CHECK_EQUAL(g.state().timers.size(), 2u);
}

BOOST_AUTO_TEST_CASE(contained_with_the_batches_enforced_with_the_systems) {
  fresh()
      .when_from("supplier/ACME", start())
      .when_from("supplier/ACME", batches("hamburg", 2), "hamburg")
      .then_event_names({"StepEnded", "Contained"})
      .then_state(status(Status::contained))
      .when_from("supplier/ACME", system_report("hamburg", System::erp), "hamburg")
      .then_state(status(Status::contained))
      .when_from("supplier/ACME", system_report("hamburg", System::mes), "hamburg")
      .then_event_names({"StepEnded", "Enforced", "TimerSet"})
      .then_effects({"cancel reach"})
      .then_state(status(Status::enforced))
      .then_state([](const pr::StateT& s) {
        BOOST_CHECK_EQUAL(s.waits_for.size(), 1u);
        BOOST_CHECK_EQUAL(s.waits_for.at(0), "acknowledgement by J. Smith");
      });
}

BOOST_AUTO_TEST_CASE(without_plants_there_is_nothing_to_hold) {
  fresh().when_from("supplier/ACME", start({})).then_state(status(Status::enforced));
}

BOOST_AUTO_TEST_CASE(a_plant_that_joins_is_contained_as_well) {
  pr::PlantJoinedT lyon;
  lyon.plant = "lyon";
  enforced()
      .when_from("supplier/ACME", lyon)
      .then_effects({"tell lyon:supplier/ACME", "timer reach"})
      .when_from("supplier/ACME", lyon)
      .then_nothing()
      .when_from("supplier/ACME", batches("lyon", 0), "lyon")
      .when_from("supplier/ACME", system_report("lyon", System::erp), "lyon")
      .when_from("supplier/ACME", system_report("lyon", System::mes), "lyon")
      .then_state(status(Status::enforced));
}

BOOST_AUTO_TEST_CASE(a_failure_is_named_and_retried) {
  auto g = fresh();
  g.when_from("supplier/ACME", start())
      .when_from("supplier/ACME", batches("hamburg", 2), "hamburg")
      .when_from("supplier/ACME", system_report("hamburg", System::mes), "hamburg")
      .when_from("supplier/ACME", system_report("hamburg", System::erp, true), "hamburg")
      .then_event_names({"StepEnded", "PartiallyEnforced"})
      .then_state(status(Status::partially_enforced));
  BOOST_CHECK_EQUAL(g.state().waits_for.at(0), "hamburg: erp: HTTP 500");
  g.when(pr::RetryT(), System::sqm)
      .then_event_names({"StepAsked", "TimerSet"})
      .then_effects({"tell hamburg:supplier/ACME", "timer reach"});
  BOOST_CHECK_EQUAL(g.state().steps.at(1).attempts, 2u);
  g.when_from("supplier/ACME", system_report("hamburg", System::erp), "hamburg")
      .then_state(status(Status::enforced))
      .when(pr::RetryT(), System::sqm)
      .then_refused("supplier_containment.nothing_to_retry");
}

BOOST_AUTO_TEST_CASE(a_plant_that_does_not_answer_in_time_is_named) {
  auto g = fresh();
  g.when_from("supplier/ACME", start())
      .when_timer("reach")
      .then_event_names({"TimerSet", "PartiallyEnforced"})
      .then_state(status(Status::partially_enforced));
  BOOST_CHECK(g.state().overdue);
  BOOST_CHECK_EQUAL(g.state().waits_for.at(0), "hamburg: batches: not answered yet");
  enforced().when_timer("reach").then_state(status(Status::enforced));
}

BOOST_AUTO_TEST_CASE(people_are_asked_again_until_they_acknowledge) {
  auto g = fresh();
  g.bound(System::ops)
      .rule("containment.escalations_max", "1")
      .when_from("supplier/ACME", start({}, {"J. Smith", "A. Brown"}))
      .when_delivered("alert", System::ops)
      .then_state(status(Status::enforced))
      .when(acknowledge("J. Smith"), System::qms)
      .then_event_names({"Acknowledged"})
      .then_effects({})
      .when(acknowledge("J. Smith"), System::qms)
      .then_refused("supplier_containment.acknowledged_already")
      .when_timer("acknowledge")
      .then_event_names({"TimerSet", "Escalated", "StepAsked", "TimerSet"})
      .then_effects({"deliver ops containment/SQE-1 alert", "timer acknowledge"})
      .when_delivered("alert", System::ops)
      .when_timer("acknowledge")
      .then_event_names({"TimerSet"})
      .then_effects({});
  g.when(acknowledge("A. Brown"), System::mes).then_state([](const pr::StateT& s) {
    BOOST_CHECK(s.waits_for.empty());
  });
}

BOOST_AUTO_TEST_CASE(where_nobody_was_named_anybody_will_do) {
  fresh()
      .when_from("supplier/ACME", start({}, {}))
      .then_state([](const pr::StateT& s) {
        BOOST_CHECK_EQUAL(s.waits_for.at(0), "acknowledgement by anyone");
      })
      .when(acknowledge("Night shift"), System::mes)
      .then_event_names({"Acknowledged", "TimerSet"})
      .then_effects({"cancel acknowledge"});
}

BOOST_AUTO_TEST_CASE(a_chat_that_refuses_leaves_it_partially_enforced) {
  fresh()
      .bound(System::ops)
      .when_from("supplier/ACME", start({}))
      .then_state(status(Status::contained))
      .when_delivered("alert", System::ops, engine::DeliveryEnd::dead, {}, "HTTP 404")
      .then_state(status(Status::partially_enforced))
      .when(pr::RetryT(), System::ops)
      .then_effects({"deliver ops containment/SQE-1 alert", "timer reach"})
      .when_delivered("alert", System::ops)
      .then_state(status(Status::enforced));
}

BOOST_AUTO_TEST_CASE(withdrawing_gives_everything_back) {
  enforced()
      .when(withdraw(), System::sqm)
      .then_effects({"cancel acknowledge", "tell hamburg:supplier/ACME", "timer reach"})
      .then_state(status(Status::withdrawing))
      .when(withdraw(), System::sqm)
      .then_refused("supplier_containment.withdrawn")
      .when_from("supplier/ACME", batches("hamburg", 2, true), "hamburg")
      .when_from("supplier/ACME", system_report("hamburg", System::erp, false, true), "hamburg")
      .when_from("supplier/ACME", system_report("hamburg", System::mes, false, true), "hamburg")
      .then_event_names({"StepEnded", "Withdrawn", "TimerSet"})
      .then_effects({"cancel reach", "tell supplier/ACME"})
      .then_state(status(Status::withdrawn))
      .when(withdraw(), System::sqm)
      .then_refused("supplier_containment.withdrawn")
      .when(pr::RetryT(), System::sqm)
      .then_refused("supplier_containment.withdrawn");
}

BOOST_AUTO_TEST_CASE(what_crosses_the_withdrawal_changes_nothing) {
  fresh()
      .when_from("supplier/ACME", start())
      .when(withdraw(), System::sqm)
      .when_from("supplier/ACME", batches("hamburg", 2), "hamburg")
      .then_nothing()
      .then_state(status(Status::withdrawing));
}

BOOST_AUTO_TEST_CASE(a_second_person_withdraws_where_the_rule_says_so) {
  enforced()
      .rule("hold.release_second_person", "yes")
      .when(withdraw(), System::sqm)
      .then_refused("command.not_authorised")
      .when(withdraw(), System::qms)
      .then_state(status(Status::withdrawing));
}
