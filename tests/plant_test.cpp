// layer: actors
// A plant's life: every step that is allowed, every one that is refused, and who is told.
#define BOOST_TEST_MODULE plant
#include "actors/plant.hpp"

#include "actors/order_release.hpp"
#include "tests/kind_harness.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::plant;
using subject = actors::plant;

namespace {

CommissionedT commissioned() {
  CommissionedT e;
  e.region = "eu";
  e.time_zone = "Europe/Berlin";
  return e;
}
CommissionT commission() {
  CommissionT c;
  c.region = "eu";
  c.time_zone = "Europe/Berlin";
  return c;
}
PauseT pause_order(timestamp until = {}) {
  PauseT c;
  c.reason = "inventory";
  c.until = until;
  return c;
}
PausedT paused(timestamp until = {}) {
  PausedT e;
  e.reason = "inventory";
  e.until = until;
  return e;
}
WaiterAddedT waiter(const char* id) {
  WaiterAddedT e;
  e.process = id;
  return e;
}
order_release::RecheckT recheck() {
  order_release::RecheckT c;
  c.cause = "plant";
  return c;
}

}  // namespace

BOOST_AUTO_TEST_CASE(commissioning_activates) {
  given<subject>()
      .when(commission(), System::ops)
      .then_accepted()
      .then_events(commissioned(), ActivatedT())
      .then_effects({});
}

BOOST_AUTO_TEST_CASE(commissioning_can_leave_activation_for_later) {
  auto c = commission();
  c.activate = false;
  given<subject>()
      .when(c, System::ops)
      .then_events(commissioned())
      .when(ActivateT(), System::ops)
      .then_events(ActivatedT());
}

BOOST_AUTO_TEST_CASE(a_plant_is_commissioned_once) {
  given<subject>(commissioned(), ActivatedT())
      .when(commission(), System::ops)
      .then_refused("plant.already_commissioned");
}

BOOST_AUTO_TEST_CASE(pause_and_resume_tell_who_waits) {
  given<subject>(commissioned(), ActivatedT(), paused(), waiter("1000042"))
      .when(ResumeT(), System::ops)
      .then_events(ResumedT(), WaitersToldT())
      .then_effects({"tell order_release/1000042"})
      .then_sent<actors::order_release>("1000042", recheck())
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.life == Life::active);
        BOOST_CHECK(s.waiters.empty());
        BOOST_CHECK(s.reason.empty());
      });
}

BOOST_AUTO_TEST_CASE(a_pause_with_an_end_resumes_by_itself) {
  const auto until = timestamp::from_micros(1'900'000'000'000'000);
  given<subject>(commissioned(), ActivatedT())
      .when(pause_order(until), System::ops)
      .then_events(paused(until))
      .then_timer("resume", until)
      .when_timer("resume")
      .then_events(ResumedT());
}

BOOST_AUTO_TEST_CASE(a_timer_that_comes_after_the_resume_changes_nothing) {
  given<subject>(commissioned(), ActivatedT()).when_timer("resume").then_nothing();
}

BOOST_AUTO_TEST_CASE(resuming_early_cancels_the_timer) {
  given<subject>(commissioned(), ActivatedT(),
                 paused(timestamp::from_micros(1'900'000'000'000'000)))
      .when(ResumeT(), System::ops)
      .then_effects({"cancel resume"});
}

BOOST_AUTO_TEST_CASE(what_the_life_does_not_allow_is_refused) {
  RetireT retire;
  retire.reason = "sold";
  RetiredT retired;
  retired.reason = "sold";
  given<subject>(commissioned()).when(pause_order(), System::ops).then_refused("plant.not_active");
  given<subject>(commissioned(), ActivatedT())
      .when(ResumeT(), System::ops)
      .then_refused("plant.not_paused");
  given<subject>(commissioned(), ActivatedT())
      .when(ActivateT(), System::ops)
      .then_refused("plant.not_commissioned");
  given<subject>(commissioned(), ActivatedT()).when(retire, System::ops).then_events(retired);
  given<subject>(commissioned(), retired).when(retire, System::ops).then_refused("plant.retired");
  given<subject>(commissioned(), retired)
      .when(ActivateT(), System::ops)
      .then_refused("plant.retired");
  given<subject>(commissioned(), retired)
      .when(DescribeT(), System::ops)
      .then_refused("plant.retired");
}

BOOST_AUTO_TEST_CASE(systems_are_bound_once_each) {
  BindSystemT bind;
  bind.system = System::mes;
  bind.adapter = "rest";
  UnbindSystemT unbind;
  unbind.system = System::mes;
  SystemUnboundT unbound;
  unbound.system = System::mes;
  given<subject>(commissioned(), ActivatedT())
      .when(bind, System::ops)
      .then_event_names({"SystemBound"})
      .when(bind, System::ops)
      .then_state([](const StateT& s) { BOOST_CHECK_EQUAL(s.systems.size(), 1u); })
      .when(unbind, System::ops)
      .then_events(unbound)
      .when(unbind, System::ops)
      .then_refused("plant.not_bound");
  given<subject>(commissioned()).when(BindSystemT(), System::ops).then_refused("request.invalid");
}

BOOST_AUTO_TEST_CASE(a_process_waits_only_once) {
  AwaitChangeT await;
  await.process = "7";
  given<subject>(commissioned())
      .when_from("order_release/7", await)
      .then_events(waiter("7"))
      .when_from("order_release/7", await)
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(describing_keeps_what_is_not_given) {
  DescribeT c;
  c.name = "Hamburg works";
  DescribedT e;
  e.region = "eu";
  e.time_zone = "Europe/Berlin";
  e.name = "Hamburg works";
  given<subject>(commissioned())
      .when(c, System::ops)
      .then_events(e)
      .when(c, System::ops)
      .then_nothing();
}
