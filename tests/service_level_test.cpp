// layer: actors
// Service levels as data: what a definition may say, and alerts that are raised once.
#define BOOST_TEST_MODULE service_level
#include "actors/service_level.hpp"

#include "tests/kind_harness.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::service_level;
using subject = actors::service_level;

namespace {

DefineT define() {
  DefineT c;
  c.from_event = "production.order.created.v1";
  c.from_key = "id";
  c.to_event = "production.order.closed.v1";
  c.to_key = "id";
  c.target_ms = 1000;
  c.objective = decimal::from_units(99);
  c.window_h = 24;
  return c;
}
template <class F>
void refused(F change, const char* code) {
  auto c = define();
  change(c);
  given<subject>().when(c, System::ops).then_refused(code);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_default_is_a_definition_that_would_be_taken) {
  const auto all = actors::default_service_levels();
  BOOST_CHECK_EQUAL(all.size(), 9u);
  for (const auto& one : all) {
    DefineT c;
    const auto& d = one.definition;
    c.meaning = d.meaning;
    c.from_event = d.from_event;
    c.from_key = d.from_key;
    c.from_match = d.from_match;
    c.from_time = d.from_time;
    c.to_event = d.to_event;
    c.to_key = d.to_key;
    c.to_match = d.to_match;
    c.target_ms = d.target_ms;
    c.objective = d.objective;
    c.window_h = d.window_h;
    BOOST_TEST_CONTEXT(one.name) {
      given<subject>().when(c, System::ops).then_event_names({"Defined"});
    }
  }
}

BOOST_AUTO_TEST_CASE(what_points_nowhere_is_refused) {
  refused([](auto& c) { c.to_event = "production.order.shut.v1"; }, "service_level.event_unknown");
  refused([](auto& c) { c.from_key = "order"; }, "service_level.pointer_invalid");
  refused([](auto& c) { c.from_key = "id+"; }, "service_level.pointer_invalid");
  refused([](auto& c) { c.to_match = "status=done"; }, "service_level.pointer_invalid");
  refused([](auto& c) { c.from_time = "occurred_at"; }, "service_level.pointer_invalid");
  refused([](auto& c) { c.objective = decimal::from_units(100); },
          "service_level.objective_invalid");
  refused([](auto& c) { c.window_h = 745; }, "service_level.window_invalid");
}

BOOST_AUTO_TEST_CASE(alerts_are_raised_and_cleared_once) {
  given<subject> g;
  RaiseAlertT raise;
  raise.correlation = "T-1";
  g.when(raise, System::ops).then_event_names({"AlertRaised"});
  g.when(raise, System::ops).then_nothing();
  BOOST_CHECK(g.state().alerting);
  g.when(ClearAlertT(), System::ops).then_event_names({"AlertCleared"});
  g.when(ClearAlertT(), System::ops).then_nothing();
  BOOST_CHECK_EQUAL(g.state().alerts, 1u);
}

BOOST_AUTO_TEST_CASE(a_withdrawn_level_comes_back_by_a_definition) {
  given<subject> g;
  g.when(define(), System::ops).when(define(), System::ops).then_nothing();
  WithdrawT withdraw;
  withdraw.reason = "not ours";
  g.when(withdraw, System::ops).then_event_names({"Withdrawn"});
  g.when(withdraw, System::ops).then_refused("service_level.withdrawn");
  g.when(RaiseAlertT(), System::ops).then_nothing();
  g.when(define(), System::ops).then_event_names({"Defined"});
}
