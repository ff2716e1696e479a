// layer: actors
// Materials: revisions, inspection plans, units, and who is told when stock or a plan comes.
#define BOOST_TEST_MODULE material
#include "actors/material.hpp"

#include "actors/order_release.hpp"
#include "tests/kind_harness.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::material;
using subject = actors::material;

namespace {

DefineT define(const char* revision = "A") {
  DefineT c;
  c.revision = revision;
  c.base_unit = "EA";
  c.routing.resize(2);
  c.routing[0].operation = "0010";
  c.routing[0].work_center = "WC-1";
  c.routing[1].operation = "0020";
  c.components.resize(1);
  c.components[0].material = "HOUSING";
  c.components[0].quantity = decimal::from_units(1);
  c.components[0].unit = "EA";
  c.components[0].operation = "0010";
  return c;
}
given<subject> defined() {
  given<subject> g;
  g.id("PUMP-100").when(define(), System::erp).then_accepted();
  return g;
}
SetInspectionPlanT plan() {
  SetInspectionPlanT c;
  c.plan = "IP-7";
  c.revision = "1";
  c.characteristics.resize(1);
  c.characteristics[0].name = "pressure";
  c.characteristics[0].lower = std::make_unique<decimal>(decimal::from_micros(9'500'000));
  c.characteristics[0].upper = std::make_unique<decimal>(decimal::from_micros(10'500'000));
  c.characteristics[0].unit = "BAR";
  return c;
}

}  // namespace

BOOST_AUTO_TEST_CASE(defining_makes_the_current_revision) {
  defined().then_event_names({"Defined"}).then_state([](const StateT& s) {
    BOOST_CHECK_EQUAL(s.revision, "A");
    BOOST_CHECK(s.batch_managed);
    BOOST_REQUIRE(actors::find_revision(s, "A") != nullptr);
    BOOST_CHECK_EQUAL(actors::find_revision(s, "")->routing.size(), 2u);
    BOOST_CHECK(actors::find_revision(s, "")->base_quantity == decimal::from_units(1));
    BOOST_CHECK(actors::find_revision(s, "B") == nullptr);
  });
}

BOOST_AUTO_TEST_CASE(a_new_revision_keeps_the_old_one_and_the_same_one_is_replaced) {
  defined()
      .when(define("B"), System::plm)
      .then_state([](const StateT& s) {
        BOOST_CHECK_EQUAL(s.revision, "B");
        BOOST_CHECK_EQUAL(s.revisions.size(), 2u);
      })
      .when(define("B"), System::erp)
      .then_state([](const StateT& s) { BOOST_CHECK_EQUAL(s.revisions.size(), 2u); });
}

BOOST_AUTO_TEST_CASE(contradicting_definitions_are_refused) {
  auto kilos = define();
  kilos.base_unit = "KGM";
  defined().when(kilos, System::erp).then_refused("material.base_unit_fixed");
  auto twice = define();
  twice.routing[1].operation = "0010";
  given<subject>().when(twice, System::erp).then_refused("material.operation_twice");
  auto elsewhere = define();
  elsewhere.components[0].operation = "0099";
  given<subject>().when(elsewhere, System::erp).then_refused("material.component_operation");
  auto itself = define();
  itself.components[0].material = "PUMP-100";
  given<subject>()
      .id("PUMP-100")
      .when(itself, System::erp)
      .then_refused("material.component_itself");
  auto factor = define();
  factor.conversions.resize(1);
  factor.conversions[0].denominator = 0;
  given<subject>().when(factor, System::erp).then_refused("material.conversion_invalid");
  auto time = define();
  time.routing[0].labour_time = "half an hour";
  given<subject>().when(time, System::erp).then_refused("material.duration_invalid");
}

BOOST_AUTO_TEST_CASE(revisions_are_bounded) {
  auto g = defined();
  for (int i = 1; i < 32; ++i)
    g.when(define(("R" + std::to_string(i)).c_str()), System::erp).then_accepted();
  g.when(define("one more"), System::erp).then_refused("material.revisions_full");
  RetireRevisionT retire;
  retire.revision = "A";
  g.when(retire, System::erp).then_accepted().when(define("one more"), System::erp).then_accepted();
  retire.revision = "A";
  g.when(retire, System::erp).then_refused("material.revision_unknown");
  retire.revision = "one more";
  g.when(retire, System::erp).then_refused("material.revision_current");
}

BOOST_AUTO_TEST_CASE(a_plan_is_effective_from_when_it_is_set) {
  auto g = defined();
  g.when(plan(), System::qms).then_event_names({"InspectionPlanSet"});
  const auto& s = g.state();
  BOOST_REQUIRE(actors::effective_plan(s, "A", g.now()) != nullptr);
  BOOST_CHECK(actors::effective_plan(s, "A", g.now().plus_ms(-1)) == nullptr);
  BOOST_CHECK(actors::effective_plan(s, "A", g.now(), "IP-8") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_plan_for_one_revision_or_a_time_holds_only_there) {
  auto g = defined();
  auto c = plan();
  c.material_revision = "A";
  c.effective_from = g.now().plus_ms(1000);
  c.effective_to = g.now().plus_ms(2000);
  g.when(c, System::qms);
  const auto& s = g.state();
  BOOST_CHECK(actors::effective_plan(s, "A", g.now()) == nullptr);
  BOOST_CHECK(actors::effective_plan(s, "A", g.now().plus_ms(1500)) != nullptr);
  BOOST_CHECK(actors::effective_plan(s, "B", g.now().plus_ms(1500)) == nullptr);
  BOOST_CHECK(actors::effective_plan(s, "A", g.now().plus_ms(2000)) == nullptr);
}

BOOST_AUTO_TEST_CASE(plans_that_make_no_sense_are_refused) {
  auto empty = plan();
  empty.characteristics.clear();
  defined().when(empty, System::qms).then_refused("material.plan_empty");
  auto crossed = plan();
  crossed.characteristics[0].lower = std::make_unique<decimal>(decimal::from_units(11));
  defined().when(crossed, System::qms).then_refused("material.limits_invalid");
  auto target = plan();
  target.characteristics[0].target = std::make_unique<decimal>(decimal::from_units(20));
  defined().when(target, System::qms).then_refused("material.limits_invalid");
  auto revision = plan();
  revision.material_revision = "Z";
  defined().when(revision, System::qms).then_refused("material.revision_unknown");
}

BOOST_AUTO_TEST_CASE(plans_are_withdrawn_by_name) {
  WithdrawInspectionPlanT c;
  c.plan = "IP-7";
  c.reason = "superseded";
  defined()
      .when(plan(), System::qms)
      .when(c, System::qms)
      .then_event_names({"InspectionPlanWithdrawn"})
      .then_state([](const StateT& s) { BOOST_CHECK(s.plans.empty()); })
      .when(c, System::qms)
      .then_refused("material.plan_unknown");
}

BOOST_AUTO_TEST_CASE(units_convert_over_the_base_unit) {
  auto g = defined();
  SetConversionsT c;
  c.conversions.resize(2);
  c.conversions[0].unit = "BX";
  c.conversions[0].numerator = 12;
  c.conversions[1].unit = "GRO";
  c.conversions[1].numerator = 144;
  g.when(c, System::erp).then_event_names({"ConversionsSet"});
  const auto& s = g.state();
  BOOST_CHECK(*actors::convert(s, decimal::from_units(2), "BX", "EA") == decimal::from_units(24));
  BOOST_CHECK(*actors::convert(s, decimal::from_units(1), "GRO", "BX") == decimal::from_units(12));
  BOOST_CHECK(*actors::convert(s, decimal::from_units(3), "KGM", "KGM") == decimal::from_units(3));
  BOOST_CHECK(!actors::convert(s, decimal::from_units(1), "KGM", "EA"));
  BOOST_CHECK(!actors::convert(s, decimal::from_units(1), "EA", "KGM"));
}

BOOST_AUTO_TEST_CASE(waiters_are_told_once_when_stock_or_a_plan_comes) {
  AwaitChangeT await;
  await.process = "1000042";
  StockChangedT stock;
  stock.batch = "HSG-0001";
  order_release::RecheckT recheck;
  recheck.cause = "stock";
  defined()
      .when_from("order_release/1000042", await)
      .then_event_names({"WaiterAdded"})
      .when_from("order_release/1000042", await)
      .then_nothing()
      .when_from("batch/HSG-0001", stock)
      .then_event_names({"WaitersTold"})
      .then_effects({"tell order_release/1000042"})
      .then_sent<actors::order_release>("1000042", recheck)
      .when_from("batch/HSG-0001", stock)
      .then_nothing();
  defined()
      .when_from("order_release/1000042", await)
      .when(plan(), System::qms)
      .then_effects({"tell order_release/1000042"});
}

BOOST_AUTO_TEST_CASE(an_obsolete_material_takes_no_plans_until_it_is_defined_again) {
  MarkObsoleteT c;
  c.reason = "replaced";
  defined()
      .when(c, System::plm)
      .then_event_names({"MarkedObsolete"})
      .when(c, System::plm)
      .then_refused("material.obsolete")
      .when(plan(), System::qms)
      .then_refused("material.obsolete")
      .when(define("B"), System::erp)
      .when(plan(), System::qms)
      .then_accepted();
}

BOOST_AUTO_TEST_CASE(plant_data_is_the_plants_own) {
  SetPlantDataT c;
  c.location = "HALL-2";
  defined()
      .when(c, System::mes)
      .then_event_names({"PlantDataSet"})
      .when(c, System::mes)
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(too_many_waiters_are_sent_to_their_timer) {
  auto g = defined();
  AwaitChangeT await;
  for (std::size_t n = 0; n < 1000; ++n) {
    await.process = std::to_string(n);
    g.when_from("order_release/" + await.process, await).then_accepted();
  }
  await.process = "one more";
  g.when_from("order_release/one more", await).then_refused("material.waiters_full");
}
