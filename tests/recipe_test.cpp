// layer: actors
// Master recipes by revision: what may be defined, approved and made obsolete, and what may not.
#define BOOST_TEST_MODULE recipe
#include "actors/recipe.hpp"

#include "tests/kind_harness.hpp"
#include "tests/transition_table.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::recipe;
using subject = actors::recipe;

namespace {

const auto later = timestamp::from_micros(1'900'000'000'000'000);

DefineT define(const char* revision = "A") {
  DefineT c;
  c.revision = revision;
  c.material = "SYRUP";
  c.batch_size = decimal::from_units(500);
  c.unit = "KGM";
  c.formula.resize(2);
  c.formula[0].material = "SUGAR";
  c.formula[0].quantity = decimal::from_units(300);
  c.formula[0].unit = "KGM";
  c.formula[0].phase = "DOSE";
  c.formula[1].material = "SYRUP";
  c.formula[1].quantity = decimal::from_units(500);
  c.formula[1].unit = "KGM";
  c.formula[1].use = Use::output;
  c.phases.resize(2);
  c.phases[0].phase = "DOSE";
  c.phases[1].phase = "COOK";
  c.parameters.resize(1);
  c.parameters[0].parameter = "temperature";
  c.parameters[0].phase = "COOK";
  c.parameters[0].lower = std::make_unique<decimal>(decimal::from_units(80));
  c.parameters[0].upper = std::make_unique<decimal>(decimal::from_units(95));
  c.parameters[0].target = std::make_unique<decimal>(decimal::from_units(90));
  c.parameters[0].unit = "CEL";
  return c;
}
ApproveT approve(const char* revision = "A") {
  ApproveT c;
  c.revision = revision;
  return c;
}
ObsoleteT obsolete(const char* revision = "A") {
  ObsoleteT c;
  c.revision = revision;
  c.reason = "replaced";
  return c;
}
given<subject> drafted() {
  given<subject> g;
  g.when(define(), System::plm, "ann").then_event_names({"Defined"});
  return g;
}
given<subject> approved() {
  auto g = drafted();
  g.when(approve(), System::qms, "ben").then_event_names({"Approved"});
  return g;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_draft_becomes_an_approved_revision) {
  auto g = drafted();
  BOOST_CHECK(g.state().revisions[0].status == Status::draft);
  BOOST_CHECK(!actors::is_effective(g.state().revisions[0], g.now()));
  g.when(approve(), System::qms, "ben");
  const auto& r = g.state().revisions[0];
  BOOST_CHECK(r.status == Status::approved);
  BOOST_CHECK_EQUAL(r.approved_by, "ben");
  BOOST_CHECK_EQUAL(g.state().approved, "A");
  BOOST_CHECK(actors::is_effective(r, g.now()));
  BOOST_CHECK(!actors::is_effective(r, g.now().plus_ms(-1)));
  BOOST_CHECK(actors::find_revision(g.state(), "") == &r);
  g.when(approve(), System::qms).then_refused("recipe.approved");
}

BOOST_AUTO_TEST_CASE(a_draft_may_be_made_anew_an_approved_revision_may_not) {
  auto g = drafted();
  auto again = define();
  again.batch_size = decimal::from_units(600);
  g.when(again, System::plm).then_event_names({"Defined"});
  BOOST_CHECK_EQUAL(g.state().revisions.size(), 1u);
  BOOST_CHECK(g.state().revisions[0].batch_size == decimal::from_units(600));
  approved().when(define(), System::plm).then_refused("recipe.approved");
}

BOOST_AUTO_TEST_CASE(who_defined_it_does_not_approve_it_where_the_rule_says_so) {
  auto g = drafted();
  g.rule("recipe.approve_second_person", "yes");
  g.when(approve(), System::plm, "ann").then_refused("recipe.second_person");
  g.when(approve(), System::plm, "ANN").then_refused("recipe.second_person");
  g.when(approve(), System::qms, "ben").then_accepted();
}

BOOST_AUTO_TEST_CASE(what_contradicts_itself_is_refused) {
  auto twice = define();
  twice.phases[1].phase = "DOSE";
  given<subject>().when(twice, System::plm).then_refused("recipe.named_twice");
  auto same = define();
  same.parameters.push_back(same.parameters[0]);
  given<subject>().when(same, System::plm).then_refused("recipe.named_twice");
  auto phase = define();
  phase.parameters[0].phase = "COOL";
  given<subject>().when(phase, System::plm).then_refused("recipe.phase_unknown");
  auto dosed = define();
  dosed.formula[0].phase = "COOL";
  given<subject>().when(dosed, System::plm).then_refused("recipe.phase_unknown");
  auto limits = define();
  limits.parameters[0].lower = std::make_unique<decimal>(decimal::from_units(96));
  given<subject>().when(limits, System::plm).then_refused("recipe.limits_invalid");
  auto target = define();
  target.parameters[0].target = std::make_unique<decimal>(decimal::from_units(96));
  given<subject>().when(target, System::plm).then_refused("recipe.limits_invalid");
  auto itself = define();
  itself.formula[0].material = "SYRUP";
  given<subject>().when(itself, System::plm).then_refused("recipe.formula_invalid");
  auto nothing = define();
  nothing.formula.pop_back();
  given<subject>().when(nothing, System::plm).then_refused("recipe.formula_invalid");
  auto times = define();
  times.effective_from = later;
  times.effective_to = later;
  given<subject>().when(times, System::plm).then_refused("recipe.effectivity_invalid");
  auto other = define("B");
  other.material = "JAM";
  other.formula.clear();
  drafted().when(other, System::plm).then_refused("recipe.material_differs");
}

BOOST_AUTO_TEST_CASE(effectivity_is_moved_only_of_approved_revisions) {
  SetEffectivityT c;
  c.revision = "A";
  c.effective_to = later;
  drafted().when(c, System::plm).then_refused("recipe.not_approved");
  auto g = approved();
  g.when(c, System::plm).then_event_names({"EffectivitySet"});
  BOOST_CHECK(!actors::is_effective(g.state().revisions[0], later));
  g.when(c, System::plm).then_nothing();
  c.effective_to = g.state().revisions[0].effective_from;
  g.when(c, System::plm).then_refused("recipe.effectivity_invalid");
  c.revision = "Z";
  g.when(c, System::plm).then_refused("recipe.revision_unknown");
  g.when(approve("Z"), System::qms).then_refused("recipe.revision_unknown");
  auto ends = approve();
  ends.effective_from = later;
  ends.effective_to = later;
  drafted().when(ends, System::qms).then_refused("recipe.effectivity_invalid");
}

BOOST_AUTO_TEST_CASE(an_obsolete_revision_leaves_the_state_for_a_row) {
  auto g = approved();
  g.when(define("B"), System::plm).when(approve("B"), System::qms);
  g.when(obsolete("B"), System::plm).then_event_names({"Obsoleted"});
  BOOST_CHECK_EQUAL(g.state().approved, "A");  // the one before is in force again
  g.when(obsolete("A"), System::plm);
  BOOST_CHECK(g.state().revisions.empty());
  BOOST_CHECK(g.state().approved.empty());
  BOOST_CHECK(actors::find_revision(g.state(), "") == nullptr);
  const auto row = g.row<ObsoleteRowT>("obsolete_revisions", "B~1");
  BOOST_REQUIRE(row);
  BOOST_CHECK(row->revision->status == Status::obsolete);
  BOOST_CHECK_EQUAL(row->reason, "replaced");
  g.when(obsolete("A"), System::plm).then_refused("recipe.revision_unknown");
}

BOOST_AUTO_TEST_CASE(the_state_keeps_sixteen_revisions) {
  given<subject> g;
  for (int i = 0; i < 16; ++i)
    g.when(define(std::to_string(i).c_str()), System::plm).then_accepted();
  g.when(define("16"), System::plm).then_refused("recipe.revisions_full");
  g.when(obsolete("3"), System::plm).when(define("16"), System::plm).then_accepted();
}

BOOST_AUTO_TEST_CASE(every_command_in_every_status_of_a_revision) {
  transition_table<subject> t;
  t.name_of = [](const StateT& s) {
    return s.revisions.empty() ? std::string("none")
                               : std::string(EnumNameStatus(s.revisions[0].status));
  };
  t.columns = {{"draft", [](given<subject>& g) { g = drafted(); }},
               {"approved", [](given<subject>& g) { g = approved(); }},
               {"none", [](given<subject>& g) {
                  g = approved();
                  g.when(obsolete(), System::plm).then_accepted();
                }}};
  const auto plm = [](auto command) {
    return [command](given<subject>& g) { g.when(command, System::plm); };
  };
  SetEffectivityT until;
  until.revision = "A";
  until.effective_to = later;
  t.rows = {
      {Command::Define, plm(define()), {"draft", "-approved", "draft"}},
      {Command::Approve, plm(approve()), {"approved", "-approved", "-revision_unknown"}},
      {Command::SetEffectivity, plm(until), {"-not_approved", "approved", "-revision_unknown"}},
      {Command::Obsolete, plm(obsolete()), {"none", "none", "-revision_unknown"}}};
  t.check(EnumValuesCommand());
}
