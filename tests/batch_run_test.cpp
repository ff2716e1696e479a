// layer: actors
// A batch run: ISA-88's transitions, facts against the recipe's limits, materials that exactly one
// party posts, and the record that its closing leaves.
#define BOOST_TEST_MODULE batch_run
#include "actors/batch_run.hpp"

#include <set>

#include "actors/batch_record.hpp"
#include "actors/batch_release.hpp"
#include "actors/order.hpp"
#include "actors/recipe.hpp"
#include "cluster/sha256.hpp"
#include "tests/kind_harness.hpp"
#include "tests/transition_table.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::batch_run;
using subject = actors::batch_run;
namespace po = millrace::order;

namespace {

const auto at = timestamp::from_micros(1'799'999'000'000'000);
const std::string hash(64, 'a');

std::unique_ptr<decimal> value(const char* text) {
  return std::make_unique<decimal>(*decimal::parse(text));
}
recipe::StateT syrup() {
  recipe::StateT s;
  s.material = "SYRUP";
  s.approved = "A";
  auto& r = s.revisions.emplace_back();
  r.revision = "A";
  r.status = recipe::Status::approved;
  r.effective_from = timestamp::from_micros(1);
  r.approved_by = "ben";
  r.phases.resize(2);
  r.phases[0].phase = "DOSE";
  r.phases[1].phase = "COOK";
  r.phases[1].milestone = true;
  r.parameters.resize(1);
  r.parameters[0].parameter = "temperature";
  r.parameters[0].phase = "COOK";
  r.parameters[0].lower = value("80");
  r.parameters[0].upper = value("95");
  r.parameters[0].unit = "CEL";
  r.parameters[0].tag = "TI-101";
  return s;
}
CreateT create() {
  CreateT c;
  c.order = "5000001";
  c.recipe = "R-SYRUP";
  c.quantity = decimal::from_units(500);
  c.unit = "KGM";
  return c;
}
given<subject> created() {
  given<subject> g;
  g.id("BR-1").reference<actors::recipe>("R-SYRUP", syrup());
  g.when(create(), System::mes).then_event_names({"Created"});
  return g;
}
int reports = 0;
ReportStateT become(Status status) {
  ReportStateT c;
  c.report = "S-" + std::to_string(++reports);
  c.status = status;
  c.occurred_at = at;
  return c;
}
given<subject> in(std::initializer_list<Status> way) {
  auto g = created();
  for (const auto status : way) g.when(become(status), System::mes).then_accepted();
  return g;
}
given<subject> done() { return in({Status::running, Status::complete}); }
ReportParameterT temperature(const char* report, const char* actual) {
  ReportParameterT c;
  c.report = report;
  c.parameter = "temperature";
  c.phase = "COOK";
  c.actual = value(actual);
  c.unit = "CEL";
  c.occurred_at = at;
  return c;
}
RecordWindowT window(const char* report, const char* least, const char* most) {
  RecordWindowT c;
  c.report = report;
  c.tag = "TI-101";
  c.from = at;
  c.to = at.plus_ms(60'000);
  c.samples = 600;
  c.minimum = value(least);
  c.maximum = value(most);
  c.unit = "CEL";
  c.sha256 = hash;
  return c;
}
ReportConsumptionT sugar(const char* report = "G-1") {
  ReportConsumptionT c;
  c.report = report;
  c.material = "SUGAR";
  c.batch = "SUG-1";
  c.quantity = decimal::from_units(300);
  c.unit = "KGM";
  return c;
}
NoteMaterialT note(Movement movement, MaterialStatus status, const char* report = "G-1") {
  NoteMaterialT c;
  c.report = report;
  c.movement = movement;
  c.status = status;
  c.material = movement == Movement::consumption ? "SUGAR" : "SYRUP";
  c.batch = movement == Movement::consumption ? "SUG-1" : "SYR-1";
  c.quantity = decimal::from_units(300);
  c.unit = "KGM";
  return c;
}
/// The record as its rows say it, checked by what is written about it and nothing else.
std::string recomputed(given<subject>& g) {
  std::string hash_so_far(64, '0');
  for (std::uint32_t n = 1; n <= g.state().entries; ++n) {
    auto digits = std::to_string(n);
    const auto row = g.row<EntryRowT>("record", std::string(10 - digits.size(), '0') + digits);
    BOOST_REQUIRE(row);
    hash_so_far = sha256_hex(hash_so_far + "\n" + row->json);
    BOOST_CHECK_EQUAL(row->hash, hash_so_far);
  }
  return hash_so_far;
}

}  // namespace

// --- life ---

BOOST_AUTO_TEST_CASE(a_run_is_made_from_an_approved_effective_revision) {
  auto g = created();
  BOOST_CHECK(g.state().status == Status::idle);
  BOOST_CHECK_EQUAL(g.state().revision, "A");
  BOOST_CHECK_EQUAL(g.state().material, "SYRUP");
  BOOST_REQUIRE_EQUAL(g.state().parameters.size(), 1u);
  BOOST_CHECK_EQUAL(g.state().entries, 2u);
  g.when(create(), System::mes).then_refused("batch_run.exists");
  given<subject>().when(create(), System::mes).then_refused("batch_run.recipe_unknown");
  auto draft = syrup();
  draft.revisions[0].status = recipe::Status::draft;
  given<subject>()
      .reference<actors::recipe>("R-SYRUP", draft)
      .when(create(), System::mes)
      .then_refused("batch_run.recipe_not_approved");
  auto over = syrup();
  over.revisions[0].effective_to = timestamp::from_micros(2);
  given<subject>()
      .reference<actors::recipe>("R-SYRUP", over)
      .when(create(), System::mes)
      .then_refused("batch_run.recipe_not_effective");
  auto other = create();
  other.revision = "Z";
  given<subject>()
      .reference<actors::recipe>("R-SYRUP", syrup())
      .when(other, System::mes)
      .then_refused("batch_run.recipe_not_approved");
}

BOOST_AUTO_TEST_CASE(exactly_the_transitions_of_isa_88) {
  using enum Status;
  const std::map<Status, std::set<Status>> allowed{
      {idle, {running}},
      {running, {complete, pausing, holding, stopping, aborting}},
      {pausing, {paused, holding, stopping, aborting}},
      {paused, {running, holding, stopping, aborting}},
      {holding, {held, stopping, aborting}},
      {held, {restarting, stopping, aborting}},
      {restarting, {running, holding, stopping, aborting}},
      {stopping, {stopped, aborting}},
      {stopped, {aborting}},
      {aborting, {aborted}},
      {aborted, {}},
      {complete, {}}};
  const std::map<Status, std::vector<Status>> way{
      {idle, {}},
      {running, {running}},
      {pausing, {running, pausing}},
      {paused, {running, pausing, paused}},
      {holding, {running, holding}},
      {held, {running, holding, held}},
      {restarting, {running, holding, held, restarting}},
      {stopping, {running, stopping}},
      {stopped, {running, stopping, stopped}},
      {aborting, {running, aborting}},
      {aborted, {running, aborting, aborted}},
      {complete, {running, complete}}};
  for (const auto from : EnumValuesStatus())
    for (const auto to : EnumValuesStatus()) {
      auto g = created();
      for (const auto step : way.at(from)) g.when(become(step), System::mes).then_accepted();
      g.when(become(to), System::mes);
      BOOST_TEST_CONTEXT(EnumNameStatus(from) << " -> " << EnumNameStatus(to)) {
        if (from == to) {
          g.then_accepted().then_nothing();
        } else if (allowed.at(from).contains(to)) {
          g.then_event_names({"StateChanged"});
          BOOST_CHECK(g.state().status == to);
        } else if (from == complete || from == aborted) {
          g.then_parked("batch_run.ended");
        } else {
          g.then_parked("batch_run.transition_not_allowed");
          BOOST_CHECK(g.state().status == from);
        }
      }
    }
}

BOOST_AUTO_TEST_CASE(the_same_report_again_changes_nothing_another_content_is_refused) {
  auto g = created();
  const auto start = become(Status::running);
  g.when(start, System::mes).when(start, System::mes).then_accepted().then_nothing();
  auto other = start;
  other.reason = "late";
  g.when(other, System::mes).then_refused("batch_run.report_differs");
  g.when(temperature("P-1", "90"), System::mes).then_event_names({"ParameterReported"});
  g.when(temperature("P-1", "90"), System::mes).then_nothing();
  g.when(temperature("P-1", "91"), System::mes).then_refused("batch_run.report_differs");
}

BOOST_AUTO_TEST_CASE(phases_are_followed_and_a_milestone_is_reached_once) {
  auto g = in({Status::running});
  ReportPhaseT c;
  c.report = "F-1";
  c.phase = "COOK";
  c.status = PhaseStatus::running;
  c.occurred_at = at;
  g.when(c, System::mes).then_event_names({"PhaseReported"});
  c.report = "F-2";
  c.status = PhaseStatus::completed;
  g.when(c, System::mes).then_event_names({"PhaseReported", "MilestoneReached"});
  BOOST_CHECK(g.state().phases[1].status == PhaseStatus::completed);
  BOOST_REQUIRE_EQUAL(g.state().milestones.size(), 1u);
  BOOST_CHECK_EQUAL(g.state().milestones[0].milestone, "COOK");
  c.report = "F-3";
  g.when(c, System::mes).then_event_names({"PhaseReported"});
  c.report = "F-4";
  c.phase = "COOL";
  g.when(c, System::mes).then_parked("batch_run.phase_unknown");
  ReportMilestoneT milestone;
  milestone.report = "M-1";
  milestone.milestone = "tasted";
  g.when(milestone, System::mes).then_event_names({"MilestoneReached"});
}

// --- parameters, windows, deviations ---

BOOST_AUTO_TEST_CASE(a_value_outside_the_limits_is_recorded_and_deviates) {
  auto g = in({Status::running});
  for (const char* fine : {"80", "95"})
    g.when(temperature(fine, fine), System::mes).then_event_names({"ParameterReported"});
  g.when(temperature("P-9", "95.000001"), System::mes)
      .then_event_names({"ParameterReported", "DeviationFound"});
  BOOST_CHECK(*g.state().parameters[0].actual == *value("95.000001"));
  BOOST_CHECK_EQUAL(g.state().parameters[0].deviations, 1u);
  BOOST_CHECK_EQUAL(g.state().deviations_open, 1u);
  const auto row = g.row<DeviationRowT>("deviations", "parameter~P-9");
  BOOST_REQUIRE(row);
  BOOST_CHECK_EQUAL(row->deviation->text, "temperature is 95.000001 CEL, allowed are 80 to 95");
  auto set = temperature("P-10", "90");
  set.set = value("79");
  g.when(set, System::mes).then_event_names({"ParameterReported", "DeviationFound"});
}

BOOST_AUTO_TEST_CASE(parameters_keep_their_unit_and_need_a_value) {
  auto g = in({Status::running});
  auto c = temperature("P-1", "90");
  c.unit = "FAH";
  g.when(c, System::mes).then_refused("batch_run.unit_mismatch");
  c.unit.clear();
  g.when(c, System::mes).then_refused("batch_run.unit_mismatch");
  c = temperature("P-1", "90");
  c.actual.reset();
  g.when(c, System::mes).then_refused("batch_run.value_missing");
  auto unplanned = temperature("P-2", "3");
  unplanned.parameter = "stirrer";
  g.when(unplanned, System::mes).then_event_names({"ParameterReported"});
  BOOST_REQUIRE_EQUAL(g.state().parameters.size(), 2u);
  BOOST_CHECK(g.state().parameters[1].unplanned);
}

BOOST_AUTO_TEST_CASE(a_historian_window_stays_as_evidence_and_is_held_against_the_limits) {
  auto g = in({Status::running});
  g.when(window("W-1", "82", "94"), System::historian).then_event_names({"WindowRecorded"});
  g.when(window("W-2", "79.5", "94"), System::historian)
      .then_event_names({"WindowRecorded", "DeviationFound"});
  const auto low = g.row<DeviationRowT>("deviations", "window~W-2");
  BOOST_REQUIRE(low);
  BOOST_CHECK(*low->deviation->value == *value("79.5"));
  g.when(window("W-3", "82", "99"), System::historian)
      .then_event_names({"WindowRecorded", "DeviationFound"});
  BOOST_CHECK_EQUAL(g.state().windows, 3u);
  auto bad = window("W-4", "82", "94");
  bad.to = at.plus_ms(-1);
  g.when(bad, System::historian).then_refused("batch_run.window_invalid");
  bad = window("W-4", "82", "94");
  bad.sha256 = "0xabc";
  g.when(bad, System::historian).then_refused("batch_run.hash_invalid");
  bad = window("W-4", "82", "94");
  bad.unit = "FAH";
  g.when(bad, System::historian).then_refused("batch_run.unit_mismatch");
}

BOOST_AUTO_TEST_CASE(quality_assesses_each_deviation_once) {
  auto g = in({Status::running});
  ReportDeviationT person;
  person.report = "D-1";
  person.text = "spilled a bag";
  g.when(person, System::mes).then_event_names({"DeviationReported"});
  g.when(temperature("P-1", "99"), System::mes);
  AssessDeviationT c;
  c.deviation = "person~D-1";
  c.accepted = true;
  c.reason = "outside the kettle";
  g.when(c, System::qms).then_event_names({"DeviationAssessed"});
  g.when(c, System::qms).then_refused("batch_run.deviation_unknown");
  c.deviation = "parameter~P-1";
  c.accepted = false;
  g.when(c, System::qms);
  BOOST_CHECK_EQUAL(g.state().deviations, 2u);
  BOOST_CHECK_EQUAL(g.state().deviations_open, 0u);
  BOOST_CHECK_EQUAL(g.state().deviations_rejected, 1u);
  const auto row = g.row<DeviationRowT>("deviations", "parameter~P-1");
  BOOST_CHECK(row->deviation->status == DeviationStatus::rejected);
}

// --- materials ---

BOOST_AUTO_TEST_CASE(a_report_to_the_run_goes_on_to_its_order_which_posts) {
  auto g = in({Status::running});
  g.when(sugar(), System::mes)
      .then_pending()
      .then_event_names({"MaterialReported"})
      .then_effects({"ask order/5000001 consumption~G-1"});
  const auto asked = g.sent<actors::order, po::ReportConsumptionT>();
  BOOST_REQUIRE(asked);
  BOOST_CHECK_EQUAL(asked->report, "G-1");
  BOOST_CHECK_EQUAL(asked->batch_run, "BR-1");
  BOOST_CHECK_EQUAL(g.state().materials_open, 1u);
  // The order's note comes first: the answer only settles the caller.
  g.when_from("order/5000001", note(Movement::consumption, MaterialStatus::posted))
      .then_event_names({"MaterialNoted"});
  g.origin({7, 7}).when_granted<actors::order>("order/5000001", "consumption~G-1").then_events();
  g.then_settled({7, 7});
  BOOST_REQUIRE_EQUAL(g.state().inputs.size(), 1u);
  BOOST_CHECK(g.state().inputs[0].quantity == decimal::from_units(300));
  BOOST_CHECK_EQUAL(g.state().materials_open, 0u);
  g.when_from("order/5000001", note(Movement::consumption, MaterialStatus::posted)).then_nothing();
}

BOOST_AUTO_TEST_CASE(a_report_that_the_order_had_before_counts_once) {
  auto g = in({Status::running});
  g.when(sugar(), System::mes);
  g.origin({7, 7}).when_granted<actors::order>("order/5000001", "consumption~G-1");
  g.then_event_names({"MaterialNoted"}).then_settled({7, 7});
  g.when_from("order/5000001", note(Movement::consumption, MaterialStatus::posted)).then_nothing();
  BOOST_CHECK(g.state().inputs[0].quantity == decimal::from_units(300));
}

BOOST_AUTO_TEST_CASE(what_waits_at_the_order_keeps_the_record_open) {
  auto g = done();
  g.when(sugar(), System::mes);
  g.origin({7, 7}).when_parked("order/5000001", "consumption~G-1", "batch.short_stock", "x~1");
  g.then_event_names({"MaterialNoted"})
      .then_settled({7, 7}, engine::Outcome::parked, "batch.short_stock");
  g.when(CloseT(), System::mes).then_refused("batch_run.materials_open");
  g.when_from("order/5000001", note(Movement::consumption, MaterialStatus::posted));
  BOOST_CHECK_EQUAL(g.state().materials_open, 0u);
  g.when(CloseT(), System::mes).then_accepted();
}

BOOST_AUTO_TEST_CASE(a_refused_report_is_no_input) {
  auto g = in({Status::running});
  g.when(sugar(), System::mes);
  g.origin({7, 7}).when_refused("order/5000001", "consumption~G-1", "order.unit_not_convertible");
  g.then_settled({7, 7}, engine::Outcome::refused, "order.unit_not_convertible");
  BOOST_CHECK(g.state().inputs.empty());
  BOOST_CHECK_EQUAL(g.state().materials_open, 0u);
}

BOOST_AUTO_TEST_CASE(the_orders_own_reports_are_noted_and_reversed) {
  auto g = in({Status::running});
  g.when_from("order/5000001", note(Movement::production, MaterialStatus::posted, "P-1"));
  BOOST_REQUIRE_EQUAL(g.state().outputs.size(), 1u);
  BOOST_CHECK_EQUAL(g.state().outputs[0].batch, "SYR-1");
  g.when_from("order/5000001", note(Movement::production, MaterialStatus::reversed, "P-1"))
      .then_event_names({"MaterialNoted"});
  BOOST_CHECK(g.state().outputs.empty());
}

// --- the record ---

BOOST_AUTO_TEST_CASE(only_a_run_that_is_over_is_closed) {
  created().when(CloseT(), System::mes).then_refused("batch_run.not_over");
  in({Status::running}).when(CloseT(), System::mes).then_refused("batch_run.not_over");
  in({Status::running, Status::aborting, Status::aborted})
      .when(CloseT(), System::mes)
      .then_event_names({"Closed"});
}

BOOST_AUTO_TEST_CASE(a_closed_record_takes_nothing_until_quality_opens_it) {
  auto g = done();
  g.when(CloseT(), System::mes).then_event_names({"Closed"});
  g.when(CloseT(), System::mes).then_refused("batch_run.closed");
  g.when(temperature("P-1", "90"), System::mes).then_parked("batch_run.closed");
  g.when_from("order/5000001", note(Movement::consumption, MaterialStatus::posted))
      .then_parked("batch_run.closed");
  AssessDeviationT assess;
  assess.deviation = "parameter~P-1";
  assess.reason = "no";
  g.when(assess, System::qms).then_refused("batch_run.closed");
  ReopenT reopen;
  reopen.reason = "late value";
  g.when(reopen, System::qms).then_event_names({"Reopened"});
  g.when(reopen, System::qms).then_refused("batch_run.not_closed");
  g.when(temperature("P-1", "90"), System::mes).then_accepted();
  g.when(CloseT(), System::mes);
  BOOST_CHECK_EQUAL(g.state().record_version, 2u);
}

BOOST_AUTO_TEST_CASE(every_entry_is_hashed_with_the_one_before) {
  auto g = in({Status::running});
  g.when(temperature("P-1", "99"), System::mes);
  g.when(window("W-1", "82", "94"), System::historian);
  g.when(sugar(), System::mes);
  g.when_from("order/5000001", note(Movement::consumption, MaterialStatus::posted));
  g.when(become(Status::complete), System::mes);
  g.bound(System::qms).when(CloseT(), System::mes);
  g.then_effects({"deliver qms batch-run/BR-1 record"});
  BOOST_CHECK_EQUAL(recomputed(g), g.state().record_hash);
  BatchRecordT sent;
  sent.run = "BR-1";
  sent.order = "5000001";
  sent.recipe = "R-SYRUP";
  sent.revision = "A";
  sent.material = "SYRUP";
  sent.version = 1;
  sent.entries = g.state().entries;
  sent.hash = g.state().record_hash;  // what is sent is what the closing has led to
  sent.status = Status::complete;
  sent.deviations = 1;
  sent.deviations_open = 1;
  g.then_delivered(System::qms, "batch-run/BR-1", sent);
  g.when_delivered("record", System::qms, engine::DeliveryEnd::acknowledged, "EBR-77");
  BOOST_REQUIRE_EQUAL(g.state().copies.size(), 1u);
  BOOST_CHECK_EQUAL(g.state().copies[0].document, "EBR-77");
}

BOOST_AUTO_TEST_CASE(entries_are_canonical_json_for_ever) {
  actors::record_entry entry("parameter", at);
  entry.text("unit", "CEL").text("by", "Jörg \"x\"\n\x01").number("actual", value("90.5"));
  entry.text("empty", "").number("none", std::unique_ptr<decimal>());
  BOOST_CHECK_EQUAL(
      entry.json(),
      "{\"actual\":\"90.5\",\"by\":\"Jörg \\\"x\\\"\\n\\u0001\",\"entry\":\"parameter\","
      "\"recorded_at\":\"2027-01-15T07:43:20Z\",\"unit\":\"CEL\"}");
  // A fixed point: records of years ago have to check out.
  BOOST_CHECK_EQUAL(actors::next_record_hash(actors::first_record_hash, "{\"entry\":\"created\"}"),
                    sha256_hex(std::string(64, '0') + "\n{\"entry\":\"created\"}"));
  BOOST_CHECK_EQUAL(sha256_hex("abc"),
                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

BOOST_AUTO_TEST_CASE(closing_wakes_or_starts_the_releases_of_what_it_made) {
  auto g = done();
  g.when_from("order/5000001", note(Movement::production, MaterialStatus::posted, "P-1"));
  g.when(CloseT(), System::mes).then_effects({"tell batch_release/SYR-1"});
  batch_release::RecheckT recheck;
  recheck.cause = "batch_run/BR-1";
  g.then_sent<actors::batch_release>("SYR-1", recheck);
  auto automatic = done();
  automatic.rule("batch_release.automatic", "yes");
  automatic.when_from("order/5000001", note(Movement::production, MaterialStatus::posted, "P-1"));
  automatic.when(CloseT(), System::mes);
  batch_release::StartT start;
  start.run = "BR-1";
  automatic.then_sent<actors::batch_release>("SYR-1", start);
}

BOOST_AUTO_TEST_CASE(a_run_that_is_full_parks_what_more_is_reported) {
  auto g = in({Status::running});
  ReportMilestoneT milestone;
  for (int n = 0; n < 200; ++n) {
    milestone.report = milestone.milestone = "M-" + std::to_string(n);
    g.when(milestone, System::mes).then_accepted();
  }
  milestone.report = milestone.milestone = "one more";
  g.when(milestone, System::mes).then_parked("batch_run.too_large");
  // The recipe's own parameter is one of them, and goes on taking values.
  for (int n = 1; n < 500; ++n) {
    auto c = temperature(("P-" + std::to_string(n)).c_str(), "1");
    c.parameter = c.report;
    g.when(c, System::mes).then_accepted();
  }
  auto more = temperature("one more", "1");
  more.parameter = "one more";
  g.when(more, System::mes).then_parked("batch_run.too_large");
  g.when(temperature("T-1", "90"), System::mes).then_accepted();
}

BOOST_AUTO_TEST_CASE(every_command_before_in_and_after_a_run) {
  transition_table<subject> t;
  t.name_of = [](const StateT& s) {
    return std::string(EnumNameStatus(s.status)) + (s.closed ? "+closed" : "");
  };
  t.columns = {{"idle", [](given<subject>& g) { g = created(); }},
               {"running", [](given<subject>& g) { g = in({Status::running}); }},
               {"complete", [](given<subject>& g) { g = done(); }},
               {"aborted",
                [](given<subject>& g) {
                  g = in({Status::running, Status::aborting, Status::aborted});
                }},
               {"complete+closed", [](given<subject>& g) {
                  g = done();
                  g.when(CloseT(), System::mes).then_accepted();
                }}};
  const auto as = [](System system, auto command) {
    return [system, command](given<subject>& g) { g.when(command, system); };
  };
  ReportPhaseT phase;
  phase.report = "F-1";
  phase.phase = "DOSE";
  phase.occurred_at = at;
  ReportDeviationT deviation;
  deviation.report = "D-1";
  deviation.text = "a smell";
  AssessDeviationT assessed;
  assessed.deviation = "none";
  assessed.reason = "harmless";
  ReportMilestoneT milestone;
  milestone.report = "M-1";
  milestone.milestone = "COOKED";
  milestone.occurred_at = at;
  ReportProductionT made;
  made.report = "P-1";
  made.batch = "SYR-1";
  made.quantity = decimal::from_units(500);
  made.unit = "KGM";
  CloseT close;
  ReopenT reopen;
  reopen.reason = "late facts";
  t.rows = {{Command::Create,
             as(System::mes, create()),
             {"-exists", "-exists", "-exists", "-exists", "-exists"}},
            {Command::ReportState,
             as(System::mes, become(Status::running)),
             {"running", "running", "!ended", "!ended", "!closed"}},
            {Command::ReportPhase,
             as(System::mes, phase),
             {"idle", "running", "complete", "aborted", "!closed"}},
            {Command::ReportParameter,
             as(System::mes, temperature("T-1", "90")),
             {"idle", "running", "complete", "aborted", "!closed"}},
            {Command::ReportDeviation,
             as(System::mes, deviation),
             {"idle", "running", "complete", "aborted", "!closed"}},
            {Command::AssessDeviation,
             as(System::qms, assessed),
             {"-deviation_unknown", "-deviation_unknown", "-deviation_unknown",
              "-deviation_unknown", "-closed"}},
            {Command::ReportMilestone,
             as(System::mes, milestone),
             {"idle", "running", "complete", "aborted", "!closed"}},
            {Command::RecordWindow,
             as(System::historian, window("W-1", "85", "90")),
             {"idle", "running", "complete", "aborted", "!closed"}},
            {Command::ReportConsumption,
             as(System::mes, sugar()),
             {"?idle", "?running", "?complete", "?aborted", "!closed"}},
            {Command::ReportProduction,
             as(System::mes, made),
             {"?idle", "?running", "?complete", "?aborted", "!closed"}},
            {Command::Close,
             as(System::mes, close),
             {"-not_over", "-not_over", "complete+closed", "aborted+closed", "-closed"}},
            {Command::Reopen,
             as(System::qms, reopen),
             {"-not_closed", "-not_closed", "-not_closed", "-not_closed", "complete"}},
            {Command::NoteMaterial,
             [](given<subject>& g) {
               g.when_from("order/5000001", note(Movement::consumption, MaterialStatus::posted));
             },
             {"idle", "running", "complete", "aborted", "!closed"}}};
  t.check(EnumValuesCommand());
}
