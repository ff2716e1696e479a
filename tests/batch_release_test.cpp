// layer: actors
// The release of a batch: what is looked at, what the rules make of it, who signs, and what is done
// to inspections and the batch.
#define BOOST_TEST_MODULE batch_release
#include "actors/batch_release.hpp"

#include "actors/batch.hpp"
#include "actors/batch_release_rules.hpp"
#include "actors/batch_run.hpp"
#include "actors/inspection.hpp"
#include "actors/nonconformance.hpp"
#include "actors/plant.hpp"
#include "actors/recipe.hpp"
#include "tests/kind_harness.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::batch_release;
using subject = actors::batch_release;
namespace lot = millrace::batch;
namespace lots = millrace::inspection;
namespace br = millrace::batch_run;

namespace {

lot::StateT syrup(lot::Quality quality = lot::Quality::under_test) {
  lot::StateT s;
  s.material = "SYRUP";
  s.order = "5000001";
  s.quality = quality;
  s.unit = "KGM";
  auto& one = s.lots.emplace_back();
  one.inspection = "IL-1";
  one.open = true;
  return s;
}
lots::StateT tested(lots::Verdict verdict = lots::Verdict::pass) {
  lots::StateT s;
  s.batch = "SYR-1";
  s.status = lots::Status::results_recorded;
  s.verdict = verdict;
  s.plan = "IP-1";
  s.characteristics.emplace_back().name = "brix";
  return s;
}
br::StateT finished() {
  br::StateT s;
  s.status = br::Status::complete;
  s.order = "5000001";
  s.recipe = "R-SYRUP";
  s.revision = "A";
  s.closed = true;
  s.record_version = 1;
  s.record_hash = std::string(64, 'b');
  s.outputs.emplace_back().batch = "SYR-1";
  s.inputs.emplace_back().batch = "SUG-1";
  return s;
}
recipe::StateT known_recipe() {
  recipe::StateT s;
  s.revisions.emplace_back().revision = "A";
  s.revisions[0].status = recipe::Status::approved;
  return s;
}
given<subject> ready(lots::Verdict verdict = lots::Verdict::pass) {
  given<subject> g;
  g.id("SYR-1")
      .reference<actors::batch>("SYR-1", syrup())
      .reference<actors::batch>("SUG-1", syrup(lot::Quality::released))
      .reference<actors::inspection>("IL-1", tested(verdict))
      .reference<actors::batch_run>("BR-1", finished())
      .reference<actors::recipe>("R-SYRUP", known_recipe());
  return g;
}
/// The answers to what the round searches: the nonconformances first, then the run.
given<subject>& found(given<subject>& g, std::vector<std::string> runs = {"BR-1"},
                      std::vector<std::string> about_the_lot = {},
                      std::vector<std::string> about_the_order = {}) {
  const auto round = '/' + std::to_string(g.state().round);
  g.when_found("nonconformance" + round, std::move(about_the_lot));
  g.when_found("order_nonconformance" + round, std::move(about_the_order));
  return g.when_found("run" + round, std::move(runs));
}
given<subject>& look(given<subject>& g) {
  g.when(StartT(), System::qms);
  return found(g);
}
given<subject>& look_again(given<subject>& g) {
  RecheckT c;
  c.cause = "test";
  g.when(c, System::qms);
  return found(g);
}
SignT sign(Decision decision) {
  SignT c;
  c.decision = decision;
  c.reason = "reviewed";
  return c;
}
std::string reasons(const StateT& s) {
  std::string out;
  for (const auto& one : s.waits_for) out += (out.empty() ? "" : "; ") + one;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_looks_for_the_run_and_decides_with_evidence) {
  auto g = ready();
  g.when(StartT(), System::qms)
      .then_event_names({"Started", "GatheringBegun"})
      .then_effects({"find batch_run run/1", "find nonconformance nonconformance/1",
                     "find nonconformance order_nonconformance/1"});
  found(g).then_event_names({"Found", "Decided"});
  g.then_effects({"timer recheck"});
  const auto& d = *g.state().decision;
  BOOST_CHECK(d.decision == Decision::release);
  BOOST_CHECK(g.state().status == Status::awaiting_signature);
  BOOST_CHECK_EQUAL(reasons(g.state()), "signature: release");
  std::string seen;
  for (const auto& one : d.evidence) {
    seen += one.actor + ' ';
    BOOST_CHECK(one.print.given());
  }
  BOOST_CHECK_EQUAL(seen, "batch/SYR-1 batch_run/BR-1 recipe/R-SYRUP batch/SUG-1 inspection/IL-1 ");
  BOOST_CHECK_EQUAL(d.evidence[1].note, "record 1 " + std::string(64, 'b'));
  BOOST_CHECK_EQUAL(d.rules.size(), 6u);
  const auto row = g.row<DecisionRowT>("decisions", "0000000001");
  BOOST_REQUIRE(row);
  BOOST_CHECK(row->decision->decision == Decision::release);
}

BOOST_AUTO_TEST_CASE(a_signature_carries_the_decision_that_waits) {
  auto g = ready();
  look(g);
  g.when(sign(Decision::reject), System::qms).then_refused("batch_release.decision_differs");
  g.when(sign(Decision::release), System::qms, "dr-may")
      .then_pending()
      .then_event_names({"Signed", "ActionBegun"})
      .then_effects({"ask inspection/IL-1 usage~IL-1"});
  const auto ask = g.sent<actors::inspection, lots::DecideUsageT>();
  BOOST_REQUIRE(ask);
  BOOST_CHECK(ask->decision == lot::Decision::accept);
  BOOST_CHECK_EQUAL(ask->person, "dr-may");
  BOOST_CHECK_EQUAL(ask->reason, "reviewed");
  g.when_granted<actors::inspection>("inspection/IL-1", "usage~IL-1")
      .then_event_names({"TaskDone", "Ended"})
      .then_settled({0xc0ffee, 1});
  BOOST_CHECK(g.state().status == Status::released);
  BOOST_CHECK(g.state().waits_for.empty());
  const auto row = g.row<DecisionRowT>("decisions", "0000000001");
  BOOST_CHECK_EQUAL(row->decision->signed_by, "dr-may");
  g.when(sign(Decision::release), System::qms).then_refused("batch_release.nothing_to_sign");
}

BOOST_AUTO_TEST_CASE(evidence_that_has_changed_is_not_signed) {
  auto g = ready();
  look(g);
  auto reopened = finished();
  reopened.record_version = 2;
  reopened.record_hash = std::string(64, 'c');
  g.reference<actors::batch_run>("BR-1", reopened);
  g.when(sign(Decision::release), System::qms).then_refused("batch_release.evidence_changed");
  look_again(g).then_event_names({"Found", "Decided"});
  BOOST_CHECK_EQUAL(g.state().decisions, 2u);
  g.when(sign(Decision::release), System::qms).then_pending();
}

BOOST_AUTO_TEST_CASE(without_the_rule_nobody_signs) {
  auto g = ready();
  g.rule("batch_release.signature", "no");
  look(g).then_event_names({"Found", "Decided", "ActionBegun"});
}

BOOST_AUTO_TEST_CASE(looking_again_at_the_same_decides_nothing_new) {
  auto g = ready();
  look(g);
  look_again(g).then_event_names({"Found", "Confirmed"});
  BOOST_CHECK_EQUAL(g.state().decisions, 1u);
  g.when_timer("recheck").then_event_names({"GatheringBegun"});
  RecheckT c;
  c.cause = "twice";
  g.when(c, System::qms).then_event_names({"RecheckNoted"}).when(c, System::qms).then_nothing();
  found(g).then_event_names({"Found", "GatheringBegun"});
}

BOOST_AUTO_TEST_CASE(what_is_open_keeps_it_in_quarantine_with_every_reason) {
  auto g = ready(lots::Verdict::none);
  auto run = finished();
  run.closed = false;
  run.deviations_open = 2;
  run.parameters.emplace_back().parameter = "ph";
  run.parameters[0].critical = true;
  g.reference<actors::batch_run>("BR-1", run);
  g.reference<actors::batch>("SUG-1", syrup(lot::Quality::quarantine));
  auto held = syrup();
  held.holds.emplace_back().hold = "H-1";
  held.holds[0].reason = "andon";
  g.reference<actors::batch>("SYR-1", held);
  g.rule("batch_release.historian_required", "yes");
  look(g).then_event_names({"Found", "Decided", "Ended"});
  BOOST_CHECK(g.state().status == Status::quarantined);
  BOOST_CHECK_EQUAL(reasons(g.state()),
                    "Hold H-1 is open: andon; Input SUG-1 is quarantine.; The batch record is not "
                    "closed.; 2 deviations are not assessed.; Critical parameter ph has no actual "
                    "value.; There are no historian windows.; Inspection IL-1 has not all its "
                    "results.");
}

BOOST_AUTO_TEST_CASE(a_batch_that_is_free_is_held_in_quarantine_and_let_go) {
  auto g = ready();
  g.rule("batch_release.signature", "no");
  auto released = syrup(lot::Quality::released);
  released.lots.clear();
  g.reference<actors::batch>("SYR-1", released);
  auto run = finished();
  run.deviations_open = 1;
  g.reference<actors::batch_run>("BR-1", run);
  look(g).then_event_names({"Found", "Decided", "ActionBegun"});
  g.then_effects({"ask batch/SYR-1 hold", "timer recheck"});
  const auto hold = g.sent<actors::batch, lot::PlaceHoldT>();
  BOOST_REQUIRE(hold);
  BOOST_CHECK_EQUAL(hold->hold, "release~SYR-1~1");
  g.when_granted<actors::batch>("batch/SYR-1", "hold").then_event_names({"TaskDone", "Ended"});
  BOOST_CHECK(g.state().status == Status::quarantined);
  released.holds.emplace_back().hold = "release~SYR-1~1";
  g.reference<actors::batch>("SYR-1", released);
  g.reference<actors::batch_run>("BR-1", finished());
  look_again(g).then_effects({"ask batch/SYR-1 unhold", "timer recheck"});
  g.when_granted<actors::batch>("batch/SYR-1", "unhold");
  BOOST_CHECK(g.state().status == Status::released);
  BOOST_CHECK(g.state().hold.empty());
}

BOOST_AUTO_TEST_CASE(a_failed_test_is_rejected_and_tested_again_then_released) {
  auto g = ready(lots::Verdict::fail);
  look(g).then_event_names({"Found", "Decided", "ActionBegun"});
  g.then_effects({"ask inspection/IL-1 usage~IL-1", "timer recheck"});
  g.when_granted<actors::inspection>("inspection/IL-1", "usage~IL-1")
      .then_event_names({"TaskDone"})
      .then_effects({"ask inspection/IL-1~R1 retest~IL-1"});
  const auto create = g.sent<actors::inspection, lots::CreateT>();
  BOOST_REQUIRE(create);
  BOOST_CHECK_EQUAL(create->retest_of, "IL-1");
  BOOST_CHECK_EQUAL(create->characteristics.size(), 1u);
  g.when_granted<actors::inspection>("inspection/IL-1~R1", "retest~IL-1")
      .then_event_names({"TaskDone", "Ended"});
  BOOST_CHECK(g.state().status == Status::retesting);
  auto after = syrup(lot::Quality::retest);
  after.lots[0].open = false;
  after.lots.emplace_back().inspection = "IL-1~R1";
  after.lots[1].retest_of = "IL-1";
  after.lots[1].open = true;
  after.holds.emplace_back().hold = "IL-1";  // goes with the retest
  auto rejected = tested(lots::Verdict::fail);
  rejected.status = lots::Status::usage_decided;
  rejected.decision = lot::Decision::reject;
  g.reference<actors::batch>("SYR-1", after).reference<actors::inspection>("IL-1", rejected);
  g.reference<actors::inspection>("IL-1~R1", tested());
  look_again(g);
  BOOST_CHECK(g.state().decision->decision == Decision::release);
  // A second failure leaves no retest: the batch is rejected.
  g.reference<actors::inspection>("IL-1~R1", tested(lots::Verdict::fail));
  look_again(g);
  BOOST_CHECK(g.state().decision->decision == Decision::reject);
  BOOST_CHECK(g.state().status == Status::awaiting_signature);
  g.when(sign(Decision::reject), System::qms)
      .then_effects({"ask inspection/IL-1~R1 usage~IL-1~R1"});
  g.when_granted<actors::inspection>("inspection/IL-1~R1", "usage~IL-1~R1");
  BOOST_CHECK(g.state().status == Status::rejected);
}

BOOST_AUTO_TEST_CASE(the_rules_say_what_follows_a_failed_test) {
  auto g = ready(lots::Verdict::fail);
  g.rule("batch_release.failed_test", "quarantine");
  look(g);
  BOOST_CHECK(g.state().decision->decision == Decision::quarantine);
  auto strict = ready(lots::Verdict::fail);
  strict.rule("batch_release.failed_test", "reject");
  look(strict);
  BOOST_CHECK(strict.state().decision->decision == Decision::reject);
  auto run = finished();
  run.deviations_rejected = 1;
  auto deviated = ready();
  deviated.reference<actors::batch_run>("BR-1", run);
  look(deviated);
  BOOST_CHECK(deviated.state().decision->decision == Decision::reject);
  auto lenient = ready();
  run.deviations_rejected = 0;
  run.deviations_open = 1;
  lenient.reference<actors::batch_run>("BR-1", run);
  lenient.rule("batch_release.open_deviations", "ignore");
  look(lenient);
  BOOST_CHECK(lenient.state().decision->decision == Decision::release);
}

BOOST_AUTO_TEST_CASE(a_decision_names_the_version_of_the_rules_that_the_plant_has_adopted) {
  auto g = ready();
  plant::StateT site;
  auto& rule = site.rules.emplace_back();
  rule.name = "batch_release.signature";
  rule.value = "no";
  rule.level = plant::RuleLevel::region;
  rule.version = 7;
  g.reference<actors::plant>("hamburg", site);
  look(g);
  const auto& used = g.state().decision->rules.back();
  BOOST_CHECK_EQUAL(used.name, "batch_release.signature");
  BOOST_CHECK_EQUAL(used.value, "no");
  BOOST_CHECK_EQUAL(used.level, "region");
  BOOST_CHECK_EQUAL(used.version, 7u);
  BOOST_CHECK_EQUAL(g.state().decision->rules.front().level, "default");
}

BOOST_AUTO_TEST_CASE(a_step_that_is_refused_goes_back_to_quarantine_and_is_tried_again) {
  auto g = ready();
  look(g);
  g.when(sign(Decision::release), System::qms);
  g.when_refused("inspection/IL-1", "usage~IL-1", "inspection.busy", "waits")
      .then_event_names({"TaskFailed"})
      .then_effects({"timer recheck"})
      .then_settled({0xc0ffee, 1}, engine::Outcome::refused, "inspection.busy");
  BOOST_CHECK(g.state().status == Status::quarantined);
  BOOST_CHECK_EQUAL(reasons(g.state()), "inspection.busy: waits");
  look_again(g);
  BOOST_CHECK(g.state().status == Status::awaiting_signature);  // signed again
}

BOOST_AUTO_TEST_CASE(quality_rejects_whatever_the_rules_say) {
  RejectT c;
  c.reason = "recall";
  auto g = ready();
  g.when(StartT(), System::qms).when(c, System::qms).then_refused("batch_release.under_way");
  found(g).when(c, System::qms, "dr-may");
  g.then_event_names({"Decided", "Signed", "ActionBegun"});
  BOOST_CHECK_EQUAL(g.state().decision->findings.back().what, "person");
  g.when_granted<actors::inspection>("inspection/IL-1", "usage~IL-1");
  BOOST_CHECK(g.state().status == Status::rejected);
  g.when(c, System::qms).then_refused("batch_release.ended");
}

BOOST_AUTO_TEST_CASE(it_begins_once_and_anew_when_it_has_ended) {
  given<subject>().when(StartT(), System::qms).then_refused("batch_release.batch_unknown");
  auto g = ready();
  g.rule("batch_release.signature", "no");
  g.when(StartT(), System::qms).when(StartT(), System::qms).then_refused("batch_release.under_way");
  found(g);
  g.when_granted<actors::inspection>("inspection/IL-1", "usage~IL-1");
  BOOST_CHECK(g.state().status == Status::released);
  RecheckT c;
  c.cause = "late";
  g.when(c, System::qms).then_nothing();
  g.when(StartT(), System::qms).then_event_names({"Started", "GatheringBegun"});
  BOOST_CHECK_EQUAL(g.state().decisions, 1u);
}

BOOST_AUTO_TEST_CASE(of_several_runs_the_one_that_made_the_batch_counts) {
  auto g = ready();
  auto other = finished();
  other.outputs[0].batch = "SYR-9";
  g.reference<actors::batch_run>("BR-0", other);
  g.when(StartT(), System::qms);
  found(g, {"BR-0", "BR-1"});
  BOOST_CHECK_EQUAL(g.state().run, "BR-1");
}

BOOST_AUTO_TEST_CASE(open_nonconformances_of_the_lot_and_its_order_keep_it_in_quarantine) {
  nonconformance::StateT open;
  open.status = nonconformance::Status::executing;
  nonconformance::StateT closed;
  closed.status = nonconformance::Status::closed;
  auto g = ready();
  g.reference<actors::nonconformance>("NC-1", open)
      .reference<actors::nonconformance>("NC-2", closed)
      .reference<actors::nonconformance>("NC-3", open);
  g.when(StartT(), System::qms);
  found(g, {"BR-1"}, {"NC-1", "NC-2"}, {"NC-3", "NC-1"});
  BOOST_CHECK(g.state().decision->decision == Decision::quarantine);
  BOOST_CHECK_EQUAL(reasons(g.state()),
                    "Nonconformance NC-1 is open.; Nonconformance NC-3 is open.");
  std::string notes;
  for (const auto& one : g.state().decision->evidence)
    if (one.actor.starts_with("nonconformance/")) notes += one.actor + ' ' + one.note + '\n';
  BOOST_CHECK_EQUAL(notes,
                    "nonconformance/NC-1 executing\nnonconformance/NC-2 closed\n"
                    "nonconformance/NC-3 executing\n");
  g.reference<actors::nonconformance>("NC-1", closed)
      .reference<actors::nonconformance>("NC-3", closed);
  RecheckT again;
  again.cause = "closed";
  g.when(again, System::qms);
  found(g, {"BR-1"}, {"NC-1", "NC-2"}, {"NC-3"});
  BOOST_CHECK(g.state().status == Status::awaiting_signature);
}

BOOST_AUTO_TEST_CASE(a_nonconformance_raised_before_the_signature_changes_the_evidence) {
  nonconformance::StateT known;
  known.status = nonconformance::Status::closed;
  auto g = ready();
  g.reference<actors::nonconformance>("NC-1", known);
  g.when(StartT(), System::qms);
  found(g, {"BR-1"}, {"NC-1"});
  BOOST_CHECK(g.state().status == Status::awaiting_signature);
  known.status = nonconformance::Status::under_review;  // reopened
  g.reference<actors::nonconformance>("NC-1", known)
      .when(sign(Decision::release), System::qms)
      .then_refused("batch_release.evidence_changed");
}
