// layer: actors
// The corrective action: cause, plan, implementation, effect; back to the cause when it did not
// help; overdue when a day has passed.
#define BOOST_TEST_MODULE capa
#include <boost/test/unit_test.hpp>

#include "actors/capa.hpp"
#include "actors/nonconformance.hpp"
#include "tests/kind_harness.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
namespace ca = millrace::capa;
using subject = actors::capa;
using ca::Status;

const auto due = timestamp::from_micros(1'800'000'100'000'000);

ca::OpenT open() {
  ca::OpenT c;
  c.title = "Scratches from the conveyor";
  c.owner = "A. Brown";
  return c;
}
ca::RecordRootCauseT cause() {
  ca::RecordRootCauseT c;
  c.root_cause = "worn guide rail";
  c.method = "5 whys";
  return c;
}
ca::PlanActionsT plan(std::vector<std::string> actions = {"replace", "inspect"}) {
  ca::PlanActionsT c;
  for (auto& name : actions) {
    auto& one = c.actions.emplace_back();
    one.action = name;
    one.text = name + " the rail";
    one.due = due;
  }
  c.check_due = due.plus_ms(1000);
  return c;
}
ca::CompleteActionT completed(std::string action) {
  ca::CompleteActionT c;
  c.action = std::move(action);
  c.evidence = "work order 77";
  return c;
}
ca::CheckEffectivenessT checked(bool effective) {
  ca::CheckEffectivenessT c;
  c.effective = effective;
  c.note = "30 days without a scratch";
  return c;
}
auto status(Status wanted) {
  return [wanted](const ca::StateT& s) {
    BOOST_CHECK_MESSAGE(s.status == wanted, "status is " << ca::EnumNameStatus(s.status));
  };
}
given<subject> opened() {
  given<subject> g;
  g.id("CA-1").when(open(), System::qms);
  return g;
}
given<subject> planned() {
  auto g = opened();
  g.when(cause(), System::qms).when(plan(), System::qms);
  return g;
}
given<subject> implemented() {
  auto g = planned();
  g.when(completed("replace"), System::cmms).when(completed("inspect"), System::qms);
  return g;
}

}  // namespace

BOOST_AUTO_TEST_CASE(from_open_to_closed) {
  auto g = opened();
  g.then_event_names({"Opened"})
      .then_state(status(Status::open))
      .when(cause(), System::qms)
      .then_state(status(Status::root_cause))
      .when(plan(), System::qms)
      .then_effects({"timer action~replace", "timer action~inspect", "timer check"})
      .then_state(status(Status::action_planned))
      .when(completed("replace"), System::cmms)
      .then_event_names({"ActionCompleted"})
      .then_effects({"cancel action~replace"})
      .when(completed("inspect"), System::qms)
      .then_event_names({"ActionCompleted", "Implemented"})
      .then_state(status(Status::implemented))
      .when(checked(true), System::qms)
      .then_effects({"cancel check"})
      .then_state(status(Status::effectiveness_checked))
      .when(ca::CloseT(), System::qms)
      .then_state(status(Status::closed));
  BOOST_CHECK_EQUAL(g.state().actions.at(0).done_by, "dev-cmms");
}

BOOST_AUTO_TEST_CASE(what_did_not_help_begins_again_at_the_cause) {
  auto g = implemented();
  g.when(checked(false), System::qms)
      .then_state(status(Status::root_cause))
      .when(cause(), System::qms)
      .when(plan({"redesign"}), System::qms)
      .when(completed("redesign"), System::plm)
      .then_state(status(Status::implemented))
      .when(checked(true), System::qms)
      .then_state(status(Status::effectiveness_checked));
  BOOST_CHECK_EQUAL(g.state().rounds, 1u);
  BOOST_CHECK_EQUAL(g.state().checks.size(), 2u);
}

BOOST_AUTO_TEST_CASE(each_step_is_refused_outside_its_status) {
  const auto wrong = "capa.wrong_status";
  opened().when(open(), System::qms).then_refused("capa.exists");
  opened().when(plan(), System::qms).then_refused(wrong);
  opened().when(completed("replace"), System::qms).then_refused(wrong);
  opened().when(checked(true), System::qms).then_refused(wrong);
  opened().when(ca::CloseT(), System::qms).then_refused(wrong);
  planned().when(cause(), System::qms).then_refused(wrong);
  planned().when(checked(true), System::qms).then_refused(wrong);
  implemented().when(plan({"more"}), System::qms).then_refused(wrong);
  implemented().when(ca::CloseT(), System::qms).then_refused(wrong);
}

BOOST_AUTO_TEST_CASE(actions_have_names_of_their_own) {
  auto g = opened();
  g.when(cause(), System::qms)
      .when(plan({}), System::qms)
      .then_refused("capa.actions_missing")
      .when(plan({"a", "a"}), System::qms)
      .then_refused("capa.action_twice")
      .when(plan({"a"}), System::qms)
      .when(plan({"a"}), System::qms)
      .then_refused("capa.action_twice")
      .when(plan({"b"}), System::qms)
      .then_accepted()
      .when(completed("c"), System::qms)
      .then_refused("capa.action_unknown")
      .when(completed("a"), System::qms)
      .when(completed("a"), System::qms)
      .then_refused("capa.action_done");
  std::vector<std::string> many;
  for (int n = 0; n < 99; ++n) many.push_back("x" + std::to_string(n));
  g.when(plan(many), System::qms).then_refused("capa.too_many");
}

BOOST_AUTO_TEST_CASE(what_is_late_is_seen) {
  auto g = planned();
  g.when_timer("action~replace").then_event_names({"Overdue"});
  BOOST_CHECK(g.state().overdue && g.state().actions.at(0).overdue);
  g.when(completed("replace"), System::cmms);
  BOOST_CHECK(!g.state().overdue);
  g.when_timer("check").then_event_names({"Overdue"});
  BOOST_CHECK(g.state().overdue);
}

BOOST_AUTO_TEST_CASE(it_is_linked_with_nonconformances_from_both_sides) {
  auto c = open();
  c.nonconformances = {"NC-1"};
  given<subject> g;
  g.id("CA-1")
      .when(c, System::qms)
      .then_event_names({"Opened", "NonconformanceLinked"})
      .then_effects({"tell nonconformance/NC-1"});
  ca::LinkT link;
  link.nonconformance = "NC-2";
  g.when_from("nonconformance/NC-2", link)
      .then_event_names({"NonconformanceLinked"})
      .when_from("nonconformance/NC-2", link)
      .then_nothing();
  ca::LinkNonconformanceT ask;
  ask.nonconformance = "NC-3";
  g.when(ask, System::qms)
      .then_pending()
      .then_effects({"ask nonconformance/NC-3 NC-3"})
      .origin({0xc0ffee, 1})
      .when_refused("nonconformance/NC-3", "NC-3", "actor.unknown")
      .then_settled({0xc0ffee, 1}, engine::Outcome::refused, "actor.unknown")
      .when(ask, System::qms)
      .when_granted<actors::nonconformance>("nonconformance/NC-3", "NC-3")
      .then_event_names({"NonconformanceLinked"})
      .then_settled({0xc0ffee, 1})
      .when(ask, System::qms)
      .then_refused("capa.linked");
}
