// layer: actors
// The inspection lot: created over the batch, released by the plan, results against limits, decided
// by the batch.
#define BOOST_TEST_MODULE inspection
#include <boost/test/unit_test.hpp>

#include "actors/batch.hpp"
#include "actors/batch_release.hpp"
#include "actors/inspection.hpp"
#include "actors/material.hpp"
#include "tests/kind_harness.hpp"
#include "tests/transition_table.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
using inspection_kind = actors::inspection;
namespace lots = millrace::inspection;
namespace lot = millrace::batch;

decimal number(std::string_view text) { return decimal::parse(text).value(); }

material::StateT pump(bool planned = true) {
  material::StateT m;
  m.base_unit = "EA";
  m.revision = "A";
  m.revisions.emplace_back().revision = "A";
  if (!planned) return m;
  auto& plan = m.plans.emplace_back();
  plan.plan = "IP-7";
  plan.revision = "1";
  auto& pressure = plan.characteristics.emplace_back();
  pressure.name = "pressure";
  pressure.lower = std::make_unique<decimal>(number("9.5"));
  pressure.upper = std::make_unique<decimal>(number("10.5"));
  pressure.unit = "BAR";
  auto& look = plan.characteristics.emplace_back();
  look.name = "look";
  look.optional = true;
  return m;
}

lots::CreateT create(std::string retest_of = {}) {
  lots::CreateT c;
  c.batch = "PMP-1";
  c.plan = "IP-7";
  c.retest_of = std::move(retest_of);
  return c;
}
lot::InspectionStartedT begun() {
  lot::InspectionStartedT e;
  e.inspection = "IL-1";
  e.material = "PUMP";
  e.quantity = decimal::from_units(10);
  e.unit = "EA";
  return e;
}
lots::RecordResultT measured(std::string_view value, std::string unit = "BAR") {
  lots::RecordResultT c;
  c.characteristic = "pressure";
  c.value = std::make_unique<decimal>(number(value));
  c.unit = std::move(unit);
  return c;
}
lots::DecideUsageT decide(lot::Decision decision) {
  lots::DecideUsageT c;
  c.decision = decision;
  return c;
}
constexpr hash128 asked{7, 7};

given<inspection_kind> created(bool planned = true) {
  given<inspection_kind> g;
  g.id("IL-1")
      .reference<actors::material>("PUMP", pump(planned))
      .command_id(asked)
      .when(create(), System::qms)
      .when_granted<actors::batch>("batch/PMP-1", "start", begun());
  return g;
}
auto status(lots::Status wanted) {
  return [wanted](const lots::StateT& s) {
    BOOST_CHECK_MESSAGE(s.status == wanted, "status is " << EnumNameStatus(s.status));
  };
}

}  // namespace

BOOST_AUTO_TEST_CASE(creating_asks_the_batch_and_waits) {
  lot::StartInspectionT start;
  start.inspection = "IL-2";
  start.retest_of = "IL-1";
  given<inspection_kind>()
      .id("IL-2")
      .when(create("IL-1"), System::qms)
      .then_pending()
      .then_event_names({"Requested"})
      .then_effects({"ask batch/PMP-1 start"})
      .then_sent<actors::batch>("PMP-1", start)
      .when(create(), System::qms)
      .then_refused("inspection.busy");
}

BOOST_AUTO_TEST_CASE(with_an_effective_plan_it_is_released_at_once) {
  created()
      .then_event_names({"Created", "Released"})
      .then_settled(asked)
      .then_state(status(lots::Status::released))
      .then_state([](const lots::StateT& s) {
        BOOST_CHECK_EQUAL(s.material, "PUMP");
        BOOST_CHECK_EQUAL(s.characteristics.size(), 2u);
        BOOST_CHECK_EQUAL(s.quantity.to_string(), "10");
      })
      .when(create(), System::qms)
      .then_refused("inspection.exists");
}

BOOST_AUTO_TEST_CASE(without_a_plan_it_is_created_and_released_later) {
  lots::ReleaseT release;
  auto g = created(false);
  g.then_event_names({"Created"})
      .then_state(status(lots::Status::created))
      .when(measured("10"), System::qms)
      .then_parked("inspection.not_released")
      .when(decide(lot::Decision::reject), System::qms)
      .then_refused("inspection.not_released")
      .when(release, System::qms)
      .then_refused("inspection.plan_not_effective");
  release.characteristics = pump().plans[0].characteristics;
  g.when(release, System::qms)
      .then_event_names({"Released"})
      .when(release, System::qms)
      .then_refused("inspection.exists");
}

BOOST_AUTO_TEST_CASE(a_batch_that_refuses_ends_it_and_the_caller_hears_why) {
  given<inspection_kind>()
      .command_id(asked)
      .when(create("IL-0"), System::qms)
      .when_refused("batch/PMP-1", "start", "batch.inspection_unknown")
      .then_event_names({"RequestRefused"})
      .then_settled(asked, engine::Outcome::refused, "batch.inspection_unknown")
      .then_state(status(lots::Status::cancelled))
      .when(create(), System::qms)
      .then_pending();  // it may be tried again
}

BOOST_AUTO_TEST_CASE(values_are_compared_with_the_limits_inclusively) {
  for (const auto& [value, verdict] : {std::pair{"9.5", lots::Verdict::pass},
                                       {"10.5", lots::Verdict::pass},
                                       {"9.499999", lots::Verdict::fail},
                                       {"10.500001", lots::Verdict::fail},
                                       {"11.2", lots::Verdict::fail}}) {
    auto g = created();
    g.when(measured(value), System::mes)
        .then_event_names({"ResultRecorded"})
        .then_state(status(lots::Status::results_recorded));
    BOOST_CHECK(g.state().results.at(0).verdict == verdict);
    BOOST_CHECK(g.state().verdict == verdict);
  }
}

BOOST_AUTO_TEST_CASE(results_that_cannot_be_are_refused_and_those_that_may_come_true_are_parked) {
  created().when(measured("10", "KGM"), System::qms).then_refused("inspection.unit_mismatch");
  created().when(measured("10", ""), System::qms).then_refused("inspection.unit_mismatch");
  lots::RecordResultT c;
  c.characteristic = "pressure";
  created().when(c, System::qms).then_refused("inspection.value_missing");
  c.text = "fine";
  created().when(c, System::qms).then_refused("inspection.value_missing");
  c.characteristic = "weight";
  created().when(c, System::qms).then_parked("inspection.characteristic_unknown");
  c.characteristic = "look";
  c.verdict = lots::Verdict::fail;
  created().when(c, System::qms).then_accepted().then_state([](const lots::StateT& s) {
    BOOST_CHECK(s.verdict == lots::Verdict::fail);
  });
}

BOOST_AUTO_TEST_CASE(a_result_counts_once_by_its_senders_id) {
  auto c = measured("10");
  c.result = "R-1";
  created().when(c, System::qms).then_accepted().when(c, System::qms).then_nothing();
  auto other = measured("10");
  other.result = "R-1";
  other.characteristic = "look";
  other.unit.clear();
  created().when(c, System::qms).when(other, System::qms).then_refused("inspection.result_differs");
}

BOOST_AUTO_TEST_CASE(the_rule_may_hold_on_the_first_failed_result) {
  created()
      .rule("inspection.hold_on_failed_result", "yes")
      .when(measured("10"), System::qms)
      .then_effects({})
      .when(measured("11.2"), System::qms)
      .then_effects({"ask batch/PMP-1 hold"})
      .when_refused("batch/PMP-1", "hold", "batch.hold_exists")
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(a_decision_is_the_batchs_to_carry_out) {
  constexpr hash128 decision{8, 8};
  auto g = created();
  g.when(measured("11.2"), System::qms)
      .command_id(decision)
      .when(decide(lot::Decision::reject), System::qms)
      .then_pending()
      .then_event_names({"UsageRequested"})
      .then_effects({"ask batch/PMP-1 usage"})
      .then_state(status(lots::Status::results_recorded))
      .when(decide(lot::Decision::reject), System::qms)
      .then_refused("inspection.busy")
      .when_granted<actors::batch>("batch/PMP-1", "usage")
      .then_event_names({"UsageDecided"})
      .then_settled(decision)
      .then_state(status(lots::Status::usage_decided))
      .when(measured("10"), System::qms)
      .then_parked("inspection.decided")
      .when(decide(lot::Decision::accept), System::qms)
      .then_refused("inspection.decided");
}

BOOST_AUTO_TEST_CASE(a_decision_that_the_batch_refuses_leaves_the_lot_open) {
  constexpr hash128 decision{8, 8};
  created()
      .when(measured("10"), System::qms)
      .command_id(decision)
      .when(decide(lot::Decision::accept), System::qms)
      .then_pending()
      .when_refused("batch/PMP-1", "usage", "batch.quantities_mismatch")
      .then_event_names({"UsageRefused"})
      .then_settled(decision, engine::Outcome::refused, "batch.quantities_mismatch")
      .when(decide(lot::Decision::accept), System::qms)
      .then_pending();
}

BOOST_AUTO_TEST_CASE(accepting_needs_results_that_have_passed) {
  created()
      .when(decide(lot::Decision::undecided), System::qms)
      .then_refused("request.invalid")
      .when(decide(lot::Decision::accept), System::qms)
      .then_refused("inspection.results_missing")
      .when(measured("11.2"), System::qms)
      .when(decide(lot::Decision::accept), System::qms)
      .then_refused("inspection.results_failed")
      .when(decide(lot::Decision::conditional), System::qms)
      .then_pending();
}

BOOST_AUTO_TEST_CASE(cancelling_tells_the_batch) {
  lots::CancelT c;
  c.reason = "wrong lot";
  auto g = created();
  g.when(c, System::qms)
      .then_event_names({"Cancelled"})
      .then_effects({"tell batch/PMP-1"})
      .when(c, System::qms)
      .then_refused("inspection.cancelled")
      .when(decide(lot::Decision::accept), System::qms)
      .then_refused("inspection.cancelled");
  auto decided = created();
  decided.when(decide(lot::Decision::reject), System::qms)
      .when(c, System::qms)
      .then_refused("inspection.busy")
      .when_granted<actors::batch>("batch/PMP-1", "usage")
      .when(c, System::qms)
      .then_refused("inspection.decided");
}

BOOST_AUTO_TEST_CASE(a_result_wakes_the_release_that_waits_for_it) {
  batch_release::StateT waiting;
  waiting.status = batch_release::Status::quarantined;
  created()
      .reference<actors::batch_release>("PMP-1", waiting)
      .when(measured("10"), System::mes)
      .then_effects({"tell batch_release/PMP-1"});
  waiting.status = batch_release::Status::released;
  created()
      .reference<actors::batch_release>("PMP-1", waiting)
      .when(measured("10"), System::mes)
      .then_effects({});
  created().when(measured("10"), System::mes).then_effects({});
}

BOOST_AUTO_TEST_CASE(a_sample_is_what_the_batch_gives_of_its_inspection_stock) {
  lots::DrawSampleT draw;
  draw.sample = "S-1";
  draw.quantity = decimal::from_units(2);
  draw.unit = "EA";
  auto g = created();
  g.command_id({8, 8})
      .when(draw, System::qms)
      .then_pending()
      .then_event_names({"SampleRequested"})
      .then_effects({"ask batch/PMP-1 sample"})
      .when(measured("10"), System::mes)
      .then_accepted()
      .when(decide(lot::Decision::accept), System::qms)
      .then_refused("inspection.busy")
      .when_refused("batch/PMP-1", "sample", "batch.short_stock")
      .then_event_names({"SampleRefused"})
      .then_settled({8, 8}, engine::Outcome::refused, "batch.short_stock")
      .when(draw, System::qms)
      .when_granted<actors::batch>("batch/PMP-1", "sample")
      .then_event_names({"SampleDrawn"})
      .then_settled({8, 8})
      .when(draw, System::qms)
      .then_refused("inspection.sample_exists");
  BOOST_CHECK_EQUAL(g.state().samples.size(), 1u);
  const auto move = [&] {
    auto again = created();
    again.when(draw, System::qms);
    return again.sent<actors::batch, lot::PostMovementT>();
  }();
  BOOST_REQUIRE(move);
  BOOST_CHECK_EQUAL(move->movement, "331");
  BOOST_CHECK_EQUAL(move->posting, "IL-1/S-1");
  created(false).when(draw, System::qms).then_refused("inspection.not_released");
}

BOOST_AUTO_TEST_CASE(a_conditional_decision_hands_its_concession_on) {
  auto c = decide(lot::Decision::conditional);
  c.concession = std::make_unique<lot::ConcessionT>();
  c.concession->concession = "K-1";
  c.concession->customer = "ACME";
  auto g = created();
  g.when(measured("12"), System::mes).when(c, System::qms).then_pending();
  const auto ask = g.sent<actors::batch, lot::DecideUsageT>();
  BOOST_REQUIRE(ask && ask->concession);
  BOOST_CHECK_EQUAL(ask->concession->customer, "ACME");
  BOOST_CHECK_EQUAL(g.state().concession->concession, "K-1");
  g.when_refused("batch/PMP-1", "usage", "batch.unit_mismatch");
  BOOST_CHECK(!g.state().concession);
}

BOOST_AUTO_TEST_CASE(partial_decisions_name_quantities_and_stocks) {
  auto c = decide(lot::Decision::accept);
  lot::QuantityT part;
  part.stock = lot::StockType::blocked;
  part.quantity = decimal::from_units(3);
  part.unit = "EA";
  c.quantities.push_back(part);
  auto g = created();
  g.when(measured("10"), System::mes).when(c, System::qms).then_pending();
  const auto ask = g.sent<actors::batch, lot::DecideUsageT>();
  BOOST_REQUIRE(ask);
  BOOST_REQUIRE_EQUAL(ask->quantities.size(), 1u);
  BOOST_CHECK(ask->quantities[0].stock == lot::StockType::blocked);
  // The batch finds that it is more than there is: the lot stays open.
  g.when_refused("batch/PMP-1", "usage", "batch.quantities_mismatch")
      .then_state(status(lots::Status::results_recorded))
      .when(c, System::qms)
      .when_granted<actors::batch>("batch/PMP-1", "usage")
      .then_state(status(lots::Status::usage_decided))
      .when(c, System::qms)
      .then_refused("inspection.decided");
}

BOOST_AUTO_TEST_CASE(a_chain_of_retests_names_its_predecessor_each_time) {
  given<inspection_kind> g;
  g.id("IL-2")
      .reference<actors::material>("PUMP", pump())
      .when(create("IL-1"), System::qms)
      .then_pending();
  const auto start = g.sent<actors::batch, lot::StartInspectionT>();
  BOOST_REQUIRE(start);
  BOOST_CHECK_EQUAL(start->retest_of, "IL-1");
  BOOST_CHECK_EQUAL(g.state().retest_of, "IL-1");
  g.when_refused("batch/PMP-1", "start", "batch.inspection_unknown")
      .then_settled({0xc0ffee, 1}, engine::Outcome::refused, "batch.inspection_unknown");
}

BOOST_AUTO_TEST_CASE(a_lot_that_is_full_of_results_parks_what_more_is_measured) {
  auto g = created();
  for (int n = 0; n < 1000; ++n) g.when(measured("10"), System::qms).then_accepted();
  g.when(measured("10"), System::qms)
      .then_parked("inspection.results_full")
      .then_state([](const lots::StateT& s) { BOOST_CHECK_EQUAL(s.results.size(), 1000u); });
}

BOOST_AUTO_TEST_CASE(every_command_in_every_status) {
  using lots::Command;
  using subject = given<inspection_kind>;
  transition_table<inspection_kind> t;
  t.name_of = [](const lots::StateT& s) { return std::string(EnumNameStatus(s.status)); };
  t.columns = {{"created", [](subject& g) { g = created(false); }},
               {"released", [](subject& g) { g = created(); }},
               {"results_recorded",
                [](subject& g) {
                  g = created();
                  g.when(measured("10"), System::qms).then_accepted();
                }},
               {"usage_decided",
                [](subject& g) {
                  g = created();
                  g.when(measured("10"), System::qms)
                      .when(decide(lot::Decision::accept), System::qms)
                      .when_granted<actors::batch>("batch/PMP-1", "usage");
                }},
               {"cancelled", [](subject& g) {
                  g = created();
                  lots::CancelT c;
                  c.reason = "twice";
                  g.when(c, System::qms).when_granted<actors::batch>("batch/PMP-1", "cancel");
                }}};
  const auto qms = [](auto command) {
    return [command](subject& g) { g.when(command, System::qms); };
  };
  lots::ReleaseT release;
  release.characteristics = pump().plans[0].characteristics;
  lots::CancelT cancel;
  cancel.reason = "twice";
  lots::DrawSampleT sample;
  sample.sample = "SA-1";
  t.rows = {
      {Command::Create, qms(create()), {"-exists", "-exists", "-exists", "-exists", "-exists"}},
      {Command::Release, qms(release), {"released", "-exists", "-exists", "-exists", "-cancelled"}},
      {Command::RecordResult,
       qms(measured("10.1")),
       {"!not_released", "results_recorded", "results_recorded", "!decided", "!cancelled"}},
      {Command::DecideUsage,
       qms(decide(lot::Decision::accept)),
       {"-not_released", "-results_missing", "?results_recorded", "-decided", "-cancelled"}},
      {Command::Cancel,
       qms(cancel),
       {"cancelled", "cancelled", "cancelled", "-decided", "-cancelled"}},
      {Command::DrawSample,
       qms(sample),
       {"-not_released", "?released", "?results_recorded", "-decided", "-cancelled"}}};
  t.check(lots::EnumValuesCommand());
}
