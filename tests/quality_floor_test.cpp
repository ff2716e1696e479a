// layer: actors
// Stories over suppliers, lots, holds, nonconformances and corrective actions, in more than one
// plant.
#define BOOST_TEST_MODULE quality_floor
#include <boost/test/unit_test.hpp>

#include "schemas/inventory/batch_kind.hpp"
#include "schemas/masterdata/supplier_kind.hpp"
#include "schemas/production/order_kind.hpp"
#include "schemas/production/order_release_kind.hpp"
#include "schemas/quality/capa_kind.hpp"
#include "schemas/quality/hold_kind.hpp"
#include "schemas/quality/nonconformance_kind.hpp"
#include "schemas/quality/supplier_containment_kind.hpp"
#include "tests/floor_double.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;

void accepted(const floor_double::outcome& o) {
  BOOST_CHECK_MESSAGE(o.what == engine::Outcome::accepted, "not accepted: " << o.code);
}
void refused(const floor_double::outcome& o, const char* code) {
  BOOST_CHECK(o.what == engine::Outcome::refused);
  BOOST_CHECK_EQUAL(o.code, code);
}
void receive(floor_double& f, const std::string& batch, const char* plant = "hamburg",
             const char* supplier_lot = "L-17") {
  accepted(f.post("materials/HOUSING/define", System::erp, R"({"revision":"A","base_unit":"EA"})",
                  plant));
  accepted(f.post("batches/" + batch + "/receive", System::erp,
                  R"({"material":"HOUSING","quantity":"100","unit":"EA","supplier":"ACME",)"
                  R"("supplier_lot":")" +
                      std::string(supplier_lot) + R"("})",
                  plant));
}
void approve(floor_double& f) {
  accepted(f.post("suppliers/ACME/approve", System::sqm, R"({"name":"Acme","reason":"audit"})",
                  "enterprise"));
}
floor_double::outcome report(floor_double& f) {
  return f.post("suppliers/ACME/report-quality-event", System::sqm,
                R"({"event":"SQE-1","severity":"critical","supplier_lots":["L-17"],)"
                R"("reason":"porosity","alert":["J. Smith"]})",
                "enterprise");
}
const batch::StateT& lot(floor_double& f, const char* id, const char* plant = "hamburg") {
  return f.state<batch::schema>(id, plant);
}
const supplier_containment::StateT& containment(floor_double& f) {
  return f.state<supplier_containment::schema>("SQE-1", "enterprise");
}
const nonconformance::StateT& nonconformity(floor_double& f) {
  return f.state<nonconformance::schema>("NC-1");
}
decimal units(std::int64_t n) { return decimal::from_units(n); }

}  // namespace

BOOST_AUTO_TEST_CASE(a_supplier_event_holds_its_lots_in_every_plant_and_lets_go_again) {
  floor_double f;
  approve(f);
  receive(f, "HSG-1");
  receive(f, "HSG-2", "hamburg", "L-18");
  receive(f, "HSG-9", "lyon");
  accepted(report(f));
  BOOST_CHECK(containment(f).status == supplier_containment::Status::enforced);
  BOOST_CHECK(lot(f, "HSG-1").allocatable.is_zero());
  BOOST_CHECK(lot(f, "HSG-9", "lyon").allocatable.is_zero());
  BOOST_CHECK(lot(f, "HSG-2").allocatable == units(100));
  BOOST_CHECK(f.state<hold::schema>("SQE-1").status == hold::Status::enforced);
  BOOST_CHECK(f.state<hold::schema>("SQE-1", "lyon").status == hold::Status::enforced);
  accepted(f.post("supplier-containments/SQE-1/acknowledge", System::mes,
                  R"({"person":"J. Smith"})", "enterprise"));
  BOOST_CHECK(containment(f).waits_for.empty());
  accepted(f.post("supplier-containments/SQE-1/withdraw", System::sqm, R"({"reason":"wrong lot"})",
                  "enterprise"));
  BOOST_CHECK(containment(f).status == supplier_containment::Status::withdrawn);
  BOOST_CHECK(lot(f, "HSG-1").allocatable == units(100));
  BOOST_CHECK(lot(f, "HSG-9", "lyon").allocatable == units(100));
  BOOST_CHECK(f.state<hold::schema>("SQE-1").status == hold::Status::released);
  BOOST_CHECK(f.state<supplier::schema>("ACME").containments.empty());
  BOOST_CHECK(f.state<supplier::schema>("ACME", "enterprise").containments.empty());
}

BOOST_AUTO_TEST_CASE(what_arrives_later_is_born_held_even_in_a_new_plant) {
  floor_double f;
  receive(f, "HSG-1");
  accepted(report(f));
  receive(f, "HSG-2");
  BOOST_REQUIRE_EQUAL(lot(f, "HSG-2").holds.size(), 1u);
  receive(f, "HSG-9", "lyon");
  BOOST_CHECK(lot(f, "HSG-9", "lyon").allocatable.is_zero());
  BOOST_CHECK_EQUAL(containment(f).steps.size(), 7u);
  BOOST_CHECK(containment(f).status == supplier_containment::Status::enforced);
  refused(f.post("batches/HSG-2/release-hold", System::qms, R"({"hold":"SQE-1","reason":"fine"})"),
          "command.not_owner");
}

BOOST_AUTO_TEST_CASE(procurement_and_material_are_blocked_in_the_outer_systems) {
  floor_double f;
  f.bound = 1u << static_cast<unsigned>(System::erp);
  receive(f, "HSG-1");
  accepted(report(f));
  BOOST_CHECK(containment(f).status == supplier_containment::Status::contained);
  BOOST_REQUIRE(!f.outbox.empty());
  while (!f.outbox.empty()) f.deliver(engine::DeliveryEnd::acknowledged, "4711");
  BOOST_CHECK(containment(f).status == supplier_containment::Status::enforced);
  BOOST_CHECK_EQUAL(containment(f).steps.at(1).document, "4711");
}

BOOST_AUTO_TEST_CASE(a_blocked_supplier_keeps_a_release_back_until_it_is_approved) {
  floor_double f;
  approve(f);
  accepted(
      f.post("hamburg/commission", System::ops, R"({"region":"eu","time_zone":"Europe/Berlin"})"));
  receive(f, "HSG-1");
  accepted(f.post("suppliers/ACME/block", System::sqm, R"({"reason":"forged certificates"})",
                  "enterprise"));
  BOOST_CHECK(f.state<supplier::schema>("ACME").status == supplier::Status::blocked);
  accepted(f.post("materials/PUMP/define", System::erp,
                  R"({"revision":"A","base_unit":"EA","routing":[{"operation":"0010"}],)"
                  R"("components":[{"material":"HOUSING","quantity":"1","unit":"EA"}]})"));
  accepted(
      f.post("orders/1/create", System::erp, R"({"material":"PUMP","quantity":"10","unit":"EA"})"));
  accepted(f.post("orders/1/request-release", System::erp, "{}"));
  BOOST_CHECK(f.state<order::schema>("1").life == order::Life::created);
  BOOST_REQUIRE_EQUAL(f.state<order::schema>("1").blockers.size(), 1u);
  BOOST_CHECK_EQUAL(f.state<order::schema>("1").blockers[0].check, "supplier");
  accepted(f.post("suppliers/ACME/approve", System::sqm, R"({"reason":"cleared"})", "enterprise"));
  BOOST_CHECK(f.state<order::schema>("1").life == order::Life::released);
}

BOOST_AUTO_TEST_CASE(a_nonconformance_from_the_andon_to_its_end) {
  floor_double f;
  receive(f, "HSG-1");
  accepted(f.post("nonconformances/NC-1/raise", System::mes,
                  R"({"category":"supplier","title":"porous","supplier":"ACME",)"
                  R"("lots":[{"batch":"HSG-1","quantity":"30","unit":"EA"}]})"));
  BOOST_CHECK(nonconformity(f).status == nonconformance::Status::contained);
  BOOST_CHECK(lot(f, "HSG-1").allocatable == units(70));
  accepted(f.post("nonconformances/NC-1/begin-review", System::qms, "{}"));
  accepted(f.post("nonconformances/NC-1/dispose", System::qms,
                  R"({"reason":"inspected","lines":[)"
                  R"({"disposition":"use_as_is","batch":"HSG-1","quantity":"20","unit":"EA"},)"
                  R"({"disposition":"rework","batch":"HSG-1","quantity":"10","unit":"EA"}]})"));
  BOOST_CHECK(nonconformity(f).status == nonconformance::Status::mrb_pending);
  accepted(f.post("nonconformances/NC-1/approve-disposition", System::qms,
                  R"({"role":"quality","person":"Meier"})"));
  accepted(f.post("nonconformances/NC-1/approve-disposition", System::plm,
                  R"({"role":"engineering","person":"Schulz"})"));
  accepted(f.post("nonconformances/NC-1/execute", System::qms, "{}"));
  BOOST_CHECK(f.state<order::schema>("NC-1-1").type == order::Type::rework);
  refused(f.post("nonconformances/NC-1/verify-result", System::qms, "{}"),
          "nonconformance.tasks_open");
  accepted(f.post("nonconformances/NC-1/complete-task", System::qms,
                  R"({"task":1,"reference":"inspection/IL-9"})"));
  BOOST_CHECK(lot(f, "HSG-1").holds.empty());
  BOOST_CHECK(lot(f, "HSG-1").allocatable == units(100));
  accepted(f.post("nonconformances/NC-1/verify-result", System::qms, "{}"));
  accepted(f.post("nonconformances/NC-1/close", System::qms, "{}"));
  accepted(f.post("nonconformances/NC-1/reopen", System::qms, R"({"reason":"again"})"));
  BOOST_CHECK(nonconformity(f).status == nonconformance::Status::under_review);
  BOOST_CHECK(lot(f, "HSG-1").allocatable == units(70));
  accepted(f.post("nonconformances/NC-1/cancel", System::qms, R"({"reason":"it was not"})"));
  BOOST_CHECK(lot(f, "HSG-1").allocatable == units(100));
}

BOOST_AUTO_TEST_CASE(a_disposition_scraps_returns_and_regrades_the_held_lot_itself) {
  floor_double f;
  receive(f, "HSG-1");
  accepted(
      f.post("materials/HOUSING-B/define", System::erp, R"({"revision":"A","base_unit":"EA"})"));
  accepted(f.post("nonconformances/NC-1/raise", System::mes,
                  R"({"title":"porous","lots":[{"batch":"HSG-1"}]})"));
  BOOST_CHECK(lot(f, "HSG-1").allocatable.is_zero());
  accepted(f.post("nonconformances/NC-1/begin-review", System::qms, "{}"));
  accepted(f.post(
      "nonconformances/NC-1/dispose", System::qms,
      R"({"reason":"inspected","lines":[)"
      R"({"disposition":"scrap","batch":"HSG-1","quantity":"50","unit":"EA"},)"
      R"({"disposition":"return_to_supplier","batch":"HSG-1","quantity":"30","unit":"EA","document":"5000000001"},)"
      R"({"disposition":"regrade","batch":"HSG-1","quantity":"20","unit":"EA","target_material":"HOUSING-B","target_batch":"HSB-1"}]})"));
  accepted(f.post("nonconformances/NC-1/execute", System::qms, "{}"));
  BOOST_CHECK_EQUAL(nonconformity(f).tasks_open, 0u);
  BOOST_CHECK(lot(f, "HSG-1").stock.empty());
  BOOST_CHECK(lot(f, "HSG-1").holds.empty());
  BOOST_CHECK(lot(f, "HSG-1").issued == units(100));
  // It was held with the lot it came from, and went free with it.
  BOOST_CHECK(lot(f, "HSB-1").holds.empty());
  BOOST_CHECK(lot(f, "HSB-1").allocatable == units(20));
  BOOST_CHECK_EQUAL(lot(f, "HSB-1").material, "HOUSING-B");
  accepted(f.post("nonconformances/NC-1/verify-result", System::qms, "{}"));
  accepted(f.post("nonconformances/NC-1/close", System::qms, "{}"));
}

BOOST_AUTO_TEST_CASE(a_corrective_action_outlives_its_nonconformance) {
  floor_double f;
  accepted(f.post("nonconformances/NC-1/raise", System::qms, R"({"title":"wrong label"})"));
  refused(f.post("nonconformances/NC-1/link-capa", System::qms, R"({"capa":"CA-1"})"),
          "actor.unknown");
  accepted(f.post("capas/CA-1/open", System::qms, R"({"title":"labels"})"));
  accepted(f.post("nonconformances/NC-1/link-capa", System::qms, R"({"capa":"CA-1"})"));
  BOOST_CHECK_EQUAL(nonconformity(f).capas.at(0), "CA-1");
  BOOST_CHECK_EQUAL(f.state<capa::schema>("CA-1").nonconformances.at(0), "NC-1");
  accepted(f.post("nonconformances/NC-1/cancel", System::qms, R"({"reason":"duplicate"})"));
  accepted(f.post("capas/CA-1/record-root-cause", System::qms, R"({"root_cause":"old roll"})"));
  accepted(f.post("capas/CA-2/open", System::qms,
                  R"({"title":"labels, again","nonconformances":["NC-1"]})"));
  BOOST_CHECK_EQUAL(nonconformity(f).capas.size(), 2u);
}
