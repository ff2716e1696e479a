// layer: actors
// Orders, given-when-then: life, release track, confirmations, goods movements, reversals, and the issue's exchange.
#define BOOST_TEST_MODULE order
#include "actors/order.hpp"

#include "actors/batch.hpp"
#include "actors/material.hpp"
#include "actors/order_release.hpp"
#include "actors/production_confirmation.hpp"
#include "tests/kind_harness.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::order;
using subject = actors::order;
namespace lot = millrace::batch;

namespace {

const hash128 asker{7, 7};

material::StateT pump() {
  material::StateT m;
  m.base_unit = "EA";
  m.revision = "A";
  m.conversions.resize(1);
  m.conversions[0].unit = "BX";
  m.conversions[0].numerator = 12;
  auto& r = m.revisions.emplace_back();
  r.revision = "A";
  r.base_quantity = decimal::from_units(1);
  r.routing.resize(2);
  r.routing[0].operation = "0010";
  r.routing[0].work_center = "WC-1";
  r.routing[0].labour_time = "PT6M";
  r.routing[0].setup_time = "PT20M";
  r.routing[1].operation = "0020";
  r.components.resize(1);
  r.components[0].material = "HOUSING";
  r.components[0].quantity = decimal::from_units(1);
  r.components[0].unit = "EA";
  r.components[0].operation = "0010";
  r.components[0].scrap_percent = decimal::from_units(10);
  return m;
}
material::StateT housing(bool batches = true) {
  material::StateT m;
  m.base_unit = "EA";
  m.batch_managed = batches;
  return m;
}
CreateT create() {
  CreateT c;
  c.material = "PUMP-100";
  c.revision = "A";
  c.quantity = decimal::from_units(10);
  c.unit = "EA";
  return c;
}
given<subject> created() {
  given<subject> g;
  g.id("1000042").reference<actors::material>("PUMP-100", pump()).reference<actors::material>("HOUSING", housing());
  g.when(create(), System::erp).then_accepted();
  return g;
}
MarkReleasedT mark_released(bool dispatched = false) {
  MarkReleasedT c;
  c.revision = "A";
  c.dispatched = dispatched;
  return c;
}
given<subject> asked() {
  auto g = created();
  g.command_id(asker).when(RequestReleaseT(), System::erp).then_pending();
  return g;
}
given<subject> released() {
  auto g = asked();
  auto mark = mark_released(true);
  mark.operations = g.state().operations;
  mark.components = g.state().components;
  g.when_from("order_release/1000042", mark).then_accepted();
  return g;
}
ConfirmOperationT confirm(const char* id = "C-1", const char* operation = "0010", int yield = 10, bool final = true) {
  ConfirmOperationT c;
  c.confirmation = id;
  c.operation = operation;
  c.yield = decimal::from_units(yield);
  c.unit = "EA";
  c.final = final;
  return c;
}
ReportConsumptionT consume(const char* id = "G-1", int quantity = 10) {
  ReportConsumptionT c;
  c.report = id;
  c.operation = "0010";
  c.material = "HOUSING";
  c.batch = "HSG-0001";
  c.quantity = decimal::from_units(quantity);
  c.unit = "EA";
  return c;
}
ReportProductionT produce(const char* id = "P-1", const char* batch = "PMP-0001", int quantity = 10) {
  ReportProductionT c;
  c.report = id;
  c.batch = batch;
  c.quantity = decimal::from_units(quantity);
  c.unit = "EA";
  return c;
}
lot::ConsumedT lot_consumed(int quantity = 10) {
  lot::ConsumedT e;
  e.quantity = decimal::from_units(quantity);
  e.unit = "EA";
  return e;
}
lot::ProducedT lot_produced(int quantity = 10) {
  lot::ProducedT e;
  e.quantity = decimal::from_units(quantity);
  e.unit = "EA";
  return e;
}
/// Everything of it consumed and produced.
given<subject> executed() {
  auto g = released();
  g.when(consume(), System::mes).when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed());
  g.when(produce(), System::mes).when_granted<actors::batch>("batch/PMP-0001", "production/P-1", lot_produced());
  return g;
}
given<subject> closed() {
  auto g = executed();
  g.when(CompleteTechnicallyT(), System::erp).when(CloseT(), System::erp).then_accepted();
  return g;
}
CancelConfirmationT cancel_confirmation(const char* id = "C-1") {
  CancelConfirmationT c;
  c.confirmation = id;
  c.reason = "typing error";
  return c;
}
ReverseConsumptionT reverse_consumption(const char* id = "G-1") {
  ReverseConsumptionT c;
  c.report = id;
  return c;
}
ReverseProductionT reverse_production(const char* id = "P-1") {
  ReverseProductionT c;
  c.report = id;
  return c;
}

}  // namespace

// --- creation ---

BOOST_AUTO_TEST_CASE(creation_plans_from_the_revision_of_the_material) {
  created().then_event_names({"OrderCreated"}).then_effects({}).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::created);
    BOOST_CHECK(s.dispatch == Dispatch::waiting);
    BOOST_CHECK_EQUAL(s.revision, "A");
    BOOST_REQUIRE_EQUAL(s.operations.size(), 2u);
    BOOST_CHECK_EQUAL(s.operations[0].labour_time, "PT1H");
    BOOST_CHECK_EQUAL(s.operations[0].setup_time, "PT20M");
    BOOST_CHECK(s.operations[0].planned == decimal::from_units(10));
    BOOST_REQUIRE_EQUAL(s.components.size(), 1u);
    BOOST_CHECK(s.components[0].planned == decimal::from_units(11));
  });
}

BOOST_AUTO_TEST_CASE(its_own_operations_and_components_win) {
  auto c = create();
  c.operations.resize(1);
  c.operations[0].operation = "0100";
  c.components.resize(1);
  c.components[0].material = "BRACKET";
  c.components[0].quantity = decimal::from_units(2);
  c.components[0].unit = "EA";
  given<subject>().reference<actors::material>("PUMP-100", pump()).when(c, System::erp).then_state([](const StateT& s) {
    BOOST_REQUIRE_EQUAL(s.operations.size(), 1u);
    BOOST_CHECK_EQUAL(s.operations[0].operation, "0100");
    BOOST_CHECK_EQUAL(s.components[0].material, "BRACKET");
    BOOST_CHECK(s.components[0].planned == decimal::from_units(20));
  });
}

BOOST_AUTO_TEST_CASE(creation_is_refused_for_what_cannot_be) {
  created().when(create(), System::erp).then_refused("order.exists");
  auto revision = create();
  revision.revision = "Z";
  given<subject>().reference<actors::material>("PUMP-100", pump()).when(revision, System::erp).then_refused("order.revision_unknown");
  auto unit = create();
  unit.unit = "KGM";
  given<subject>().reference<actors::material>("PUMP-100", pump()).when(unit, System::erp).then_refused("order.unit_not_convertible");
  given<subject>().rule("references.must_exist", "true").when(create(), System::erp).then_refused("order.material_unknown");
}

BOOST_AUTO_TEST_CASE(an_order_may_come_before_its_material) {
  given<subject>().when(create(), System::erp).then_accepted().then_state([](const StateT& s) { BOOST_CHECK(s.operations.empty()); });
}

// --- release ---

BOOST_AUTO_TEST_CASE(a_request_waits_for_the_verdict) {
  asked()
      .then_event_names({"ReleaseRequested"})
      .then_effects({"ask order_release/1000042 release"})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.life == Life::created);
        BOOST_CHECK(s.dispatch == Dispatch::pending);
      })
      .when(RequestReleaseT(), System::erp)
      .then_refused("order.release_pending");
}

BOOST_AUTO_TEST_CASE(the_pass_releases_and_answers_who_asked) {
  auto g = asked();
  auto mark = mark_released();
  mark.operations = g.state().operations;
  mark.components = g.state().components;
  g.when_from("order_release/1000042", mark)
      .then_event_names({"OrderReleased"})
      .then_settled(asker)
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.life == Life::released);
        BOOST_CHECK(s.dispatch == Dispatch::pending);
        BOOST_CHECK(s.operations[1].status == OperationStatus::released);
        BOOST_CHECK(s.released_quantity == s.quantity);
      })
      .when_from("order_release/1000042", MarkDispatchedT())
      .then_event_names({"OrderDispatched"})
      .then_state([](const StateT& s) { BOOST_CHECK(s.dispatch == Dispatch::dispatched); })
      .when(RequestReleaseT(), System::erp)
      .then_refused("order.wrong_life");
}

BOOST_AUTO_TEST_CASE(without_an_mes_the_pass_dispatches_at_once) {
  released().then_event_names({"OrderReleased", "OrderDispatched"}).then_settled(asker).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::released);
    BOOST_CHECK(s.dispatch == Dispatch::dispatched);
  });
}

BOOST_AUTO_TEST_CASE(a_parked_release_shows_its_blockers_and_answers_who_asked) {
  MarkBlockedT blocked;
  blocked.blockers.resize(1);
  blocked.blockers[0].check = "component";
  blocked.blockers[0].reason = "HOUSING: 0 of 10 EA available";
  auto g = asked();
  const auto first = g.now();
  g.when_from("order_release/1000042", blocked)
      .then_event_names({"OrderBlocked"})
      .then_settled(asker)
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.life == Life::created);
        BOOST_REQUIRE_EQUAL(s.blockers.size(), 1u);
      })
      .after_ms(1000)
      .when_from("order_release/1000042", blocked)
      .then_state([&](const StateT& s) { BOOST_CHECK(s.blockers[0].since == first); })
      .when_from("order_release/1000042", mark_released(true))
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.life == Life::released);
        BOOST_CHECK(s.blockers.empty());
      });
}

BOOST_AUTO_TEST_CASE(a_release_that_times_out_is_refused_to_who_still_waits) {
  MarkReleaseEndedT ended;
  ended.code = "order.release_timed_out";
  ended.reason = "took too long";
  asked()
      .when_from("order_release/1000042", ended)
      .then_settled(asker, engine::Outcome::refused, "order.release_timed_out")
      .then_state([](const StateT& s) {
        BOOST_CHECK(!s.release_waits);
        BOOST_CHECK(s.dispatch == Dispatch::waiting);
        BOOST_CHECK_EQUAL(s.blockers.size(), 1u);
      })
      .when(RequestReleaseT(), System::erp)
      .then_pending();
}

BOOST_AUTO_TEST_CASE(a_process_that_refuses_to_start_ends_the_release) {
  asked()
      .when_refused("order_release/1000042", "release", "order_release.under_way", "busy")
      .then_settled(asker, engine::Outcome::refused, "order_release.under_way")
      .then_state([](const StateT& s) { BOOST_CHECK(!s.release_waits); });
}

BOOST_AUTO_TEST_CASE(in_follow_mode_the_fact_releases_at_once_and_the_dispatch_waits) {
  created()
      .when(ReleaseT(), System::erp)
      .then_accepted()
      .then_event_names({"OrderReleased"})
      .then_effects({"ask order_release/1000042 release"})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.life == Life::released);
        BOOST_CHECK(s.mode == Mode::follow);
        BOOST_CHECK(s.dispatch == Dispatch::pending);
      })
      .when(ReleaseT(), System::erp)
      .then_nothing();
  created().rule("release.mode", "follow").when(RequestReleaseT(), System::erp).then_accepted().then_event_names(
      {"ReleaseRequested", "OrderReleased"});
}

BOOST_AUTO_TEST_CASE(operations_are_released_in_parts) {
  RequestReleaseT first;
  first.operations = {"0010"};
  MarkReleasedT mark;
  mark.released_operations = {"0010"};
  mark.dispatched = true;
  auto g = created();
  g.when(first, System::erp).then_pending();
  mark.operations = g.state().operations;
  mark.components = g.state().components;
  g.when_from("order_release/1000042", mark)
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.life == Life::partially_released);
        BOOST_CHECK(s.operations[0].status == OperationStatus::released);
        BOOST_CHECK(s.operations[1].status == OperationStatus::waiting);
      })
      .when(confirm("C-2", "0020"), System::mes)
      .then_parked("order.not_released")
      .when(confirm("C-1", "0010"), System::mes)
      .then_accepted();
  first.operations = {"0020"};
  mark.released_operations = {"0020"};
  g.when(first, System::erp).then_pending().when_from("order_release/1000042", mark).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::released);
  });
  first.operations = {"0099"};
  created().when(first, System::erp).then_refused("order.operation_unknown");
}

BOOST_AUTO_TEST_CASE(quantities_are_released_in_parts) {
  RequestReleaseT part;
  part.quantity = decimal::from_units(4);
  auto mark = mark_released(true);
  mark.quantity = decimal::from_units(4);
  auto g = created();
  g.when(part, System::erp).when_from("order_release/1000042", mark).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::partially_released);
    BOOST_CHECK(s.released_quantity == decimal::from_units(4));
  });
  mark.quantity = decimal::from_units(6);
  g.when(part, System::erp).when_from("order_release/1000042", mark).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::released);
    BOOST_CHECK(s.released_quantity == decimal::from_units(10));
  });
}

BOOST_AUTO_TEST_CASE(the_mes_reports_where_it_is) {
  ReportDispatchT held;
  held.dispatch = Dispatch::held;
  held.mes_id = "M-1";
  released()
      .when(held, System::mes)
      .then_event_names({"DispatchReported"})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.dispatch == Dispatch::held);
        BOOST_CHECK_EQUAL(s.mes_id, "M-1");
      })
      .when(held, System::mes)
      .then_nothing();
  created().when(held, System::mes).then_parked("order.not_released");
}

// --- change and cancel ---

BOOST_AUTO_TEST_CASE(a_change_before_dispatch_rescales_the_plan) {
  ChangeT c;
  c.quantity = decimal::from_units(2);
  c.unit = "BX";
  created().when(c, System::erp).then_event_names({"OrderChanged"}).then_effects({}).then_state([](const StateT& s) {
    BOOST_CHECK(s.quantity == decimal::from_units(24));
    BOOST_CHECK_EQUAL(s.operations[0].labour_time, "PT2H24M");
    BOOST_CHECK(s.components[0].planned == decimal::parse("26.4").value());
  });
  created().when(ChangeT(), System::erp).then_nothing();
  c.unit = "KGM";
  created().when(c, System::erp).then_refused("order.unit_not_convertible");
  c.unit = "EA";
  executed().when(c, System::erp).then_refused("order.quantity_too_small");
  closed().when(c, System::erp).then_refused("order.wrong_life");
}

BOOST_AUTO_TEST_CASE(a_change_after_dispatch_asks_the_mes) {
  ChangeT c;
  c.quantity = decimal::from_units(20);
  ConcludeChangeT agreed;
  agreed.agreed = true;
  ConcludeChangeT refused;
  refused.reason = "running";
  auto g = released();
  g.bound(System::mes).command_id({8, 8}).when(c, System::erp).then_pending().then_event_names({"ChangeRequested"}).then_effects(
      {"tell order_release/1000042"});
  g.when(c, System::erp).then_refused("order.answer_pending");
  g.when_from("order_release/1000042", refused)
      .then_event_names({"ChangeRefused"})
      .then_settled({8, 8}, engine::Outcome::refused, "order.mes_disagreed")
      .then_state([](const StateT& s) { BOOST_CHECK(s.quantity == decimal::from_units(10)); });
  g.when(c, System::erp)
      .when_from("order_release/1000042", agreed)
      .then_event_names({"OrderChanged"})
      .then_settled({8, 8})
      .then_state([](const StateT& s) { BOOST_CHECK(s.quantity == decimal::from_units(20)); })
      .when_from("order_release/1000042", agreed)
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(an_order_without_reports_can_be_cancelled) {
  CancelT c;
  c.reason = "customer gone";
  created().when(c, System::erp).then_event_names({"OrderCancelled"}).then_effects({}).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::cancelled);
    BOOST_CHECK(s.dispatch == Dispatch::cancelled);
  });
  asked()
      .when(c, System::erp)
      .then_effects({"tell order_release/1000042"})
      .then_settled(asker, engine::Outcome::refused, "order.release_cancelled");
  released().when(c, System::erp).then_event_names({"OrderCancelled"}).then_effects({"tell order_release/1000042"});
  released().when(confirm(), System::mes).when(c, System::erp).then_refused("order.has_reports");
  executed().when(c, System::erp).then_refused("order.has_reports");
  created().when(c, System::erp).when(c, System::erp).then_refused("order.wrong_life");
  created().when(c, System::erp).when(confirm(), System::mes).then_parked("order.cancelled");
}

BOOST_AUTO_TEST_CASE(after_dispatch_cancelling_needs_the_mes) {
  ConcludeCancelT yes;
  yes.agreed = true;
  ConcludeCancelT no;
  no.reason = "has started";
  auto g = released();
  g.bound(System::mes).command_id({9, 9}).when(CancelT(), System::erp).then_pending().then_event_names({"CancelRequested"});
  g.when_from("order_release/1000042", no)
      .then_event_names({"CancelRefused"})
      .then_settled({9, 9}, engine::Outcome::refused, "order.mes_disagreed")
      .then_state([](const StateT& s) { BOOST_CHECK(s.life == Life::released); });
  g.when(CancelT(), System::erp)
      .when_from("order_release/1000042", yes)
      .then_event_names({"OrderCancelled"})
      .then_settled({9, 9})
      .when_from("order_release/1000042", yes)
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(an_agreement_that_a_report_has_overtaken_cancels_nothing) {
  ConcludeCancelT yes;
  yes.agreed = true;
  released()
      .bound(System::mes)
      .command_id({9, 9})
      .when(CancelT(), System::erp)
      .when(confirm(), System::mes)
      .when_from("order_release/1000042", yes)
      .then_event_names({"CancelRefused"})
      .then_settled({9, 9}, engine::Outcome::refused, "order.mes_disagreed");
}

// --- the end of life ---

BOOST_AUTO_TEST_CASE(technical_completion_gives_reservations_back_and_can_be_revoked) {
  released()
      .when(CompleteTechnicallyT(), System::erp)
      .then_event_names({"TechnicallyCompleted"})
      .then_effects({"tell order_release/1000042"})
      .when(confirm(), System::mes)
      .then_accepted()
      .when(RevokeT(), System::erp)
      .then_event_names({"CompletionRevoked"})
      .then_state([](const StateT& s) { BOOST_CHECK(s.life == Life::released); })
      .when(RevokeT(), System::erp)
      .then_refused("order.wrong_life");
  created().when(CompleteTechnicallyT(), System::erp).then_refused("order.wrong_life");
  created().when(CloseT(), System::erp).then_refused("order.wrong_life");
  created().when(ReopenT(), System::erp).then_refused("order.wrong_life");
}

BOOST_AUTO_TEST_CASE(closing_a_released_order_completes_it_first) {
  released().when(CloseT(), System::erp).then_event_names({"TechnicallyCompleted", "OrderClosed"});
}

BOOST_AUTO_TEST_CASE(after_closing_facts_are_exceptions_until_it_is_reopened) {
  closed()
      .when(confirm(), System::mes)
      .then_parked("order.closed")
      .when(consume("G-9"), System::mes)
      .then_parked("order.closed")
      .when(produce("P-9"), System::mes)
      .then_parked("order.closed")
      .when(reverse_consumption(), System::mes)
      .then_parked("order.closed")
      .when(ReleaseT(), System::erp)
      .then_parked("order.closed")
      .when(ReopenT(), System::erp)
      .then_event_names({"OrderReopened"})
      .reposting()
      .when(confirm(), System::mes)
      .then_accepted();
}

// --- confirmations ---

BOOST_AUTO_TEST_CASE(a_confirmation_is_one_record_without_effects) {
  auto g = released();
  auto c = confirm();
  c.labour = "PT55M";
  c.occurred_at = timestamp::parse("2026-11-24T08:00:00Z").value();
  g.when(c, System::mes).then_accepted().then_event_names({"OperationConfirmed"}).then_effects({}).then_state([&](const StateT& s) {
    BOOST_CHECK(s.operations[0].yield == decimal::from_units(10));
    BOOST_CHECK(s.operations[0].status == OperationStatus::confirmed);
    BOOST_CHECK_EQUAL(s.operations[0].labour, "PT55M");
    BOOST_CHECK(s.operations[0].finished == c.occurred_at);
    BOOST_CHECK(s.confirmation == Progress::partial);
    BOOST_CHECK(s.dispatch == Dispatch::running);
    BOOST_CHECK(s.yield.is_zero());
    BOOST_CHECK_EQUAL(s.confirmations, 1u);
  });
  const auto row = g.row<ConfirmationT>("confirmations", "C-1");
  BOOST_REQUIRE(row && row->erp);
  BOOST_CHECK(row->erp->status == PostingStatus::posted);
  BOOST_CHECK(row->erp->posted_at == g.now());
  g.when(confirm("C-2", "0020"), System::mes).then_state([](const StateT& s) {
    BOOST_CHECK(s.confirmation == Progress::final);
    BOOST_CHECK(s.dispatch == Dispatch::completed);
    BOOST_CHECK(s.yield == decimal::from_units(10));
  });
}

BOOST_AUTO_TEST_CASE(increments_add_up_until_the_final_one) {
  released()
      .when(confirm("C-1", "0010", 4, false), System::mes)
      .when(confirm("C-2", "0010", 6, false), System::mes)
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.operations[0].yield == decimal::from_units(10));
        BOOST_CHECK(s.operations[0].status == OperationStatus::started);
      });
  released()
      .rule("operation.completed_by", "quantity")
      .when(confirm("C-1", "0010", 4, false), System::mes)
      .when(confirm("C-2", "0010", 6, false), System::mes)
      .then_state([](const StateT& s) { BOOST_CHECK(s.operations[0].status == OperationStatus::confirmed); });
}

BOOST_AUTO_TEST_CASE(the_same_confirmation_twice_counts_once) {
  auto other = confirm();
  other.yield = decimal::from_units(9);
  released()
      .when(confirm(), System::mes)
      .after_ms(60'000)
      .when(confirm(), System::mes)
      .then_accepted()
      .then_nothing()
      .when(other, System::mes)
      .then_refused("order.report_differs");
}

BOOST_AUTO_TEST_CASE(confirmations_come_in_other_units) {
  auto boxes = confirm();
  boxes.unit = "BX";
  boxes.yield = decimal::from_units(2);
  auto kilos = confirm("C-9");
  kilos.unit = "KGM";
  released()
      .when(boxes, System::mes)
      .then_state([](const StateT& s) { BOOST_CHECK(s.operations[0].yield == decimal::from_units(24)); })
      .when(kilos, System::mes)
      .then_refused("order.unit_not_convertible");
}

BOOST_AUTO_TEST_CASE(confirmations_that_cannot_be_posted_wait) {
  created().when(confirm(), System::mes).then_parked("order.not_released").then_nothing();
  released().when(confirm("C-1", "0099"), System::mes).then_parked("order.operation_unknown");
  auto duration = confirm();
  duration.labour = "one hour";
  released().when(duration, System::mes).then_refused("request.invalid");
  auto date = confirm();
  date.posting_date = "24.11.2026";
  released().when(date, System::mes).then_refused("request.invalid");
}

BOOST_AUTO_TEST_CASE(a_confirmation_is_cancelled_by_its_id) {
  auto c = confirm();
  c.scrap = decimal::from_units(1);
  auto g = released();
  g.when(c, System::mes)
      .when(cancel_confirmation(), System::mes)
      .then_event_names({"ConfirmationCancelled"})
      .then_effects({})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.operations[0].yield.is_zero());
        BOOST_CHECK(s.scrap.is_zero());
        BOOST_CHECK(s.operations[0].status == OperationStatus::released);
        BOOST_CHECK(s.confirmation == Progress::none);
        BOOST_CHECK_EQUAL(s.confirmations, 0u);
      })
      .when(cancel_confirmation(), System::mes)
      .then_nothing()
      .when(c, System::mes)
      .then_nothing();
  BOOST_CHECK(g.row<ConfirmationT>("confirmations", "C-1")->cancelled);
  released().when(cancel_confirmation(), System::mes).then_parked("order.report_unknown");
}

BOOST_AUTO_TEST_CASE(with_an_erp_every_report_goes_on_its_way_and_comes_back_posted) {
  auto g = released();
  g.bound(System::erp).when(confirm(), System::mes).then_effects({"tell production_confirmation/1000042"}).then_state([](const StateT& s) {
    BOOST_CHECK_EQUAL(s.postings_open, 1u);
  });
  BOOST_CHECK(g.row<ConfirmationT>("confirmations", "C-1")->erp->status == PostingStatus::accepted);
  MarkPostedT word;
  word.report = "C-1";
  word.erp = std::make_unique<ErpT>();
  word.erp->status = PostingStatus::refused;
  word.erp->reason = "period closed";
  g.when_from("production_confirmation/1000042", word).then_event_names({"ReportPosted"}).then_state([](const StateT& s) {
    BOOST_CHECK_EQUAL(s.postings_open, 0u);
    BOOST_CHECK_EQUAL(s.postings_refused, 1u);
  });
  word.erp->status = PostingStatus::posted;
  word.erp->document = "4900001";
  g.when_from("production_confirmation/1000042", word).then_state([](const StateT& s) { BOOST_CHECK_EQUAL(s.postings_refused, 0u); });
  BOOST_CHECK_EQUAL(g.row<ConfirmationT>("confirmations", "C-1")->erp->document, "4900001");
  g.when(confirm(), System::mes).then_nothing();  // still the same report
  g.when(cancel_confirmation(), System::mes).then_effects({"tell production_confirmation/1000042"});
  word.kind = ReportKind::cancel_confirmation;
  g.when_from("production_confirmation/1000042", word).then_state([](const StateT& s) { BOOST_CHECK_EQUAL(s.postings_open, 0u); });
  BOOST_CHECK(g.row<ConfirmationT>("confirmations", "C-1")->erp->status == PostingStatus::cancelled);
  word.report = "C-77";
  g.when_from("production_confirmation/1000042", word).then_nothing();
}

// --- goods movements ---

BOOST_AUTO_TEST_CASE(consumption_asks_the_lot_and_posts_when_it_grants) {
  auto g = released();
  g.command_id(asker)
      .origin(asker)
      .when(consume(), System::mes)
      .then_pending()
      .then_event_names({"ConsumptionReported"})
      .then_effects({"ask batch/HSG-0001 consumption/G-1"});
  const auto asked_lot = g.sent<actors::batch, lot::ConsumeT>();
  BOOST_REQUIRE(asked_lot);
  BOOST_CHECK_EQUAL(asked_lot->order, "1000042");
  BOOST_CHECK(asked_lot->outputs.empty());
  g.when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed())
      .then_event_names({"ComponentConsumed"})
      .then_effects({})
      .then_settled(asker)
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.components[0].consumed == decimal::from_units(10));
        BOOST_REQUIRE_EQUAL(s.inputs.size(), 1u);
        BOOST_CHECK_EQUAL(s.inputs[0].batch, "HSG-0001");
        BOOST_CHECK_EQUAL(s.movements_open, 0u);
      })
      .when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed())
      .then_nothing()
      .when(consume(), System::mes)
      .then_accepted()
      .then_nothing()
      .when(consume("G-1", 9), System::mes)
      .then_refused("order.report_differs");
  BOOST_CHECK(g.row<ConsumptionRowT>("consumptions", "G-1")->movement->erp->status == PostingStatus::posted);
}

BOOST_AUTO_TEST_CASE(over_consumption_becomes_an_exception_and_posts_itself_later) {
  auto g = released();
  g.command_id(asker)
      .origin(asker)
      .when(consume("G-1", 500), System::mes)
      .when_parked("batch/HSG-0001", "consumption/G-1", "batch.short_stock", "batch~HSG-0001~1")
      .then_event_names({"MovementParked"})
      .then_settled(asker, engine::Outcome::parked, "batch.short_stock")
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.components[0].consumed.is_zero());
        BOOST_CHECK(s.inputs.empty());
        BOOST_CHECK_EQUAL(s.movements_open, 1u);
      })
      .when(produce(), System::mes)
      .when_granted<actors::batch>("batch/PMP-0001", "production/P-1", lot_produced())
      .when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed(500))
      .then_event_names({"ComponentConsumed"})
      .then_effects({"tell batch/HSG-0001"})  // linked to the output that has come meanwhile
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.components[0].consumed == decimal::from_units(500));
        BOOST_CHECK_EQUAL(s.movements_open, 0u);
      });
  BOOST_CHECK(g.last().settles.empty());
  const auto link = g.sent<actors::batch, lot::LinkOutputT>();
  BOOST_REQUIRE(link);
  BOOST_CHECK_EQUAL(link->output, "PMP-0001");
  BOOST_CHECK(link->quantity == decimal::from_units(500));
}

BOOST_AUTO_TEST_CASE(a_corrected_exception_posts_what_the_lot_posted) {
  released()
      .when(consume("G-1", 500), System::mes)
      .when_parked("batch/HSG-0001", "consumption/G-1", "batch.short_stock", "x")
      .when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed(5))
      .then_state([](const StateT& s) { BOOST_CHECK(s.components[0].consumed == decimal::from_units(5)); });
}

BOOST_AUTO_TEST_CASE(a_discarded_exception_leaves_nothing_posted) {
  auto g = released();
  g.when(consume("G-1", 500), System::mes)
      .when_parked("batch/HSG-0001", "consumption/G-1", "batch.short_stock", "x")
      .when_refused("batch/HSG-0001", "consumption/G-1", "exception.discarded")
      .then_event_names({"MovementRefused"})
      .then_state([](const StateT& s) { BOOST_CHECK_EQUAL(s.movements_open, 0u); })
      .when(consume("G-1", 500), System::mes)
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(held_stock_is_linked_at_once_and_posted_later) {
  auto g = released();
  g.when(produce("P-0", "PMP-0000", 1), System::mes).when_granted<actors::batch>("batch/PMP-0000", "production/P-0", lot_produced(1));
  g.when(consume(), System::mes);
  BOOST_CHECK_EQUAL((g.sent<actors::batch, lot::ConsumeT>()->outputs.at(0)), "PMP-0000");
  g.when_parked("batch/HSG-0001", "consumption/G-1", "batch.held", "x").then_effects({}).then_state([](const StateT& s) {
    BOOST_CHECK(s.components[0].consumed.is_zero());
    BOOST_CHECK_EQUAL(s.inputs.size(), 1u);
  });
  g.when(produce(), System::mes);
  BOOST_REQUIRE((g.sent<actors::batch, lot::ProduceT>()));
  BOOST_CHECK_EQUAL((g.sent<actors::batch, lot::ProduceT>()->inputs.size()), 1u);
  g.when_granted<actors::batch>("batch/PMP-0001", "production/P-1", lot_produced()).then_effects({});
  g.when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed())
      .then_effects({})
      .then_state([](const StateT& s) {
        BOOST_CHECK_EQUAL(s.inputs.size(), 1u);
        BOOST_CHECK(s.components[0].consumed == decimal::from_units(10));
      });
}

BOOST_AUTO_TEST_CASE(a_refusal_of_the_lot_is_the_callers) {
  released()
      .command_id(asker)
      .origin(asker)
      .when(consume(), System::mes)
      .when_refused("batch/HSG-0001", "consumption/G-1", "batch.unit_mismatch")
      .then_event_names({"MovementRefused"})
      .then_settled(asker, engine::Outcome::refused, "batch.unit_mismatch")
      .when(consume("G-1", 7), System::mes)  // nothing was posted: the id may be used again
      .then_pending();
}

BOOST_AUTO_TEST_CASE(consumption_that_cannot_be_asked_for_waits_or_is_refused) {
  auto no_batch = consume();
  no_batch.batch.clear();
  auto wrong = consume();
  wrong.operation = "0099";
  auto unit = consume();
  unit.unit = "KGM";
  released().when(no_batch, System::mes).then_parked("order.batch_missing");
  released().when(wrong, System::mes).then_parked("order.operation_unknown");
  released().when(unit, System::mes).then_refused("order.unit_not_convertible");
  created().when(consume(), System::mes).then_parked("order.not_released");
}

BOOST_AUTO_TEST_CASE(a_material_without_batches_has_an_anonymous_lot_per_location) {
  auto c = consume();
  c.batch.clear();
  c.location = "HALL-2";
  auto g = released();
  g.reference<actors::material>("HOUSING", housing(false)).when(c, System::mes).then_effects({"ask batch/HOUSING~HALL-2 consumption/G-1"});
  g.when_granted<actors::batch>("batch/HOUSING~HALL-2", "consumption/G-1", lot_consumed()).when(c, System::mes).then_nothing();
}

BOOST_AUTO_TEST_CASE(what_was_not_planned_is_added) {
  auto c = consume();
  c.material = "GREASE";
  c.batch = "GR-1";
  released().when(c, System::mes).when_granted<actors::batch>("batch/GR-1", "consumption/G-1", lot_consumed()).then_state([](const StateT& s) {
    BOOST_REQUIRE_EQUAL(s.components.size(), 2u);
    BOOST_CHECK(s.components[1].unplanned);
  });
}

BOOST_AUTO_TEST_CASE(production_makes_a_lot_out_of_all_inputs) {
  auto g = executed();
  g.then_event_names({"ProductProduced"}).then_state([](const StateT& s) {
    BOOST_CHECK(s.delivered == decimal::from_units(10));
    BOOST_CHECK(s.delivery == Progress::final);
    BOOST_CHECK_EQUAL(s.outputs.size(), 1u);
  });
  g.when(produce("P-2", "PMP-0002", 1), System::mes);
  const auto made = g.sent<actors::batch, lot::ProduceT>();
  BOOST_REQUIRE(made);
  BOOST_REQUIRE_EQUAL(made->inputs.size(), 1u);
  BOOST_CHECK_EQUAL(made->inputs[0].batch, "HSG-0001");
  BOOST_CHECK(made->inputs[0].quantity == decimal::from_units(10));
  BOOST_CHECK(made->inputs[0].basis == lot::Basis::order);
}

BOOST_AUTO_TEST_CASE(a_reported_output_links_only_to_its_own_inputs) {
  auto c = consume();
  c.output_batch = "PMP-0001";
  auto g = released();
  g.when(c, System::mes).when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed());
  g.when(produce("P-2", "PMP-0002"), System::mes);
  BOOST_CHECK((g.sent<actors::batch, lot::ProduceT>()->inputs.empty()));
  g.when_granted<actors::batch>("batch/PMP-0002", "production/P-2", lot_produced());
  g.when(produce(), System::mes);
  const auto made = g.sent<actors::batch, lot::ProduceT>();
  BOOST_REQUIRE_EQUAL(made->inputs.size(), 1u);
  BOOST_CHECK(made->inputs[0].basis == lot::Basis::reported);
}

BOOST_AUTO_TEST_CASE(inputs_and_outputs_that_cross_are_linked_once) {
  auto g = released();
  g.when(consume(), System::mes).when(produce(), System::mes);  // neither lot knows of the other
  g.when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed()).then_effects({});
  g.when_granted<actors::batch>("batch/PMP-0001", "production/P-1", lot_produced()).then_effects({"tell batch/HSG-0001"});
}

BOOST_AUTO_TEST_CASE(over_delivery_waits_by_tolerance) {
  released().rule("tolerance.over_delivery_percent", "10").when(produce("P-1", "B", 11), System::mes).then_pending();
  released().rule("tolerance.over_delivery_percent", "10").when(produce("P-1", "B", 12), System::mes).then_parked("order.over_delivery");
  released().when(produce("P-1", "B", 12), System::mes).then_pending();
}

BOOST_AUTO_TEST_CASE(a_by_product_delivers_nothing_of_the_product) {
  auto c = produce("P-1", "CHIPS-1", 3);
  c.material = "CHIPS";
  c.use = lot::MaterialUse::by_product;
  released().when(c, System::mes).when_granted<actors::batch>("batch/CHIPS-1", "production/P-1", lot_produced(3)).then_state([](const StateT& s) {
    BOOST_CHECK(s.delivered.is_zero());
    BOOST_CHECK(s.delivery == Progress::none);
    BOOST_CHECK_EQUAL(s.outputs.size(), 1u);
  });
}

// --- reversals ---

BOOST_AUTO_TEST_CASE(a_consumption_is_reversed_at_its_lot) {
  auto g = executed();
  g.command_id(asker)
      .origin(asker)
      .when(reverse_consumption(), System::mes)
      .then_pending()
      .then_event_names({"ReversalRequested"})
      .then_effects({"ask batch/HSG-0001 reverse_consumption/G-1"})
      .when(reverse_consumption(), System::mes)
      .then_nothing()
      .when_granted<actors::batch>("batch/HSG-0001", "reverse_consumption/G-1", lot::ConsumptionReversedT())
      .then_event_names({"MovementReversed"})
      .then_settled(asker)
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.components[0].consumed.is_zero());
        BOOST_CHECK(s.inputs[0].removed);
      })
      .when(reverse_consumption(), System::mes)
      .then_nothing();
  BOOST_CHECK(g.row<ConsumptionRowT>("consumptions", "G-1")->movement->status == MovementStatus::reversed);
}

BOOST_AUTO_TEST_CASE(a_production_is_reversed_at_its_lot) {
  executed()
      .when(reverse_production(), System::mes)
      .when_granted<actors::batch>("batch/PMP-0001", "reverse_production/P-1", lot::ProductionReversedT())
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.delivered.is_zero());
        BOOST_CHECK(s.delivery == Progress::none);
        BOOST_CHECK(s.outputs[0].removed);
      });
}

BOOST_AUTO_TEST_CASE(a_reversal_that_the_lot_cannot_do_waits_there_or_is_refused) {
  executed()
      .command_id(asker)
      .origin(asker)
      .when(reverse_production(), System::mes)
      .when_parked("batch/PMP-0001", "reverse_production/P-1", "batch.short_stock", "x")
      .then_event_names({"ReversalRefused"})
      .then_settled(asker, engine::Outcome::parked, "batch.short_stock")
      .when_granted<actors::batch>("batch/PMP-0001", "reverse_production/P-1", lot::ProductionReversedT())
      .then_event_names({"MovementReversed"});
  executed()
      .command_id(asker)
      .origin(asker)
      .when(reverse_production(), System::mes)
      .when_refused("batch/PMP-0001", "reverse_production/P-1", "batch.held")
      .then_settled(asker, engine::Outcome::refused, "batch.held")
      .then_state([](const StateT& s) { BOOST_CHECK(s.delivered == decimal::from_units(10)); })
      .when(reverse_production(), System::mes)
      .then_pending();
}

BOOST_AUTO_TEST_CASE(reversals_wait_for_what_they_reverse) {
  released().when(reverse_consumption("G-7"), System::mes).then_parked("order.report_unknown");
  released().when(consume(), System::mes).when(reverse_consumption(), System::mes).then_parked("order.report_not_posted");
}

BOOST_AUTO_TEST_CASE(reposting_does_not_make_anyone_wait) {
  auto g = released();
  g.reposting().when(consume(), System::mes).then_accepted().then_effects({"ask batch/HSG-0001 consumption/G-1"});
}

// --- the exchange of the issue ---

BOOST_AUTO_TEST_CASE(the_exchange_of_the_issue) {
  auto g = executed();
  g.when(confirm("C-1", "0010"), System::mes).then_accepted();
  g.then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::released);
    BOOST_CHECK(s.delivery == Progress::final);
    BOOST_CHECK(s.confirmation == Progress::partial);
    BOOST_CHECK(s.components[0].consumed == decimal::from_units(10));
    BOOST_CHECK(s.blockers.empty());
  });
}
