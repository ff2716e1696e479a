// layer: actors
// Stories over all kinds together: the issue's exchange as it is written, shortages, late outer
// systems, reversals.
#define BOOST_TEST_MODULE floor
#include "tests/floor_double.hpp"

#include "schemas/inventory/batch_kind.hpp"
#include "schemas/logistics/shipment_kind.hpp"
#include "schemas/production/batch_run_kind.hpp"
#include "schemas/production/order_kind.hpp"
#include "schemas/production/order_release_kind.hpp"
#include "schemas/production/production_confirmation_kind.hpp"
#include "schemas/quality/batch_release_kind.hpp"
#include "schemas/quality/inspection_kind.hpp"

using namespace millrace;
using engine::Outcome;
using millrace::testing::floor_double;

namespace {

void accepted(floor_double::outcome o) {
  BOOST_CHECK_MESSAGE(o.what == Outcome::accepted, "not accepted: " << o.code);
}
void refused(floor_double::outcome o, std::string_view code) {
  BOOST_CHECK(o.what == Outcome::refused);
  BOOST_CHECK_EQUAL(o.code, code);
}
void excepted(floor_double::outcome o, std::string_view code) {
  BOOST_CHECK(o.what == Outcome::parked);
  BOOST_CHECK_EQUAL(o.code, code);
}

void master_data(floor_double& f) {
  accepted(
      f.post("hamburg/commission", System::ops, R"({"region":"eu","time_zone":"Europe/Berlin"})"));
  accepted(f.post("materials/HOUSING/define", System::erp, R"({"revision":"A","base_unit":"EA"})"));
  accepted(f.post(
      "materials/PUMP-100/define", System::erp,
      R"({"revision":"A","base_unit":"EA","routing":[{"operation":"0010","work_center":"WC-1","description":"Assemble"},)"
      R"({"operation":"0020","work_center":"WC-2","description":"Test"}],)"
      R"("components":[{"material":"HOUSING","quantity":"1","unit":"EA","operation":"0010"}]})"));
  accepted(f.post(
      "materials/PUMP-100/set-inspection-plan", System::qms,
      R"({"plan":"IP-7","revision":"1","characteristics":[{"name":"pressure","lower":"9.5","upper":"10.5","unit":"BAR"}]})"));
}
void stock(floor_double& f, const char* quantity = "100", const char* batch = "HSG-0001") {
  accepted(f.post("batches/" + std::string(batch) + "/receive", System::erp,
                  R"({"material":"HOUSING","quantity":")" + std::string(quantity) +
                      R"(","unit":"EA","supplier":"ACME","supplier_lot":"L-17"})"));
}
void create_order(floor_double& f) {
  accepted(f.post(
      "orders/1000042/create", System::erp,
      R"({"material":"PUMP-100","revision":"A","quantity":"10","unit":"EA","due":"2026-12-01T00:00:00Z"})"));
}
void release(floor_double& f) {
  master_data(f);
  stock(f);
  create_order(f);
  accepted(f.post("orders/1000042/request-release", System::erp, "{}"));
}
const char* consumption =
    R"({"report":"G-1","operation":"0010","material":"HOUSING","batch":"HSG-0001","quantity":"10","unit":"EA"})";
const char* production = R"({"report":"P-1","batch":"PMP-0001","quantity":"10","unit":"EA"})";
const char* confirmation =
    R"({"confirmation":"C-1","operation":"0010","yield":"10","scrap":"0","unit":"EA","final":true,"occurred_at":"2026-11-24T08:00:00Z"})";
void execute(floor_double& f) {
  accepted(f.post("orders/1000042/confirm-operation", System::mes, confirmation));
  accepted(f.post("orders/1000042/report-consumption", System::mes, consumption));
  accepted(f.post("orders/1000042/report-production", System::mes, production));
}
const order::StateT& order_of(floor_double& f) { return f.state<order::schema>("1000042"); }
const batch::StateT& lot_of(floor_double& f, const char* id) { return f.state<batch::schema>(id); }

decimal total(const batch::StateT& lot) {
  decimal sum;
  for (const auto& line : lot.stock) sum += line.quantity;
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_exchange_as_it_is_written) {
  floor_double f;
  release(f);
  BOOST_CHECK(order_of(f).life == order::Life::released);
  BOOST_CHECK(order_of(f).dispatch == order::Dispatch::dispatched);
  execute(f);
  BOOST_CHECK(total(lot_of(f, "HSG-0001")) == decimal::from_units(90));
  accepted(f.post("inspections/IL-1/create", System::qms, R"({"batch":"PMP-0001","plan":"IP-7"})"));
  accepted(f.post("inspections/IL-1/record-result", System::qms,
                  R"({"characteristic":"pressure","value":"11.2","unit":"BAR"})"));
  accepted(f.post("inspections/IL-1/decide-usage", System::qms, R"({"decision":"reject"})"));
  BOOST_REQUIRE_EQUAL(lot_of(f, "PMP-0001").holds.size(), 1u);
  BOOST_CHECK_EQUAL(lot_of(f, "PMP-0001").holds[0].hold, "IL-1");
  BOOST_CHECK(lot_of(f, "PMP-0001").allocatable.is_zero());
  accepted(f.post(
      "shipments/S-1/plan", System::wms,
      R"({"customer":"C-77","items":[{"item":"10","material":"PUMP-100","quantity":"5","unit":"EA"}]})"));
  const char* allocate = R"({"item":"10","batch":"PMP-0001","quantity":"5","unit":"EA"})";
  refused(f.post("shipments/S-1/allocate", System::wms, allocate), "batch.held");
  accepted(f.post("batches/PMP-0001/place-hold", System::mes,
                  R"({"hold":"H-9","type":"quality","reason":"visual defect"})"));
  refused(f.post("batches/PMP-0001/release-hold", System::mes,
                 R"({"hold":"H-9","reason":"looks fine"})"),
          "command.not_owner");
  accepted(f.post("batches/PMP-0001/release-hold", System::qms,
                  R"({"hold":"H-9","reason":"reworked"})"));
  accepted(f.post("inspections/IL-2/create", System::qms,
                  R"({"batch":"PMP-0001","plan":"IP-7","retest_of":"IL-1"})"));
  accepted(f.post("inspections/IL-2/record-result", System::qms,
                  R"({"characteristic":"pressure","value":"10.1","unit":"BAR"})"));
  accepted(f.post("inspections/IL-2/decide-usage", System::qms, R"({"decision":"accept"})"));
  BOOST_CHECK(lot_of(f, "PMP-0001").holds.empty());
  BOOST_CHECK(lot_of(f, "PMP-0001").allocatable == decimal::from_units(10));
  accepted(f.post("shipments/S-1/allocate", System::wms, allocate));
  accepted(f.post("shipments/S-1/pick", System::wms, "{}"));
  accepted(f.post("shipments/S-1/ship", System::wms, "{}"));
  BOOST_CHECK(total(lot_of(f, "PMP-0001")) == decimal::from_units(5));
  const auto links = f.rows<batch::GenealogyUpRowT>("batch/PMP-0001", "genealogy_up");
  BOOST_REQUIRE_EQUAL(links.size(), 1u);
  BOOST_CHECK_EQUAL(links[0].link->batch, "HSG-0001");
  BOOST_CHECK_EQUAL(links[0].link->order, "1000042");
  BOOST_CHECK(links[0].link->quantity == decimal::from_units(10));
}

BOOST_AUTO_TEST_CASE(reports_in_another_order_give_the_same_genealogy) {
  floor_double f;
  release(f);
  accepted(f.post("orders/1000042/report-production", System::mes, production));
  accepted(f.post("orders/1000042/report-consumption", System::mes, consumption));
  accepted(f.post("orders/1000042/confirm-operation", System::mes, confirmation));
  const auto up = f.rows<batch::GenealogyUpRowT>("batch/PMP-0001", "genealogy_up");
  const auto down = f.rows<batch::GenealogyDownRowT>("batch/HSG-0001", "genealogy_down");
  BOOST_REQUIRE_EQUAL(up.size(), 1u);
  BOOST_REQUIRE_EQUAL(down.size(), 1u);
  BOOST_CHECK(up[0].link->quantity == decimal::from_units(10));
}

BOOST_AUTO_TEST_CASE(a_release_without_stock_parks_and_goes_on_when_stock_comes) {
  floor_double f;
  master_data(f);
  create_order(f);
  accepted(f.post("orders/1000042/request-release", System::erp, "{}"));
  BOOST_CHECK(order_of(f).life == order::Life::created);
  BOOST_REQUIRE_EQUAL(order_of(f).blockers.size(), 1u);
  BOOST_CHECK_EQUAL(order_of(f).blockers[0].check, "component");
  stock(f, "4", "HSG-1");
  BOOST_CHECK(order_of(f).life == order::Life::created);
  stock(f, "6", "HSG-2");
  BOOST_CHECK(order_of(f).life == order::Life::released);
  BOOST_CHECK(order_of(f).blockers.empty());
  BOOST_CHECK(lot_of(f, "HSG-1").allocatable.is_zero());
}

BOOST_AUTO_TEST_CASE(a_paused_plant_releases_nothing_until_it_resumes) {
  floor_double f;
  master_data(f);
  stock(f);
  create_order(f);
  accepted(f.post("hamburg/pause", System::ops, R"({"reason":"inventory"})"));
  accepted(f.post("orders/1000042/request-release", System::erp, "{}"));
  BOOST_CHECK(order_of(f).life == order::Life::created);
  accepted(f.post("hamburg/resume", System::ops, "{}"));
  BOOST_CHECK(order_of(f).life == order::Life::released);
}

BOOST_AUTO_TEST_CASE(a_broken_work_center_releases_nothing_until_it_is_back) {
  floor_double f;
  master_data(f);
  stock(f);
  create_order(f);
  accepted(f.post("work-centers/WC-2/define", System::erp, R"({"name":"Test bench"})"));
  accepted(f.post("work-centers/WC-2/report-down", System::mes,
                  R"({"downtime":"D-1","reason":"pressure sensor"})"));
  accepted(f.post("orders/1000042/request-release", System::erp, "{}"));
  BOOST_CHECK(order_of(f).life == order::Life::created);
  BOOST_REQUIRE_EQUAL(order_of(f).blockers.size(), 1u);
  BOOST_CHECK_EQUAL(order_of(f).blockers[0].check, "work_center");
  accepted(f.post("work-centers/WC-2/report-up", System::mes, R"({"downtime":"D-1"})"));
  BOOST_CHECK(order_of(f).life == order::Life::released);
}

BOOST_AUTO_TEST_CASE(cancelling_gives_the_reserved_stock_back) {
  floor_double f;
  release(f);
  BOOST_CHECK(lot_of(f, "HSG-0001").allocatable == decimal::from_units(90));
  accepted(f.post("orders/1000042/cancel", System::erp, R"({"reason":"customer gone"})"));
  BOOST_CHECK(lot_of(f, "HSG-0001").allocatable == decimal::from_units(100));
}

BOOST_AUTO_TEST_CASE(a_hold_on_reserved_stock_shows_on_the_order) {
  floor_double f;
  release(f);
  accepted(f.post("batches/HSG-0001/place-hold", System::mes,
                  R"({"hold":"H-1","type":"quality","reason":"scratches"})"));
  BOOST_REQUIRE_EQUAL(order_of(f).blockers.size(), 1u);
  BOOST_CHECK_EQUAL(order_of(f).blockers[0].check, "component");
  BOOST_CHECK(f.state<order_release::schema>("1000042").reservations.empty());
}

BOOST_AUTO_TEST_CASE(over_consumption_posts_itself_when_stock_comes) {
  floor_double f;
  release(f);
  excepted(
      f.post(
          "orders/1000042/report-consumption", System::mes,
          R"({"report":"G-2","material":"HOUSING","batch":"HSG-0001","quantity":"500","unit":"EA"})"),
      "batch.short_stock");
  BOOST_CHECK(total(lot_of(f, "HSG-0001")) == decimal::from_units(100));
  BOOST_CHECK(order_of(f).components[0].consumed.is_zero());
  BOOST_CHECK_EQUAL(f.parked("batch/HSG-0001"), 1u);
  stock(f, "400");
  BOOST_CHECK(total(lot_of(f, "HSG-0001")).is_zero());
  BOOST_CHECK(order_of(f).components[0].consumed == decimal::from_units(500));
  BOOST_CHECK_EQUAL(order_of(f).movements_open, 0u);
}

BOOST_AUTO_TEST_CASE(an_unknown_batch_waits_for_its_receipt) {
  floor_double f;
  release(f);
  excepted(
      f.post(
          "orders/1000042/report-consumption", System::mes,
          R"({"report":"G-2","material":"HOUSING","batch":"HSG-0002","quantity":"5","unit":"EA"})"),
      "batch.unknown");
  stock(f, "20", "HSG-0002");
  BOOST_CHECK(total(lot_of(f, "HSG-0002")) == decimal::from_units(15));
  BOOST_CHECK(order_of(f).components[0].consumed == decimal::from_units(5));
}

BOOST_AUTO_TEST_CASE(a_confirmation_after_closing_posts_itself_after_reopening) {
  floor_double f;
  release(f);
  execute(f);
  accepted(f.post("orders/1000042/complete-technically", System::erp, "{}"));
  accepted(f.post("orders/1000042/close", System::erp, "{}"));
  excepted(
      f.post("orders/1000042/confirm-operation", System::mes,
             R"({"confirmation":"C-2","operation":"0020","yield":"10","unit":"EA","final":true})"),
      "order.closed");
  BOOST_CHECK_EQUAL(order_of(f).confirmations, 1u);
  accepted(f.post("orders/1000042/reopen", System::erp, "{}"));
  BOOST_CHECK_EQUAL(order_of(f).confirmations, 2u);
  BOOST_CHECK(order_of(f).confirmation == order::Progress::final);
}

BOOST_AUTO_TEST_CASE(facts_that_come_before_the_release_post_themselves) {
  floor_double f;
  master_data(f);
  stock(f);
  create_order(f);
  excepted(f.post("orders/1000042/confirm-operation", System::mes, confirmation),
           "order.not_released");
  excepted(f.post("orders/1000042/report-consumption", System::mes, consumption),
           "order.not_released");
  accepted(f.post("orders/1000042/request-release", System::erp, "{}"));
  BOOST_CHECK_EQUAL(order_of(f).confirmations, 1u);
  BOOST_CHECK(order_of(f).components[0].consumed == decimal::from_units(10));
}

BOOST_AUTO_TEST_CASE(reversals_undo_stock_and_links) {
  floor_double f;
  release(f);
  execute(f);
  accepted(f.post("orders/1000042/reverse-production", System::mes, R"({"report":"P-1"})"));
  accepted(f.post("orders/1000042/reverse-consumption", System::mes, R"({"report":"G-1"})"));
  accepted(f.post("orders/1000042/cancel-confirmation", System::mes, R"({"confirmation":"C-1"})"));
  BOOST_CHECK(total(lot_of(f, "HSG-0001")) == decimal::from_units(100));
  BOOST_CHECK(total(lot_of(f, "PMP-0001")).is_zero());
  BOOST_CHECK(order_of(f).delivered.is_zero());
  for (const auto& link : f.rows<batch::GenealogyUpRowT>("batch/PMP-0001", "genealogy_up"))
    BOOST_CHECK(link.removed_at.given());
}

BOOST_AUTO_TEST_CASE(outer_systems_hear_in_order_and_the_order_shows_it) {
  floor_double f;
  f.bound = (1u << static_cast<unsigned>(System::mes)) | (1u << static_cast<unsigned>(System::erp));
  release(f);
  BOOST_CHECK(order_of(f).life == order::Life::released);
  BOOST_CHECK(order_of(f).dispatch == order::Dispatch::pending);
  BOOST_REQUIRE_EQUAL(f.outbox.size(), 2u);
  f.deliver(engine::DeliveryEnd::acknowledged, "M-1");
  BOOST_CHECK(order_of(f).dispatch == order::Dispatch::dispatched);
  f.deliver();
  BOOST_CHECK(f.state<order_release::schema>("1000042").status == order_release::Status::completed);
  execute(f);
  BOOST_CHECK_EQUAL(order_of(f).postings_open, 3u);
  while (!f.outbox.empty()) f.deliver(engine::DeliveryEnd::acknowledged, "4900001");
  BOOST_CHECK_EQUAL(order_of(f).postings_open, 0u);
  BOOST_CHECK_EQUAL(f.state<production_confirmation::schema>("1000042").posted, 3u);
  const auto rows = f.rows<order::ConfirmationT>("order/1000042", "confirmations");
  BOOST_REQUIRE_EQUAL(rows.size(), 1u);
  BOOST_CHECK(rows[0].erp->status == order::PostingStatus::posted);
  BOOST_CHECK_EQUAL(rows[0].erp->document, "4900001");
}

// --- process manufacturing: recipe, order, batch run, inspection, release of the batch ---

namespace {

void recipe_and_order(floor_double& f) {
  accepted(
      f.post("hamburg/commission", System::ops, R"({"region":"eu","time_zone":"Europe/Berlin"})"));
  accepted(f.post("materials/SUGAR/define", System::erp, R"({"revision":"A","base_unit":"KGM"})"));
  accepted(f.post("materials/SYRUP/define", System::erp, R"({"revision":"A","base_unit":"KGM"})"));
  accepted(f.post(
      "materials/SYRUP/set-inspection-plan", System::qms,
      R"({"plan":"IP-9","revision":"1","characteristics":[{"name":"brix","lower":"64","upper":"66","unit":"P1"}]})"));
  accepted(f.post("batches/SUG-1/receive", System::erp,
                  R"({"material":"SUGAR","quantity":"1000","unit":"KGM"})"));
  accepted(f.post(
      "recipes/R-SYRUP/define", System::plm,
      R"({"revision":"A","material":"SYRUP","batch_size":"500","unit":"KGM","phases":[{"phase":"COOK","milestone":true}],)"
      R"("parameters":[{"parameter":"temperature","phase":"COOK","lower":"80","upper":"95","unit":"CEL","critical":true}]})"));
  refused(f.post("batch-runs/BR-1/create", System::mes,
                 R"({"order":"5000001","recipe":"R-SYRUP","quantity":"500","unit":"KGM"})"),
          "batch_run.recipe_not_approved");
  accepted(f.post("recipes/R-SYRUP/approve", System::qms, R"({"revision":"A"})"));
  accepted(f.post("orders/5000001/create", System::erp,
                  R"({"material":"SYRUP","quantity":"500","unit":"KGM","type":"process"})"));
  accepted(f.post("orders/5000001/request-release", System::erp, "{}"));
  accepted(f.post("batch-runs/BR-1/create", System::mes,
                  R"({"order":"5000001","recipe":"R-SYRUP","quantity":"500","unit":"KGM"})"));
}
void state_of_run(floor_double& f, const char* status) {
  accepted(f.post("batch-runs/BR-1/report-state", System::mes,
                  R"({"report":"S-)" + std::string(status) + R"(","status":")" + status + "\"}"));
}
void run_it(floor_double& f) {
  state_of_run(f, "running");
  accepted(f.post(
      "batch-runs/BR-1/report-consumption", System::mes,
      R"({"report":"G-1","material":"SUGAR","batch":"SUG-1","quantity":"300","unit":"KGM"})"));
  accepted(f.post(
      "batch-runs/BR-1/report-parameter", System::mes,
      R"({"report":"P-1","parameter":"temperature","phase":"COOK","actual":"97","unit":"CEL"})"));
  accepted(f.post("batch-runs/BR-1/report-phase", System::mes,
                  R"({"report":"F-1","phase":"COOK","status":"completed"})"));
  // The same report to the order as well: one party posts, once.
  accepted(f.post(
      "orders/5000001/report-consumption", System::mes,
      R"({"report":"G-1","material":"SUGAR","batch":"SUG-1","quantity":"300","unit":"KGM"})"));
  accepted(f.post(
      "orders/5000001/report-production", System::mes,
      R"({"report":"O-1","batch":"SYR-1","quantity":"500","unit":"KGM","batch_run":"BR-1"})"));
  state_of_run(f, "complete");
}
void tested(floor_double& f, const std::string& lot, const char* brix) {
  accepted(
      f.post("inspections/" + lot + "/record-result", System::qms,
             R"({"characteristic":"brix","value":")" + std::string(brix) + R"(","unit":"P1"})"));
}
const batch_run::StateT& run_of(floor_double& f) { return f.state<batch_run::schema>("BR-1"); }
const batch_release::StateT& release_of(floor_double& f) {
  return f.state<batch_release::schema>("SYR-1");
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_batch_with_a_deviation_goes_through_quarantine_and_retest_to_its_release) {
  floor_double f;
  recipe_and_order(f);
  run_it(f);
  BOOST_CHECK(total(lot_of(f, "SUG-1")) == decimal::from_units(700));
  BOOST_REQUIRE_EQUAL(run_of(f).inputs.size(), 1u);
  BOOST_CHECK(run_of(f).inputs[0].quantity == decimal::from_units(300));
  BOOST_REQUIRE_EQUAL(run_of(f).outputs.size(), 1u);
  BOOST_CHECK_EQUAL(run_of(f).outputs[0].batch, "SYR-1");
  BOOST_CHECK_EQUAL(run_of(f).deviations_open, 1u);
  BOOST_CHECK_EQUAL(run_of(f).milestones.size(), 1u);
  accepted(f.post("inspections/IL-1/create", System::qms, R"({"batch":"SYR-1","plan":"IP-9"})"));

  accepted(f.post("batch-releases/SYR-1/start", System::qms, "{}"));
  BOOST_CHECK_EQUAL(release_of(f).run, "BR-1");
  BOOST_CHECK(release_of(f).status == batch_release::Status::quarantined);
  BOOST_CHECK_EQUAL(release_of(f).waits_for.size(), 3u);  // record, deviation, results
  refused(f.post("batch-releases/SYR-1/sign", System::qms,
                 R"({"decision":"release","reason":"hurry"})"),
          "batch_release.nothing_to_sign");

  tested(f, "IL-1", "67");  // the release hears of it by itself
  BOOST_CHECK(release_of(f).status == batch_release::Status::retesting);
  BOOST_CHECK(lot_of(f, "SYR-1").quality == batch::Quality::retest);
  BOOST_CHECK_EQUAL(lot_of(f, "SYR-1").holds.size(), 1u);

  accepted(f.post("batch-runs/BR-1/assess-deviation", System::qms,
                  R"({"deviation":"parameter~P-1","accepted":true,"reason":"two minutes only"})"));
  accepted(f.post("batch-runs/BR-1/close", System::mes, "{}"));
  BOOST_CHECK(release_of(f).status == batch_release::Status::quarantined);  // hears of it by itself
  tested(f, "IL-1~R1", "65");
  BOOST_CHECK(release_of(f).status == batch_release::Status::awaiting_signature);
  BOOST_CHECK(lot_of(f, "SYR-1").allocatable.is_zero());
  accepted(f.post("batch-releases/SYR-1/sign", System::qms,
                  R"({"decision":"release","reason":"reviewed"})"));
  BOOST_CHECK(release_of(f).status == batch_release::Status::released);
  BOOST_CHECK(lot_of(f, "SYR-1").quality == batch::Quality::released);
  BOOST_CHECK(lot_of(f, "SYR-1").holds.empty());
  BOOST_CHECK(lot_of(f, "SYR-1").allocatable == decimal::from_units(500));
  BOOST_CHECK_EQUAL(f.rows<batch_release::DecisionRowT>("batch_release/SYR-1", "decisions").size(),
                    release_of(f).decisions);
}

BOOST_AUTO_TEST_CASE(a_late_value_waits_for_quality_to_open_the_record) {
  floor_double f;
  recipe_and_order(f);
  run_it(f);
  accepted(f.post("batch-runs/BR-1/close", System::mes, "{}"));
  const auto hash = run_of(f).record_hash;
  excepted(f.post("batch-runs/BR-1/report-deviation", System::mes,
                  R"({"report":"D-1","text":"valve leaked"})"),
           "batch_run.closed");
  BOOST_CHECK_EQUAL(run_of(f).record_hash, hash);
  accepted(f.post("batch-runs/BR-1/reopen", System::qms, R"({"reason":"late report"})"));
  BOOST_CHECK_EQUAL(run_of(f).deviations, 2u);  // posted itself
  accepted(f.post("batch-runs/BR-1/close", System::mes, "{}"));
  BOOST_CHECK_EQUAL(run_of(f).record_version, 2u);
  BOOST_CHECK(run_of(f).record_hash != hash);
}

BOOST_AUTO_TEST_CASE(a_run_shows_what_its_order_could_not_post_until_it_can) {
  floor_double f;
  recipe_and_order(f);
  state_of_run(f, "running");
  excepted(
      f.post("batch-runs/BR-1/report-consumption", System::mes,
             R"({"report":"G-9","material":"SUGAR","batch":"SUG-9","quantity":"5","unit":"KGM"})"),
      "batch.unknown");
  BOOST_CHECK_EQUAL(run_of(f).materials_open, 1u);
  accepted(f.post("batches/SUG-9/receive", System::erp,
                  R"({"material":"SUGAR","quantity":"50","unit":"KGM"})"));
  BOOST_CHECK_EQUAL(run_of(f).materials_open, 0u);
  BOOST_REQUIRE_EQUAL(run_of(f).inputs.size(), 1u);
  BOOST_CHECK(run_of(f).inputs[0].quantity == decimal::from_units(5));
}
