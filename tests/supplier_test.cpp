// layer: actors
// The supplier: status and quality events at the enterprise's master; receipts, containments and
// the master's data at a plant's copy.
#define BOOST_TEST_MODULE supplier
#include <boost/test/unit_test.hpp>

#include "actors/batch.hpp"
#include "actors/order_release.hpp"
#include "actors/supplier.hpp"
#include "actors/supplier_containment.hpp"
#include "tests/kind_harness.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
namespace sp = millrace::supplier;
using subject = actors::supplier;
using sp::Status;

given<subject> master() {
  given<subject> g;
  g.id("ACME").plant("enterprise");
  return g;
}
given<subject> copy() {
  given<subject> g;
  g.id("ACME");
  return g;
}
sp::ApproveT approve() {
  sp::ApproveT c;
  c.name = "Acme Castings";
  c.erp_id = "100017";
  c.reason = "audit passed";
  return c;
}
sp::RestrictT restriction() {
  sp::RestrictT c;
  c.reason = "late corrective actions";
  return c;
}
sp::BlockT block() {
  sp::BlockT c;
  c.reason = "forged certificates";
  return c;
}
sp::ReportQualityEventT quality_event(bool contain = true) {
  sp::ReportQualityEventT c;
  c.event = "SQE-1";
  c.severity = sp::Severity::critical;
  c.supplier_lots = {"L-17"};
  c.reason = "porosity";
  c.contain = contain;
  c.alert = {"J. Smith"};
  return c;
}
sp::LotReceivedT received(std::string batch, std::string supplier_lot = "L-17") {
  sp::LotReceivedT c;
  c.batch = std::move(batch);
  c.material = "HOUSING";
  c.supplier_lot = std::move(supplier_lot);
  c.quantity = decimal::from_units(10);
  c.unit = "EA";
  return c;
}
sp::ContainT contain(std::vector<std::string> lots = {"L-17"},
                     std::vector<std::string> materials = {}) {
  sp::ContainT c;
  c.containment = "SQE-1";
  c.supplier_lots = std::move(lots);
  c.materials = std::move(materials);
  c.reason = "porosity";
  c.placed_by = "dev-sqm";
  return c;
}
sp::LiftT lift() {
  sp::LiftT c;
  c.containment = "SQE-1";
  c.reason = "mistaken";
  return c;
}
auto status(Status wanted) {
  return [wanted](const sp::StateT& s) {
    BOOST_CHECK_MESSAGE(s.status == wanted, "status is " << sp::EnumNameStatus(s.status));
  };
}
std::string hold_tag(const std::string& batch) { return "hold\x1fSQE-1\x1f" + batch; }
std::string lift_tag(const std::string& batch) { return "lift\x1fSQE-1\x1f" + batch; }

}  // namespace

BOOST_AUTO_TEST_CASE(approved_restricted_and_back_blocked_and_back) {
  master()
      .when(approve(), System::sqm)
      .then_event_names({"StatusSet"})
      .then_state(status(Status::approved))
      .when(restriction(), System::sqm)
      .then_state(status(Status::restricted))
      .when(approve(), System::sqm)
      .then_state(status(Status::approved))
      .when(block(), System::sqm)
      .then_state(status(Status::blocked))
      .when(approve(), System::sqm)
      .then_state(status(Status::approved))
      .then_state([](const sp::StateT& s) {
        BOOST_CHECK_EQUAL(s.version, 5u);
        BOOST_CHECK_EQUAL(s.name, "Acme Castings");
      });
}

BOOST_AUTO_TEST_CASE(what_the_status_does_not_allow_is_refused) {
  auto g = master();
  g.when(approve(), System::sqm).when(approve(), System::sqm).then_refused("supplier.status_same");
  auto renamed = approve();
  renamed.name = "Acme Ltd";
  g.when(renamed, System::sqm).then_event_names({"StatusSet"});
  g.when(block(), System::sqm).when(block(), System::sqm).then_refused("supplier.status_same");
  g.when(restriction(), System::sqm).then_refused("supplier.blocked");
  auto fresh = master();
  fresh.when(quality_event(false), System::qms)
      .when(restriction(), System::sqm)
      .then_refused("supplier.not_approved");
}

BOOST_AUTO_TEST_CASE(a_plants_copy_decides_on_no_status) {
  copy().when(approve(), System::sqm).then_refused("supplier.not_master");
  copy().when(restriction(), System::sqm).then_refused("supplier.not_master");
  copy().when(block(), System::sqm).then_refused("supplier.not_master");
  copy().when(quality_event(), System::sqm).then_refused("supplier.not_master");
}

BOOST_AUTO_TEST_CASE(a_quality_event_starts_the_containment_of_its_name) {
  auto g = master();
  sp::RegisterT hamburg;
  hamburg.plant = "hamburg";
  g.when_from("supplier/ACME", hamburg, "hamburg")
      .then_event_names({"PlantRegistered"})
      .then_effects({"tell hamburg:supplier/ACME", "tell master_data_sync/supplier~ACME"})
      .when(quality_event(), System::sqm)
      .then_event_names({"QualityEventReported", "ContainmentOpened"})
      .then_effects({"tell supplier_containment/SQE-1"});
  const auto start = g.sent<actors::supplier_containment, millrace::supplier_containment::StartT>();
  BOOST_REQUIRE(start.has_value());
  BOOST_CHECK_EQUAL(start->plants.at(0), "hamburg");
  BOOST_CHECK_EQUAL(start->alert.at(0), "J. Smith");
  g.when(quality_event(), System::sqm).then_nothing();
  auto other = quality_event();
  other.reason = "burrs";
  g.when(other, System::sqm).then_refused("supplier.event_differs");
}

BOOST_AUTO_TEST_CASE(an_event_that_contains_nothing_is_kept_alone) {
  master()
      .when(quality_event(false), System::sqm)
      .then_event_names({"QualityEventReported"})
      .then_effects({})
      .then_state([](const sp::StateT& s) {
        BOOST_CHECK_EQUAL(s.quality_events, 1u);
        BOOST_CHECK(s.containments.empty());
      });
}

BOOST_AUTO_TEST_CASE(more_containments_than_can_be_open_wait) {
  auto g = master();
  for (int n = 0; n < 20; ++n) {
    auto event = quality_event();
    event.event = "SQE-" + std::to_string(100 + n);
    g.when(event, System::sqm).then_accepted();
  }
  g.when(quality_event(), System::sqm).then_parked("supplier.too_many");
  sp::ContainmentEndedT over;
  over.containment = "SQE-100";
  g.when_from("supplier_containment/SQE-100", over)
      .then_event_names({"ContainmentClosed"})
      .when(quality_event(), System::sqm)
      .then_accepted();
}

BOOST_AUTO_TEST_CASE(a_plant_that_joins_later_is_told_what_is_contained) {
  sp::RegisterT join;
  join.plant = "lyon";
  master()
      .when(approve(), System::sqm)
      .when(quality_event(), System::sqm)
      .when_from("supplier/ACME", join, "lyon")
      .then_effects({"tell lyon:supplier/ACME", "tell master_data_sync/supplier~ACME",
                     "tell supplier_containment/SQE-1"})
      .when_from("supplier/ACME", join, "lyon")
      .then_events()
      .when(restriction(), System::qms)
      .then_effects({"tell lyon:supplier/ACME"});
}

BOOST_AUTO_TEST_CASE(a_copy_takes_newer_data_only_and_tells_who_waits) {
  auto g = copy();
  sp::TakeMasterT data;
  data.version = 3;
  data.status = Status::blocked;
  data.reason = "forged certificates";
  sp::AwaitChangeT await;
  await.process = "1000042";
  g.when_from("supplier/ACME", data, "enterprise")
      .then_state(status(Status::blocked))
      .when_from("order_release/1000042", await)
      .then_event_names({"WaiterAdded"})
      .when_from("order_release/1000042", await)
      .then_nothing();
  data.version = 2;
  data.status = Status::approved;
  g.when_from("supplier/ACME", data, "enterprise").then_nothing();
  data.version = 4;
  g.when_from("supplier/ACME", data, "enterprise")
      .then_event_names({"StatusSet", "WaitersTold"})
      .then_effects({"tell order_release/1000042"})
      .then_state(status(Status::approved));
}

BOOST_AUTO_TEST_CASE(the_first_receipt_registers_the_plant) {
  auto g = copy();
  g.when_from("batch/HSG-1", received("HSG-1"))
      .then_event_names({"ReceiptNoted", "RegistrationSent"})
      .then_effects({"tell enterprise:supplier/ACME"})
      .when_from("batch/HSG-2", received("HSG-2"))
      .then_event_names({"ReceiptNoted"})
      .then_effects({});
  const auto row = g.row<sp::ReceiptRowT>("receipts", "0000000002");
  BOOST_REQUIRE(row.has_value());
  BOOST_CHECK_EQUAL(row->batch, "HSG-2");
  BOOST_CHECK_EQUAL(row->previous, 1u);
}

BOOST_AUTO_TEST_CASE(a_containment_asks_every_batch_of_its_lots_once) {
  auto g = copy();
  g.when_from("batch/A", received("A"))
      .when_from("batch/B", received("B", "L-18"))
      .when_from("batch/C", received("C"))
      .when_from("batch/A", received("A"))
      .when_from("supplier_containment/SQE-1", contain(), "enterprise")
      .then_event_names({"ContainmentOpened", "BatchesAsked", "SystemAsked", "SystemAsked"})
      .then_effects({"ask batch/A " + hold_tag("A"), "ask batch/C " + hold_tag("C"),
                     "tell enterprise:supplier_containment/SQE-1",
                     "tell enterprise:supplier_containment/SQE-1"});
  const auto hold = g.sent<actors::batch, batch::PlaceHoldT>();
  BOOST_REQUIRE(hold.has_value());
  BOOST_CHECK_EQUAL(hold->hold, "SQE-1");
  BOOST_CHECK(hold->type == batch::HoldType::supplier);
  BOOST_CHECK_EQUAL(hold->person, "dev-sqm");
  for (const auto& e : g.last().effects)
    BOOST_CHECK(e.AsMessage() == nullptr || e.AsMessage()->lane == Lane::hold);
  g.when_granted<actors::batch>("batch/A", hold_tag("A"))
      .then_event_names({"BatchAnswered"})
      .then_effects({})
      .when_refused("batch/C", hold_tag("C"), "batch.hold_exists")
      .then_event_names({"BatchAnswered", "ProcessTold"})
      .then_effects({"tell enterprise:supplier_containment/SQE-1"});
  const auto report =
      g.sent<actors::supplier_containment, millrace::supplier_containment::BatchesReportedT>();
  BOOST_REQUIRE(report.has_value());
  BOOST_CHECK_EQUAL(report->held, 2u);
  BOOST_CHECK_EQUAL(report->failed, 0u);
}

BOOST_AUTO_TEST_CASE(all_lots_of_some_materials) {
  auto seal = received("S");
  seal.material = "SEAL";
  copy()
      .when_from("batch/A", received("A"))
      .when_from("batch/S", seal)
      .when_from("batch/B", received("B", "L-18"))
      .when_from("supplier_containment/SQE-1", contain({}, {"HOUSING"}), "enterprise")
      .then_effects({"ask batch/B " + hold_tag("B"), "ask batch/A " + hold_tag("A"),
                     "tell enterprise:supplier_containment/SQE-1",
                     "tell enterprise:supplier_containment/SQE-1"});
}

BOOST_AUTO_TEST_CASE(what_comes_later_is_held_when_it_comes) {
  auto g = copy();
  g.when_from("supplier_containment/SQE-1", contain(), "enterprise")
      .then_event_names(
          {"ContainmentOpened", "BatchesAsked", "ProcessTold", "SystemAsked", "SystemAsked"})
      .when_from("batch/A", received("A"))
      .then_event_names({"ReceiptNoted", "RegistrationSent", "BatchesAsked"})
      .then_effects({"tell enterprise:supplier/ACME", "ask batch/A " + hold_tag("A")})
      .when_granted<actors::batch>("batch/A", hold_tag("A"))
      .then_event_names({"BatchAnswered", "ProcessTold"})
      .when_from("batch/B", received("B", "L-18"))
      .then_effects({});
}

BOOST_AUTO_TEST_CASE(a_walk_over_many_receipts_goes_on_in_parts) {
  auto g = copy();
  for (int n = 0; n < 120; ++n) g.when_from("batch/B", received("B-" + std::to_string(n)));
  g.when_from("supplier_containment/SQE-1", contain(), "enterprise");
  BOOST_CHECK_EQUAL(g.state().containments.at(0).asked, 100u);
  BOOST_CHECK(g.state().containments.at(0).scanning);
  const auto rest = g.sent<subject, sp::ContinueContainmentT>();
  BOOST_REQUIRE(rest.has_value());
  g.when_from("supplier/ACME", *rest).then_event_names({"BatchesAsked"});
  BOOST_CHECK_EQUAL(g.state().containments.at(0).asked, 120u);
  BOOST_CHECK(!g.state().containments.at(0).scanning);
  for (int n = 0; n < 120; ++n)
    g.when_granted<actors::batch>("batch/B", hold_tag("B-" + std::to_string(n)));
  g.then_event_names({"BatchAnswered", "ProcessTold"});
}

BOOST_AUTO_TEST_CASE(a_batch_that_refuses_is_named_and_asked_again) {
  auto g = copy();
  g.when_from("batch/A", received("A"))
      .when_from("batch/B", received("B"))
      .when_from("supplier_containment/SQE-1", contain(), "enterprise")
      .when_granted<actors::batch>("batch/A", hold_tag("A"))
      .when_refused("batch/B", hold_tag("B"), "batch.too_many");
  const auto report =
      g.sent<actors::supplier_containment, millrace::supplier_containment::BatchesReportedT>();
  BOOST_REQUIRE(report.has_value());
  BOOST_CHECK_EQUAL(report->failed, 1u);
  BOOST_CHECK_EQUAL(report->failures.at(0), "batch/B: batch.too_many");
  g.when_from("supplier_containment/SQE-1", contain(), "enterprise")
      .then_event_names({"FailuresCleared", "BatchesAsked"})
      .then_effects({"ask batch/B " + hold_tag("B"), "tell enterprise:supplier_containment/SQE-1",
                     "tell enterprise:supplier_containment/SQE-1"})
      .when_granted<actors::batch>("batch/B", hold_tag("B"))
      .then_state([](const sp::StateT& s) {
        BOOST_CHECK_EQUAL(s.containments.at(0).held, 2u);
        BOOST_CHECK_EQUAL(s.containments.at(0).failed, 0u);
      });
}

BOOST_AUTO_TEST_CASE(bound_systems_are_asked_and_what_they_say_is_passed_on) {
  auto g = copy();
  g.bound(System::erp, System::mes)
      .when_from("supplier_containment/SQE-1", contain(), "enterprise")
      .then_effects({"tell enterprise:supplier_containment/SQE-1",
                     "deliver erp supplier/ACME place~SQE-1",
                     "deliver mes supplier/ACME place~SQE-1"})
      .when_delivered("place~SQE-1", System::erp, engine::DeliveryEnd::acknowledged, "4711")
      .then_event_names({"SystemAnswered"})
      .then_effects({"tell enterprise:supplier_containment/SQE-1"})
      .when_delivered("place~SQE-1", System::mes, engine::DeliveryEnd::dead, {}, "HTTP 500");
  const auto report =
      g.sent<actors::supplier_containment, millrace::supplier_containment::SystemReportedT>();
  BOOST_REQUIRE(report.has_value());
  BOOST_CHECK(report->failed);
  BOOST_CHECK_EQUAL(report->reason, "HTTP 500");
  // Asked again, only what has failed goes out.
  g.when_from("supplier_containment/SQE-1", contain(), "enterprise")
      .then_effects({"tell enterprise:supplier_containment/SQE-1",
                     "tell enterprise:supplier_containment/SQE-1",
                     "deliver mes supplier/ACME place~SQE-1"});
}

BOOST_AUTO_TEST_CASE(a_lift_gives_everything_back_and_forgets_it) {
  auto g = copy();
  g.bound(System::erp)
      .when_from("batch/A", received("A"))
      .when_from("supplier_containment/SQE-1", contain(), "enterprise")
      .when_granted<actors::batch>("batch/A", hold_tag("A"))
      .when_delivered("place~SQE-1", System::erp)
      .when_from("supplier_containment/SQE-1", lift(), "enterprise")
      .then_event_names({"LiftBegun", "BatchesAsked", "SystemAsked", "SystemAsked"})
      .then_effects({"ask batch/A " + lift_tag("A"), "deliver erp supplier/ACME lift~SQE-1",
                     "tell enterprise:supplier_containment/SQE-1"})
      .when_from("batch/B", received("B"))
      .then_effects({})
      .when_granted<actors::batch>("batch/A", lift_tag("A"))
      .then_event_names({"BatchAnswered", "ProcessTold"})
      .when_delivered("lift~SQE-1", System::erp)
      .then_event_names({"SystemAnswered", "ContainmentClosed"})
      .then_state([](const sp::StateT& s) { BOOST_CHECK(s.containments.empty()); });
}

BOOST_AUTO_TEST_CASE(a_lift_that_crosses_the_placing_wins) {
  copy()
      .when_from("batch/A", received("A"))
      .when_from("supplier_containment/SQE-1", contain(), "enterprise")
      .when_from("supplier_containment/SQE-1", lift(), "enterprise")
      .when_granted<actors::batch>("batch/A", hold_tag("A"))  // of before: the release is behind it
      .then_event_names({"BatchAnswered"})
      .when_refused("batch/A", lift_tag("A"), "batch.hold_unknown")
      .then_event_names({"BatchAnswered", "ProcessTold", "ContainmentClosed"});
}

BOOST_AUTO_TEST_CASE(lifting_what_was_never_placed_is_done_at_once) {
  copy()
      .when_from("batch/A", received("A"))
      .when_from("supplier_containment/SQE-1", lift(), "enterprise")
      .then_events()
      .then_effects({"tell enterprise:supplier_containment/SQE-1",
                     "tell enterprise:supplier_containment/SQE-1",
                     "tell enterprise:supplier_containment/SQE-1"});
}

BOOST_AUTO_TEST_CASE(too_many_waiters_are_sent_to_their_timer) {
  auto g = copy();
  sp::AwaitChangeT await;
  for (int n = 0; n < 1000; ++n) {
    await.process = std::to_string(n);
    g.when_from("order_release/x", await);
  }
  await.process = "one more";
  g.when_from("order_release/x", await).then_refused("supplier.waiters_full");
}
