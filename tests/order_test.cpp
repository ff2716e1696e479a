// layer: actors
// Orders, given-when-then: creation, the release track, changes, cancellation and the end of life.
#define BOOST_TEST_MODULE order
#include "tests/order_given.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::testing::orders;

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
  given<subject>()
      .reference<actors::material>("PUMP-100", pump())
      .when(c, System::erp)
      .then_state([](const StateT& s) {
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
  given<subject>()
      .reference<actors::material>("PUMP-100", pump())
      .when(revision, System::erp)
      .then_refused("order.revision_unknown");
  auto unit = create();
  unit.unit = "KGM";
  given<subject>()
      .reference<actors::material>("PUMP-100", pump())
      .when(unit, System::erp)
      .then_refused("order.unit_not_convertible");
  given<subject>()
      .rule("references.must_exist", "true")
      .when(create(), System::erp)
      .then_refused("order.material_unknown");
}

BOOST_AUTO_TEST_CASE(an_order_may_come_before_its_material) {
  given<subject>().when(create(), System::erp).then_accepted().then_state([](const StateT& s) {
    BOOST_CHECK(s.operations.empty());
  });
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
  released()
      .then_event_names({"OrderReleased", "OrderDispatched"})
      .then_settled(asker)
      .then_state([](const StateT& s) {
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
  created()
      .rule("release.mode", "follow")
      .when(RequestReleaseT(), System::erp)
      .then_accepted()
      .then_event_names({"ReleaseRequested", "OrderReleased"});
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
  g.when(first, System::erp)
      .then_pending()
      .when_from("order_release/1000042", mark)
      .then_state([](const StateT& s) { BOOST_CHECK(s.life == Life::released); });
  first.operations = {"0099"};
  created().when(first, System::erp).then_refused("order.operation_unknown");
}

BOOST_AUTO_TEST_CASE(quantities_are_released_in_parts) {
  RequestReleaseT part;
  part.quantity = decimal::from_units(4);
  auto mark = mark_released(true);
  mark.quantity = decimal::from_units(4);
  auto g = created();
  g.when(part, System::erp)
      .when_from("order_release/1000042", mark)
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.life == Life::partially_released);
        BOOST_CHECK(s.released_quantity == decimal::from_units(4));
      });
  mark.quantity = decimal::from_units(6);
  g.when(part, System::erp)
      .when_from("order_release/1000042", mark)
      .then_state([](const StateT& s) {
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
  created()
      .when(c, System::erp)
      .then_event_names({"OrderChanged"})
      .then_effects({})
      .then_state([](const StateT& s) {
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
  g.bound(System::mes)
      .command_id({8, 8})
      .when(c, System::erp)
      .then_pending()
      .then_event_names({"ChangeRequested"})
      .then_effects({"tell order_release/1000042"});
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
  created()
      .when(c, System::erp)
      .then_event_names({"OrderCancelled"})
      .then_effects({})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.life == Life::cancelled);
        BOOST_CHECK(s.dispatch == Dispatch::cancelled);
      });
  asked()
      .when(c, System::erp)
      .then_effects({"tell order_release/1000042"})
      .then_settled(asker, engine::Outcome::refused, "order.release_cancelled");
  released()
      .when(c, System::erp)
      .then_event_names({"OrderCancelled"})
      .then_effects({"tell order_release/1000042"});
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
  g.bound(System::mes)
      .command_id({9, 9})
      .when(CancelT(), System::erp)
      .then_pending()
      .then_event_names({"CancelRequested"});
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
