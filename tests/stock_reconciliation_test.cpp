// layer: actors
// Stock reconciliation: queries, reports in parts, in flight, the ledger with causes, corrections
// by approval, schedule and deadline.
#define BOOST_TEST_MODULE stock_reconciliation
#include <boost/test/unit_test.hpp>

#include "actors/batch.hpp"
#include "actors/production_confirmation.hpp"
#include "actors/stock_reconciliation.hpp"
#include "tests/kind_harness.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
namespace sr = millrace::stock_reconciliation;
using subject = actors::stock_reconciliation;
using batch::StockType;
using sr::Cause;
using sr::DifferenceStatus;
using sr::Status;

decimal units(std::int64_t n) { return decimal::from_units(n); }

batch::StateT lot(std::int64_t free, std::int64_t blocked = 0) {
  batch::StateT out;
  out.material = "HOUSING";
  out.unit = "EA";
  out.stock.emplace_back();
  out.stock.back().quantity = units(free);
  if (blocked != 0) {
    out.stock.emplace_back();
    out.stock.back().quantity = units(blocked);
    out.stock.back().type = StockType::blocked;
  }
  return out;
}
sr::LineT line(std::string id, std::int64_t quantity, StockType type = StockType::unrestricted) {
  sr::LineT out;
  out.batch = std::move(id);
  out.type = type;
  out.quantity = units(quantity);
  out.unit = "EA";
  return out;
}
sr::ReportStockT report(System system, std::vector<sr::LineT> lines, bool last = true,
                        std::uint32_t part = 1, std::uint32_t run = 1) {
  sr::ReportStockT c;
  c.run = run;
  c.system = system;
  c.part = part;
  c.last = last;
  c.lines = std::move(lines);
  return c;
}
given<subject> fresh() {
  given<subject> g;
  g.id("stock");
  return g;
}
/// Everything that follows the ERP's report: what is in flight, then the lots there are.
void answered(given<subject>& g, std::vector<std::string> lots, std::vector<std::string> open = {},
              std::vector<std::string> refused = {}, int part = 1, int run = 1) {
  const auto end =
      "\x1f"
      "erp\x1f" +
      std::to_string(part);
  g.when_found("open" + end, std::move(open)).when_found("refused" + end, std::move(refused));
  g.when_found(
      "lots\x1f"
      "erp\x1f" +
          std::to_string(run),
      std::move(lots));
}
sr::DifferenceRowT ledger(given<subject>& g, int number) {
  const auto row = g.row<sr::DifferenceRowT>("differences", "000000000" + std::to_string(number));
  BOOST_REQUIRE(row.has_value());
  return *row;
}
production_confirmation::StateT posting(std::int64_t quantity, order::PostingStatus status) {
  production_confirmation::StateT out;
  out.open.emplace_back();
  out.open.back().batch = "B-1";
  out.open.back().quantity = units(quantity);
  out.open.back().unit = "EA";
  out.open.back().status = status;
  return out;
}
auto status(Status wanted) {
  return [wanted](const sr::StateT& s) {
    BOOST_CHECK_MESSAGE(s.status == wanted, "status is " << sr::EnumNameStatus(s.status));
  };
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_bound_system_is_asked) {
  fresh()
      .bound(System::erp, System::wms)
      .when(sr::RunT(), System::ops)
      .then_event_names({"RunStarted"})
      .then_effects({"deliver erp reconciliation/stock 1", "deliver wms reconciliation/stock 1",
                     "timer deadline"})
      .then_state(status(Status::collecting))
      .when(sr::RunT(), System::ops)
      .then_refused("stock_reconciliation.running");
  fresh().when(sr::RunT(), System::ops).then_refused("stock_reconciliation.no_system");
}

BOOST_AUTO_TEST_CASE(equal_stock_is_accurate) {
  auto g = fresh();
  g.bound(System::erp)
      .reference<actors::batch>("B-1", lot(90, 10))
      .when(sr::RunT(), System::ops)
      .when(report(System::erp, {line("B-1", 90), line("B-1", 10, StockType::blocked)}),
            System::erp)
      .then_event_names({"PartReported"});
  answered(g, {"B-1"});
  g.then_event_names({"PartCompared", "RunCompleted"})
      .then_effects({"cancel deadline"})
      .then_state(status(Status::completed));
  BOOST_CHECK(g.state().accuracy == units(1));
  BOOST_CHECK_EQUAL(g.state().lines, 2u);
  BOOST_CHECK_EQUAL(g.state().open, 0u);
}

BOOST_AUTO_TEST_CASE(differences_go_to_the_ledger_with_their_cause) {
  auto g = fresh();
  g.bound(System::erp)
      .reference<actors::batch>("B-1", lot(90))
      .reference<actors::batch>("B-2", lot(50))
      .reference<actors::batch>("B-3", lot(1))
      .when(sr::RunT(), System::ops)
      .when(report(System::erp, {line("B-1", 80), line("B-9", 5), line("B-3", 1)}), System::erp);
  answered(g, {"B-1", "B-2", "B-3"});
  BOOST_CHECK_EQUAL(g.state().open, 3u);
  BOOST_CHECK_EQUAL(g.state().lines, 4u);
  BOOST_CHECK(g.state().accuracy == *decimal::parse("0.25"));
  BOOST_CHECK(ledger(g, 1).line->difference == units(-10));
  BOOST_CHECK(ledger(g, 1).line->cause == Cause::manual_posting);
  BOOST_CHECK(ledger(g, 2).line->cause == Cause::missed_message);  // we know nothing of B-9
  BOOST_CHECK_EQUAL(ledger(g, 3).line->batch, "B-2");              // the ERP knows nothing of it
  BOOST_CHECK(ledger(g, 3).line->cause == Cause::missed_message);
}

BOOST_AUTO_TEST_CASE(what_is_in_flight_is_no_difference_whether_it_has_arrived_or_not) {
  for (const auto theirs : {100, 90}) {
    auto g = fresh();
    g.bound(System::erp)
        .reference<actors::batch>("B-1", lot(90))
        .reference<actors::production_confirmation>("1", posting(-10, order::PostingStatus::sent))
        .when(sr::RunT(), System::ops)
        .when(report(System::erp, {line("B-1", theirs)}), System::erp);
    answered(g, {"B-1"}, {"1"});
    BOOST_CHECK_EQUAL(g.state().open, 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_posting_that_the_erp_refused_explains_the_difference) {
  auto g = fresh();
  g.bound(System::erp)
      .reference<actors::batch>("B-1", lot(90))
      .reference<actors::production_confirmation>("1", posting(-10, order::PostingStatus::refused))
      .when(sr::RunT(), System::ops)
      .when(report(System::erp, {line("B-1", 100)}), System::erp);
  answered(g, {"B-1"}, {}, {"1"});
  BOOST_CHECK(ledger(g, 1).line->cause == Cause::unposted_exception);
  BOOST_CHECK(ledger(g, 1).line->difference == units(10));
}

BOOST_AUTO_TEST_CASE(the_erp_has_held_stock_as_blocked_the_others_do_not) {
  const auto held = [] {
    auto state = lot(100);
    state.holds.emplace_back();
    state.holds.back().hold = "H-1";
    state.holds.back().quantity = std::make_unique<decimal>(units(30));
    return state;
  };
  auto g = fresh();
  g.bound(System::erp, System::wms)
      .reference<actors::batch>("B-1", held())
      .when(sr::RunT(), System::ops)
      .when(report(System::wms, {line("B-1", 100)}), System::wms)
      .then_event_names({"PartReported", "PartCompared"})
      .then_effects({"find batch lots\x1f"
                     "wms\x1f"
                     "1"})
      .when_found(
          "lots\x1f"
          "wms\x1f"
          "1",
          {"B-1"})
      .when(report(System::erp, {line("B-1", 70), line("B-1", 30, StockType::blocked)}),
            System::erp);
  answered(g, {"B-1"});
  BOOST_CHECK_EQUAL(g.state().open, 0u);
  g.then_state(status(Status::completed));
}

BOOST_AUTO_TEST_CASE(within_the_tolerance_it_matches) {
  sr::RunT run;
  run.tolerance = units(1);
  auto g = fresh();
  g.bound(System::erp)
      .reference<actors::batch>("B-1", lot(90))
      .when(run, System::ops)
      .when(report(System::erp, {line("B-1", 89)}), System::erp);
  answered(g, {"B-1"});
  BOOST_CHECK_EQUAL(g.state().open, 0u);
}

BOOST_AUTO_TEST_CASE(a_report_comes_in_order_by_its_owner_for_the_present_run) {
  fresh()
      .bound(System::erp)
      .when(report(System::erp, {}), System::erp)
      .then_refused("stock_reconciliation.run_unknown")
      .when(sr::RunT(), System::ops)
      .when(report(System::erp, {}), System::wms)
      .then_refused("command.not_owner")
      .when(report(System::wms, {}), System::wms)
      .then_refused("stock_reconciliation.not_asked")
      .when(report(System::erp, {}, false, 2), System::erp)
      .then_refused("stock_reconciliation.part_order")
      .when(report(System::erp, {}, true, 1, 7), System::erp)
      .then_refused("stock_reconciliation.run_unknown")
      .when(report(System::erp, {}, false, 1), System::erp)
      .then_accepted()
      .when(report(System::erp, {}, false, 1), System::erp)
      .then_refused("stock_reconciliation.part_order")
      .when(report(System::erp, {}, true, 2), System::erp)
      .when(report(System::erp, {}, true, 3), System::erp)
      .then_refused("stock_reconciliation.not_asked");
}

BOOST_AUTO_TEST_CASE(the_erps_number_corrects_by_approval_only) {
  sr::ApproveCorrectionT approve;
  approve.difference = 1;
  approve.reason = "counted";
  auto g = fresh();
  g.bound(System::erp)
      .reference<actors::batch>("B-1", lot(90))
      .when(sr::RunT(), System::ops)
      .when(approve, System::erp)
      .then_refused("stock_reconciliation.difference_unknown")
      .when(report(System::erp, {line("B-1", 80)}), System::erp);
  answered(g, {"B-1"});
  g.when(approve, System::erp)
      .then_event_names({"CorrectionApproved"})
      .then_effects({"ask batch/B-1 adjust\x1f\x1f"
                     "1"})
      .when(approve, System::erp)
      .then_refused("stock_reconciliation.difference_closed");
  const auto adjust = g.sent<actors::batch, batch::AdjustStockT>();
  BOOST_CHECK(!adjust);  // nothing was sent by the refused one
  g.when_refused("batch/B-1",
                 "adjust\x1f\x1f"
                 "1",
                 "batch.short_stock")
      .then_event_names({"CorrectionEnded"});
  BOOST_CHECK(ledger(g, 1).status == DifferenceStatus::failed);
  g.when(approve, System::erp);
  BOOST_CHECK((g.sent<actors::batch, batch::AdjustStockT>()->quantity == units(-10)));
  g.when_granted<actors::batch>("batch/B-1",
                                "adjust\x1f\x1f"
                                "1");
  BOOST_CHECK(ledger(g, 1).status == DifferenceStatus::corrected);
  BOOST_CHECK_EQUAL(g.state().open, 0u);
}

BOOST_AUTO_TEST_CASE(a_difference_with_another_system_is_explained) {
  sr::ApproveCorrectionT approve;
  approve.difference = 1;
  approve.reason = "counted";
  sr::ExplainT explain;
  explain.difference = 1;
  explain.reason = "on the truck";
  auto g = fresh();
  g.bound(System::wms)
      .reference<actors::batch>("B-1", lot(90))
      .when(sr::RunT(), System::ops)
      .when(report(System::wms, {line("B-1", 80)}), System::wms)
      .when_found(
          "lots\x1f"
          "wms\x1f"
          "1",
          {"B-1"})
      .when(approve, System::erp)
      .then_refused("stock_reconciliation.not_the_erp")
      .when(explain, System::wms)
      .then_event_names({"Explained"})
      .when(explain, System::wms)
      .then_refused("stock_reconciliation.difference_closed");
  BOOST_CHECK(ledger(g, 1).status == DifferenceStatus::explained);
}

BOOST_AUTO_TEST_CASE(what_the_next_run_no_longer_finds_is_resolved) {
  auto g = fresh();
  g.bound(System::erp)
      .reference<actors::batch>("B-1", lot(90))
      .when(sr::RunT(), System::ops)
      .when(report(System::erp, {line("B-1", 80)}), System::erp);
  answered(g, {"B-1"});
  BOOST_CHECK_EQUAL(g.state().open, 1u);
  g.when(sr::RunT(), System::ops)
      .when(report(System::erp, {line("B-1", 85)}, true, 1, 2), System::erp);
  answered(g, {"B-1"}, {}, {}, 1, 2);
  BOOST_CHECK_EQUAL(g.state().differences, 1u);  // the same one, seen again
  BOOST_CHECK(ledger(g, 1).line->difference == units(-5));
  g.when(sr::RunT(), System::ops)
      .when(report(System::erp, {line("B-1", 90)}, true, 1, 3), System::erp);
  answered(g, {"B-1"}, {}, {}, 1, 3);
  BOOST_CHECK_EQUAL(g.state().open, 0u);
  BOOST_CHECK(ledger(g, 1).status == DifferenceStatus::resolved);
}

BOOST_AUTO_TEST_CASE(who_does_not_report_leaves_the_run_incomplete) {
  fresh()
      .bound(System::erp, System::wms)
      .when(sr::RunT(), System::ops)
      .when_delivered("1", System::wms, engine::DeliveryEnd::dead, {}, "HTTP 404")
      .then_event_names({"SourceFailed"})
      .when_timer("deadline")
      .then_event_names({"SourceFailed", "RunCompleted"})
      .then_state(status(Status::incomplete));
}

BOOST_AUTO_TEST_CASE(a_schedule_runs_again_and_again_until_it_ends) {
  sr::ScheduleT daily;
  daily.every_s = 60;
  auto g = fresh();
  g.bound(System::erp)
      .when(daily, System::ops)
      .then_event_names({"ScheduleSet", "RunPlanned"})
      .then_timer("run", timestamp::from_micros(1'800'000'060'000'000))
      .when_timer("run")
      .then_event_names({"RunStarted", "RunPlanned"})
      .then_effects({"deliver erp reconciliation/stock 1", "timer deadline", "timer run"})
      .when_timer("run")
      .then_event_names({"RunPlanned"});
  daily.every_s = 0;
  g.when(daily, System::ops).then_effects({"cancel run"}).when_timer("run").then_nothing();
}
