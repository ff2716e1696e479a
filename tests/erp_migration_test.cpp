// layer: actors
// A plant's way to another ERP: both get every posting, what they answer and have is compared, and
// the plant cuts over, or back, when the ledger says so.
#define BOOST_TEST_MODULE erp_migration
#include <boost/test/unit_test.hpp>

#include "actors/erp_migration.hpp"
#include "actors/production_confirmation.hpp"
#include "schemas/production/order_kind.hpp"
#include "tests/floor_double.hpp"
#include "tests/kind_harness.hpp"
#include "tests/transition_table.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
namespace em = millrace::erp_migration;
namespace pc = millrace::production_confirmation;
using subject = actors::erp_migration;
using em::Status;
using order::PostingStatus;
using order::ReportKind;

em::PlanT plan(std::string shadow = "hamburg.next") {
  em::PlanT c;
  c.shadow = std::move(shadow);
  return c;
}
em::SetTermsT terms(std::uint32_t compared_min, std::uint32_t match_percent,
                    std::int64_t tolerance = 0) {
  em::SetTermsT c;
  c.terms = std::make_unique<em::TermsT>();
  c.terms->compared_min = compared_min;
  c.terms->match_percent = match_percent;
  c.terms->stock_tolerance = decimal::from_units(tolerance);
  c.reason = "agreed";
  return c;
}
template <class Command>
Command because(std::string reason = "as planned") {
  Command c;
  c.reason = std::move(reason);
  return c;
}
em::MirrorT mirror(std::string report = "C-1") {
  em::MirrorT c;
  c.order = "42";
  c.posting = std::make_unique<pc::PostingT>();
  c.posting->kind = ReportKind::confirmation;
  c.posting->report = std::move(report);
  return c;
}
em::NoteT note(PostingStatus status, std::string report = "C-1", std::string reason = {}) {
  em::NoteT c;
  c.order = "42";
  c.kind = ReportKind::confirmation;
  c.report = std::move(report);
  c.answer = std::make_unique<em::AnswerT>();
  c.answer->status = status;
  c.answer->reason = std::move(reason);
  return c;
}
em::CompareStockT stock(std::int64_t legacy, std::int64_t next) {
  em::CompareStockT c;
  auto& line = c.lines.emplace_back();
  line.batch = "HSG-1";
  line.legacy = decimal::from_units(legacy);
  line.next = decimal::from_units(next);
  line.unit = "EA";
  return c;
}
given<subject> dual() {
  given<subject> g;
  g.id("erp").when(plan(), System::ops).when(em::BeginDualRunT(), System::ops).then_accepted();
  return g;
}
/// One posting and the stock are alike in both.
given<subject> ready() {
  auto g = dual();
  g.when_from("production_confirmation/42", mirror())
      .when_from("production_confirmation/42", note(PostingStatus::posted))
      .when_from("production_confirmation/42", note(PostingStatus::posted), "hamburg.next")
      .when(stock(5, 5), System::ops);
  return g;
}
em::RegisterInterfaceT entry(std::string replaced_by = {}) {
  em::RegisterInterfaceT c;
  c.interface = "IDOC-7";
  c.owner = "logistics";
  c.replaced_by = std::move(replaced_by);
  return c;
}
em::NoteUseT used(std::uint64_t messages = 10) {
  em::NoteUseT c;
  c.interface = "IDOC-7";
  c.messages = messages;
  return c;
}
em::RetireInterfaceT retire() {
  em::RetireInterfaceT c;
  c.interface = "IDOC-7";
  return c;
}
auto status(Status wanted) {
  return [wanted](const em::StateT& s) {
    BOOST_CHECK_MESSAGE(s.status == wanted, "status is " << em::EnumNameStatus(s.status));
  };
}
std::string waits(const given<subject>& g) {
  std::string out;
  for (const auto& one : g.state().waits_for) out += (out.empty() ? "" : "; ") + one;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(planned_once_under_its_id_with_another_plant_for_the_other_erp) {
  given<subject> g;
  g.id("erp")
      .when(plan(), System::ops)
      .then_event_names({"Planned"})
      .when(plan(), System::ops)
      .then_refused("erp_migration.exists");
  given<subject>().id("s4").when(plan(), System::ops).then_refused("erp_migration.shadow_invalid");
  given<subject>()
      .id("erp")
      .when(plan("hamburg"), System::ops)
      .then_refused("erp_migration.shadow_invalid");
}

BOOST_AUTO_TEST_CASE(a_copy_goes_to_the_shadow_and_both_answers_are_compared) {
  auto g = dual();
  g.when_from("production_confirmation/42", mirror())
      .then_event_names({"Mirrored"})
      .then_effects({"tell hamburg.next:production_confirmation/42"});
  const auto copy = g.sent<actors::production_confirmation, pc::PostT>();
  BOOST_REQUIRE(copy);
  BOOST_CHECK_EQUAL(copy->posting->mirrored_for, "hamburg");
  g.when_from("production_confirmation/42", mirror()).then_nothing();
  BOOST_CHECK_EQUAL(waits(g),
                    "1 postings not answered by both; a first posting in both; "
                    "a comparison of the stock");
  g.when_from("production_confirmation/42", note(PostingStatus::posted))
      .then_event_names({"Answered"})
      .when_from("production_confirmation/42", note(PostingStatus::posted), "hamburg.next")
      .then_event_names({"Answered", "Compared"});
  BOOST_CHECK_EQUAL(g.state().matched, 1u);
  BOOST_CHECK_EQUAL(g.state().pending, 0u);
  BOOST_CHECK(!g.row<em::PairRowT>("pairs",
                                   "42\x1f"
                                   "confirmation\x1f"
                                   "C-1"));
  g.when_from("production_confirmation/42", note(PostingStatus::posted), "hamburg.next")
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(what_only_one_has_posted_is_in_the_ledger_until_it_is_explained) {
  em::ExplainT why;
  why.difference = 1;
  why.reason = "the lot was not migrated; posted by hand";
  auto g = ready();
  g.when_from("production_confirmation/42", mirror("C-2"))
      .when_from("production_confirmation/42", note(PostingStatus::refused, "C-2", "batch unknown"),
                 "hamburg.next")
      .when_from("production_confirmation/42", note(PostingStatus::posted, "C-2"))
      .then_event_names({"Answered", "Compared", "DifferenceFound"});
  const auto row = g.row<em::DifferenceRowT>("differences", "0000000001");
  BOOST_REQUIRE(row);
  BOOST_CHECK_EQUAL(row->subject, "order 42 confirmation C-2");
  BOOST_CHECK_EQUAL(row->legacy, "posted");
  BOOST_CHECK_EQUAL(row->next, "refused: batch unknown");
  g.when(because<em::CutOverT>(), System::ops).then_refused("erp_migration.not_ready");
  BOOST_CHECK_EQUAL(waits(g), "1 differences unexplained");
  g.when(why, System::ops)
      .then_event_names({"DifferenceExplained"})
      .when(why, System::ops)
      .then_refused("erp_migration.difference_unknown")
      .when(because<em::CutOverT>(), System::ops)
      .then_state(status(Status::cut_over));
}

BOOST_AUTO_TEST_CASE(stock_is_compared_within_the_tolerance) {
  auto g = dual();
  g.when(terms(1, 0, 2), System::ops)
      .then_event_names({"TermsSet"})
      .when(stock(10, 8), System::ops)
      .then_event_names({"StockCompared"})
      .when(stock(10, 7), System::ops)
      .then_event_names({"StockCompared", "DifferenceFound"})
      .when(stock(7, 10), System::ops)
      .then_event_names({"StockCompared", "DifferenceFound"});
  const auto row = g.row<em::DifferenceRowT>("differences", "0000000001");
  BOOST_REQUIRE(row);
  BOOST_CHECK_EQUAL(row->subject + ": " + row->legacy + ", " + row->next,
                    "HSG-1 unrestricted: 10 EA, 7 EA");
  given<subject> planned;
  planned.id("erp")
      .when(plan(), System::ops)
      .when(stock(1, 1), System::ops)
      .then_refused("erp_migration.wrong_status");
}

BOOST_AUTO_TEST_CASE(the_cut_over_waits_for_its_terms) {
  auto g = ready();
  g.when(terms(2, 0), System::ops)
      .when(because<em::CutOverT>(), System::ops)
      .then_refused("erp_migration.not_ready");
  em::ExplainT why;
  why.difference = 1;
  why.reason = "known";
  auto half = ready();
  half.when(terms(1, 90), System::ops)
      .when_from("production_confirmation/42", mirror("C-2"))
      .when_from("production_confirmation/42", note(PostingStatus::refused, "C-2"))
      .when_from("production_confirmation/42", note(PostingStatus::posted, "C-2"), "hamburg.next")
      .when(why, System::ops)
      .when(because<em::CutOverT>(), System::ops)
      .then_refused("erp_migration.not_ready");
}

BOOST_AUTO_TEST_CASE(terms_come_with_the_plan_and_are_sound) {
  auto c = plan();
  c.terms = std::make_unique<em::TermsT>();
  c.terms->quiet_days = 7;
  given<subject> g;
  g.id("erp").when(c, System::ops).then_event_names({"Planned"});
  BOOST_REQUIRE(g.state().terms);
  BOOST_CHECK_EQUAL(g.state().terms->quiet_days, 7u);
  g.when(terms(1, 101), System::ops)
      .then_refused("erp_migration.terms_invalid")
      .when(terms(0, 0), System::ops)
      .then_refused("erp_migration.terms_invalid");
  c.terms->match_percent = 101;
  given<subject>().id("erp").when(c, System::ops).then_refused("erp_migration.terms_invalid");
}

BOOST_AUTO_TEST_CASE(after_the_cut_over_the_other_leads_and_the_first_gets_the_copies) {
  auto g = ready();
  g.when(because<em::CutOverT>(), System::ops).then_event_names({"Turned"});
  BOOST_CHECK(g.state().leading == em::Side::next);
  g.when_from("production_confirmation/42", mirror("C-2"))
      .then_effects({"tell hamburg.next:production_confirmation/42"})
      .when_from("production_confirmation/42", note(PostingStatus::posted, "C-2"));
  BOOST_CHECK(g.event<em::AnsweredT>()->side == em::Side::next);  // its own endpoint now
  g.when(because<em::RollBackT>("too slow"), System::ops).then_state(status(Status::rolled_back));
  BOOST_CHECK(g.state().leading == em::Side::legacy);
  g.when_from("production_confirmation/42", mirror("C-3"))
      .then_nothing()
      .when(em::BeginDualRunT(), System::ops)
      .then_state(status(Status::dual_run));
}

BOOST_AUTO_TEST_CASE(each_turn_is_refused_outside_its_status) {
  const auto wrong = "erp_migration.wrong_status";
  const auto planned = [] {
    given<subject> g;
    g.id("erp").when(plan(), System::ops);
    return g;
  };
  planned().when(because<em::CutOverT>(), System::ops).then_refused(wrong);
  planned().when(because<em::RollBackT>(), System::ops).then_refused(wrong);
  planned().when(because<em::CompleteT>(), System::ops).then_refused(wrong);
  dual().when(em::BeginDualRunT(), System::ops).then_refused(wrong);
  dual().when(because<em::RollBackT>(), System::ops).then_refused(wrong);
  dual().when(because<em::CompleteT>(), System::ops).then_refused(wrong);
  auto over = ready();
  over.when(because<em::CutOverT>(), System::ops);
  over.when(em::BeginDualRunT(), System::ops).then_refused(wrong);
  over.when(because<em::CutOverT>(), System::ops).then_refused(wrong);
  over.when(because<em::CompleteT>(), System::ops).then_state(status(Status::completed));
  over.when(because<em::RollBackT>(), System::ops).then_refused(wrong);
  over.when_from("production_confirmation/42", mirror("C-9")).then_nothing();
}

BOOST_AUTO_TEST_CASE(it_is_given_up_before_a_cut_over_or_after_the_way_back_and_planned_anew) {
  auto g = dual();
  g.when_from("production_confirmation/42", mirror())
      .when(because<em::CancelT>("another vendor"), System::ops)
      .then_event_names({"Turned"})
      .then_state(status(Status::cancelled))
      .when_from("production_confirmation/42", mirror("C-2"))
      .then_nothing()
      .when_from("production_confirmation/42", note(PostingStatus::posted))  // still on its way
      .then_event_names({"Answered"})
      .when(because<em::CancelT>("again"), System::ops)
      .then_refused("erp_migration.wrong_status")
      .when(because<em::CutOverT>(), System::ops)
      .then_refused("erp_migration.wrong_status")
      .when(plan("hamburg.s5"), System::ops)
      .then_state(status(Status::planned));
  BOOST_CHECK_EQUAL(g.state().shadow, "hamburg.s5");
  g.when(because<em::CancelT>(), System::ops).then_state(status(Status::cancelled));
  auto over = ready();
  over.when(because<em::CutOverT>(), System::ops)
      .when(because<em::CancelT>(), System::ops)
      .then_refused("erp_migration.wrong_status")
      .when(because<em::RollBackT>("too slow"), System::ops)
      .when(because<em::CancelT>(), System::ops)
      .then_state(status(Status::cancelled));
}

BOOST_AUTO_TEST_CASE(an_answer_is_of_the_erp_that_led_when_it_was_sent) {
  auto g = ready();
  g.when(because<em::CutOverT>(), System::ops)
      .when_from("production_confirmation/42", mirror("C-2"))
      .when(because<em::RollBackT>("too slow"), System::ops)
      .when_from("production_confirmation/42", note(PostingStatus::posted, "C-2"));
  BOOST_CHECK(g.event<em::AnsweredT>()->side == em::Side::next);
}

BOOST_AUTO_TEST_CASE(a_legacy_interface_is_retired_when_it_is_replaced_and_quiet) {
  auto g = ready();
  g.when(used(), System::erp)
      .then_parked("erp_migration.interface_unknown")
      .when(retire(), System::ops)
      .then_refused("erp_migration.interface_unknown")
      .when(entry(), System::ops)
      .when(used(), System::erp)
      .when(used(5), System::erp)
      .when(retire(), System::ops)
      .then_refused("erp_migration.interface_in_use")  // nothing replaces it
      .when(entry("OData API"), System::ops)
      .when(retire(), System::ops)
      .then_refused("erp_migration.interface_in_use");  // used just now
  BOOST_CHECK_EQUAL(g.state().interfaces.at(0).traffic, 15u);
  BOOST_CHECK_EQUAL(g.state().interfaces.at(0).owner, "logistics");
  g.when(because<em::CutOverT>(), System::ops)
      .when(because<em::CompleteT>(), System::ops)
      .then_refused("erp_migration.interface_in_use")
      .after_ms(31 * 86'400'000LL)
      .when(retire(), System::ops)
      .then_event_names({"InterfaceChanged"})
      .when(retire(), System::ops)
      .then_nothing();
  g.after_ms(1000).when(used(1), System::erp);  // it is used after all
  BOOST_CHECK(!g.state().interfaces.at(0).retired_on.given());
}

BOOST_AUTO_TEST_CASE(a_story_in_which_one_erp_refuses) {
  floor_double f;
  f.bound = 1u << static_cast<unsigned>(System::erp);
  const auto ok = [](const floor_double::outcome& o) {
    BOOST_CHECK_MESSAGE(o.what == engine::Outcome::accepted, o.code);
  };
  ok(f.post("hamburg/commission", System::ops, R"({"region":"eu","time_zone":"Europe/Berlin"})"));
  ok(f.post("materials/M/define", System::erp,
            R"({"revision":"A","base_unit":"EA","routing":[{"operation":"0010"}]})"));
  ok(f.post("erp-migrations/erp/plan", System::ops, R"({"shadow":"hamburg.next"})"));
  ok(f.post("erp-migrations/erp/begin-dual-run", System::ops, "{}"));
  ok(f.post("orders/42/create", System::erp, R"({"material":"M","quantity":"2","unit":"EA"})"));
  ok(f.post("orders/42/release", System::erp, "{}"));
  while (!f.outbox.empty()) f.deliver();
  ok(f.post("orders/42/confirm-operation", System::mes,
            R"({"confirmation":"C-1","operation":"0010","yield":"1","unit":"EA"})"));
  ok(f.post("orders/42/confirm-operation", System::mes,
            R"({"confirmation":"C-2","operation":"0010","yield":"1","unit":"EA"})"));
  BOOST_REQUIRE_EQUAL(f.outbox.size(), 4u);  // two in each
  const auto end = [&](const std::string& plant, engine::DeliveryEnd how) {
    // The oldest of that plant comes first.
    for (std::size_t n = f.outbox.size(); n > 0 && f.outbox.front().plant != plant; --n) {
      f.outbox.push_back(f.outbox.front());
      f.outbox.pop_front();
    }
    f.deliver(how, "490");
    if (how == engine::DeliveryEnd::dead) f.outbox.pop_front();
  };
  end("hamburg", engine::DeliveryEnd::acknowledged);
  end("hamburg.next", engine::DeliveryEnd::acknowledged);
  end("hamburg", engine::DeliveryEnd::acknowledged);
  end("hamburg.next", engine::DeliveryEnd::dead);
  const auto& state = f.state<em::schema>("erp");
  BOOST_CHECK_EQUAL(state.compared, 2u);
  BOOST_CHECK_EQUAL(state.matched, 1u);
  BOOST_CHECK_EQUAL(state.open, 1u);
  // The order hears of its own ERP only.
  BOOST_CHECK_EQUAL(f.state<order::schema>("42").postings_open, 0u);
  BOOST_CHECK(f.faults.empty());
}

BOOST_AUTO_TEST_CASE(a_full_catalogue_refuses_more_and_keeps_what_it_has) {
  given<subject> g;
  auto c = entry();
  for (int n = 0; n < 200; ++n) {
    c.interface = "IDOC-" + std::to_string(n);
    g.when(c, System::ops).then_accepted();
  }
  c.interface = "IDOC-200";
  g.when(c, System::ops).then_refused("erp_migration.too_many");
  c.interface = "IDOC-7";
  c.owner = "purchasing";
  g.when(c, System::ops).then_accepted();
}

BOOST_AUTO_TEST_CASE(every_command_in_every_status) {
  using em::Command;
  transition_table<subject> t;
  t.name_of = [](const em::StateT& s) {
    const bool is_ready = s.status == Status::dual_run && s.waits_for.empty();
    return std::string(em::EnumNameStatus(s.status)) + (is_ready ? "+ready" : "");
  };
  const auto then = [](auto... commands) {
    return [=](given<subject>& g) {
      g = ready();
      (g.when(commands, System::ops).then_accepted(), ...);
    };
  };
  t.columns = {{"planned", [](given<subject>& g) { g.id("erp").when(plan(), System::ops); }},
               {"dual_run", [](given<subject>& g) { g = dual(); }},
               {"dual_run+ready", [](given<subject>& g) { g = ready(); }},
               {"cut_over", then(because<em::CutOverT>())},
               {"rolled_back", then(because<em::CutOverT>(), because<em::RollBackT>())},
               {"completed", then(because<em::CutOverT>(), because<em::CompleteT>())},
               {"cancelled", then(because<em::CancelT>())}};
  const auto ops = [](auto command) {
    return [command](given<subject>& g) { g.when(command, System::ops); };
  };
  const auto process = [](auto command) {
    return [command](given<subject>& g) { g.when_from("production_confirmation/42", command); };
  };
  em::ExplainT explain;
  explain.difference = 1;
  explain.reason = "known";
  t.rows = {
      {Command::Plan,
       ops(plan()),
       {"-exists", "-exists", "-exists", "-exists", "-exists", "-exists", "planned"}},
      {Command::SetTerms,
       ops(terms(1, 100)),
       {"planned", "dual_run", "dual_run+ready", "cut_over", "rolled_back", "-wrong_status",
        "cancelled"}},
      {Command::BeginDualRun,
       ops(because<em::BeginDualRunT>()),
       {"dual_run", "-wrong_status", "-wrong_status", "-wrong_status", "dual_run+ready",
        "-wrong_status", "-wrong_status"}},
      {Command::CutOver,
       ops(because<em::CutOverT>()),
       {"-wrong_status", "-not_ready", "cut_over", "-wrong_status", "-wrong_status",
        "-wrong_status", "-wrong_status"}},
      {Command::RollBack,
       ops(because<em::RollBackT>()),
       {"-wrong_status", "-wrong_status", "-wrong_status", "rolled_back", "-wrong_status",
        "-wrong_status", "-wrong_status"}},
      {Command::Complete,
       ops(because<em::CompleteT>()),
       {"-wrong_status", "-wrong_status", "-wrong_status", "completed", "-wrong_status",
        "-wrong_status", "-wrong_status"}},
      {Command::Cancel,
       ops(because<em::CancelT>()),
       {"cancelled", "cancelled", "cancelled", "-wrong_status", "cancelled", "-wrong_status",
        "-wrong_status"}},
      {Command::CompareStock,
       ops(stock(5, 5)),
       {"-wrong_status", "dual_run", "dual_run+ready", "cut_over", "-wrong_status", "-wrong_status",
        "-wrong_status"}},
      {Command::Explain,
       ops(explain),
       {"-difference_unknown", "-difference_unknown", "-difference_unknown", "-difference_unknown",
        "-difference_unknown", "-difference_unknown", "-difference_unknown"}},
      {Command::RegisterInterface,
       ops(entry()),
       {"planned", "dual_run", "dual_run+ready", "cut_over", "rolled_back", "completed",
        "cancelled"}},
      {Command::NoteUse,
       ops(used()),
       {"!interface_unknown", "!interface_unknown", "!interface_unknown", "!interface_unknown",
        "!interface_unknown", "!interface_unknown", "!interface_unknown"}},
      {Command::RetireInterface,
       ops(retire()),
       {"-interface_unknown", "-interface_unknown", "-interface_unknown", "-interface_unknown",
        "-interface_unknown", "-interface_unknown", "-interface_unknown"}},
      {Command::Mirror,
       process(mirror("C-9")),
       {"planned", "dual_run", "dual_run", "cut_over", "rolled_back", "completed", "cancelled"}},
      {Command::Note,
       process(note(PostingStatus::posted, "C-9")),
       {"planned", "dual_run", "dual_run+ready", "cut_over", "rolled_back", "completed",
        "cancelled"}}};
  t.check(em::EnumValuesCommand());
}
