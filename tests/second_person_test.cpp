// layer: actors
// The rule of the second person: which commands wait, who may approve, what
// happens then; with the cell that keeps and decides them.
#define BOOST_TEST_MODULE second_person
#include "actors/second_person.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

#include "actors/batch.hpp"
#include "actors/inspection.hpp"
#include "actors/rules.hpp"
#include "cluster/approval.hpp"
#include "cluster/cell.hpp"
#include "schemas/inventory/batch_kind.hpp"
#include "schemas/json.hpp"
#include "schemas/masterdata/material_kind.hpp"

using namespace millrace;

namespace {

constexpr auto start = 1'800'000'000'000'000;

struct world final : environment {
  [[nodiscard]] std::string_view plant() const override { return "hamburg"; }
  [[nodiscard]] std::uint32_t generation() const override { return 1; }
  [[nodiscard]] bool bound(System) const override { return false; }
  [[nodiscard]] std::string rule(std::string_view name, std::string_view fallback) const override {
    return name == rule_name ? value : std::string(fallback);
  }
  /// Materials are known, without an inspection plan; rules come from the configuration.
  [[nodiscard]] result<std::shared_ptr<const reference_state>> look_up(std::string_view of,
                                                                       std::string_view) override {
    if (of != "material") return std::shared_ptr<const reference_state>();
    auto out = std::make_shared<reference_state>();
    out->native = &housing;
    out->sequence = 1;
    return std::shared_ptr<const reference_state>(std::move(out));
  }
  [[nodiscard]] result<std::optional<bytes>> read_row(std::string_view, std::string_view,
                                                      std::string_view) override {
    return std::optional<bytes>();
  }
  material::StateT housing = [] {
    material::StateT m;
    m.revision = "A";
    m.revisions.emplace_back().revision = "A";
    m.base_unit = "EA";
    return m;
  }();
  std::string rule_name = "approval.release_hold", value = "yes";
};

struct person {
  std::string client, name;
  System system;
};
const person ann{"dev-qms", "ann", System::qms};
const person bob{"dev-qms", "bob", System::qms};

/// A lot that quality holds, behind the rule.
struct fixture {
  fixture() {
    must(run("receive", {"dev-erp", "", System::erp},
             R"({"material":"HOUSING","quantity":"10","unit":"EA"})"));
    must(run("place-hold", ann, R"({"hold":"H-1","type":"quality","reason":"crack"})"));
    BOOST_REQUIRE_EQUAL(state().holds.size(), 1u);
  }
  static void must(const proposal& p) {
    BOOST_REQUIRE_MESSAGE(p.verdicts.at(0).outcome == engine::Outcome::accepted,
                          p.verdicts[0].code << ": " << p.verdicts[0].detail);
  }
  stimulus made(std::string_view name, const person& by, std::string_view json) {
    const auto* command = what->model().command(name);
    stimulus s;
    s.ticket = ++tickets;
    s.command = command->member;
    s.body = *json_to_table(schema_model::built_in(), *command, json);
    s.id = {7, s.ticket};
    s.principal = by.client;
    s.on_behalf_of = by.name;
    s.system = by.system;
    s.systems = static_cast<system_set>(1u << static_cast<unsigned>(by.system));
    return s;
  }
  proposal offer(stimulus s) {
    std::vector<stimulus> all;
    all.push_back(std::move(s));
    auto p = c.offer(std::move(all), timestamp::from_micros(start));
    if (!p.records.empty()) {
      journal.push_back(p.records);
      c.committed(journal.size(), 0);
    }
    return p;
  }
  proposal run(std::string_view name, const person& by, std::string_view json) {
    return offer(made(name, by, json));
  }
  proposal release(const person& by, const std::string& hold = "H-1") {
    return run("release-hold", by, R"({"hold":")" + hold + R"(","reason":"no crack"})");
  }
  proposal act(request::exception_op op, const person& by, std::string reason = {},
               std::string exception = "batch~B-1~1") {
    auto s = made("release-hold", by, R"({"hold":"H-1","reason":"x"})");
    s.source = engine::Source::exception;
    s.op = op;
    s.exception = std::move(exception);
    s.reason = std::move(reason);
    return offer(std::move(s));
  }
  proposal approve(const person& by) {
    return act(request::exception_op::retry, by, "seen it myself");
  }
  batch::StateT state() {
    batch::StateT out;
    const auto bytes = c.view().state;
    flatbuffers::GetRoot<batch::State>(bytes.data())->UnPackTo(&out);
    return out;
  }
  /// What another replica makes of the journal.
  std::size_t replayed_holds() {
    cell other(*what, "B-1", env);
    for (std::size_t i = 0; i < journal.size(); ++i)
      for (std::size_t j = 0; j < journal[i].size(); ++j)
        other.evolve(*flatbuffers::GetRoot<engine::Record>(journal[i][j].data()), i + 1,
                     static_cast<std::uint32_t>(j), timestamp::from_micros(start));
    BOOST_CHECK_EQUAL(other.parked_count(), c.parked_count());
    batch::StateT out;
    const auto bytes = other.view().state;
    flatbuffers::GetRoot<batch::State>(bytes.data())->UnPackTo(&out);
    return out.holds.size();
  }
  world env;
  std::unique_ptr<kind> what = actors::with_second_person(make_kind<actors::batch>());
  cell c{*what, "B-1", env};
  std::vector<std::vector<bytes>> journal;
  std::uint64_t tickets = 0;
};

const engine::Record& record(const proposal& p) {
  return *flatbuffers::GetRoot<engine::Record>(p.records.at(0).data());
}
std::string code(const proposal& p) { return p.verdicts.at(0).code; }
engine::Outcome outcome(const proposal& p) { return p.verdicts.at(0).outcome; }

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_first_persons_command_waits_where_everybody_sees_it, fixture) {
  const auto p = release(ann);
  BOOST_CHECK(outcome(p) == engine::Outcome::parked);
  BOOST_TEST(code(p) == approval_needed);
  BOOST_TEST(p.verdicts[0].exception == "batch~B-1~1");
  BOOST_TEST(record(p).principal()->str() == "dev-qms");
  BOOST_TEST(record(p).on_behalf_of()->str() == "ann");
  BOOST_TEST(record(p).parked()->principal()->str() == "ann (dev-qms)");
  BOOST_TEST(state().holds.size() == 1u);
  BOOST_TEST(replayed_holds() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_second_person_approves_and_it_is_the_firsts_command, fixture) {
  (void)release(ann);
  const auto p = approve(bob);
  BOOST_CHECK(outcome(p) == engine::Outcome::accepted);
  BOOST_TEST(state().holds.empty());
  BOOST_TEST(c.parked_count() == 0u);
  BOOST_TEST(record(p).on_behalf_of()->str() == "bob");
  BOOST_TEST(record(p).unparked()->reason()->str() == "approved by bob (dev-qms): seen it myself");
  batch::HoldReleasedT event;
  bool found = false;
  for (const auto* e : *record(p).events()) {
    if (e->type() != static_cast<std::uint8_t>(batch::schema::event_member<batch::HoldReleasedT>()))
      continue;
    flatbuffers::GetRoot<batch::HoldReleased>(e->body()->data())->UnPackTo(&event);
    found = true;
  }
  BOOST_REQUIRE(found);
  BOOST_TEST(event.by == "ann");
  BOOST_TEST(replayed_holds() == 0u);
  BOOST_TEST(code(approve(bob)) == "exception.unknown");  // once
}

BOOST_FIXTURE_TEST_CASE(the_same_person_is_refused_whatever_they_call_themselves, fixture) {
  (void)release(ann);
  BOOST_TEST(code(approve(ann)) == "approval.same_person");
  BOOST_TEST(code(approve({"dev-qms", "", System::qms})) == "approval.same_person");
  BOOST_TEST(code(approve({"other-qms", "ann", System::qms})) == "approval.same_person");
  BOOST_TEST(state().holds.size() == 1u);
  BOOST_CHECK(outcome(approve({"other-qms", "", System::qms})) == engine::Outcome::accepted);
}

BOOST_FIXTURE_TEST_CASE(no_spelling_and_no_client_makes_one_person_two, fixture) {
  (void)release(ann);
  for (const char* name : {"Ann", "ANN", " ann ", "a n n", "a\u00a0nn", "a\u200bnn", "an\u2060n",
                           "\uff21\uff4e\uff4e", "a\tnn"})
    for (const char* client : {"dev-qms", "other-qms"})
      BOOST_TEST(code(approve({client, name, System::qms})) == "approval.same_person", name);
  // a client called after a person, and names of nothing that can be seen
  BOOST_TEST(code(approve({"ann", "", System::qms})) == "approval.same_person");
  BOOST_TEST(code(approve({"ANN", "\u200b", System::qms})) == "approval.same_person");
  BOOST_TEST(code(approve({"dev-qms", "\u200b", System::qms})) == "approval.same_person");
  BOOST_TEST(code(approve({"Dev-QMS", "", System::qms})) == "approval.same_person");
  BOOST_TEST(state().holds.size() == 1u);
  BOOST_CHECK(outcome(approve({"ann", "bob", System::qms})) == engine::Outcome::accepted);
}

BOOST_FIXTURE_TEST_CASE(a_client_that_named_nobody_is_anybody_of_its_name, fixture) {
  (void)release({"dev-qms", "", System::qms});
  BOOST_TEST(code(approve(ann)) == "approval.same_person");
  BOOST_TEST(code(approve(bob)) == "approval.same_person");
  BOOST_TEST(code(approve({"dev-qms", "", System::qms})) == "approval.same_person");
  BOOST_TEST(code(approve({"other-qms", "dev-qms", System::qms})) == "approval.same_person");
  BOOST_CHECK(outcome(approve({"other-qms", "bob", System::qms})) == engine::Outcome::accepted);
}

BOOST_FIXTURE_TEST_CASE(who_the_command_itself_names_does_not_approve_of_it_either, fixture) {
  run("release-hold", {"dev-qms", "", System::qms},
      R"({"hold":"H-1","reason":"no crack","person":"ann"})");
  BOOST_TEST(code(approve({"other-qms", "Ann", System::qms})) == "approval.same_person");
  act(request::exception_op::discard, bob, "again");
  run("release-hold", ann, R"({"hold":"H-1","reason":"no crack","person":"bob"})");
  const auto again = [&](const person& by) {
    return code(act(request::exception_op::retry, by, "seen", "batch~B-1~2"));
  };
  BOOST_TEST(again({"other-qms", "bob", System::qms}) == "approval.same_person");
  BOOST_TEST(again({"other-qms", "ann", System::qms}) == "approval.same_person");
  BOOST_TEST(state().holds.size() == 1u);
  BOOST_TEST(again({"other-qms", "carl", System::qms}) == "");
  BOOST_TEST(state().holds.empty());
}

BOOST_FIXTURE_TEST_CASE(a_person_without_the_right_is_refused, fixture) {
  (void)release(ann);
  BOOST_TEST(code(approve({"dev-mes", "carl", System::mes})) == "command.not_owner");
  BOOST_TEST(code(approve({"dev-ops", "carl", System::ops})) == "command.not_owner");
  BOOST_TEST(c.parked_count() == 1u);
}

BOOST_FIXTURE_TEST_CASE(what_would_be_refused_anyway_asks_nobody, fixture) {
  BOOST_TEST(code(release({"dev-mes", "carl", System::mes})) == "command.not_owner");
  BOOST_CHECK(outcome(release(ann, "H-9")) == engine::Outcome::refused);
  BOOST_TEST(c.parked_count() == 0u);
}

BOOST_FIXTURE_TEST_CASE(no_change_of_the_actor_and_no_withdrawn_rule_posts_it, fixture) {
  (void)release(ann);
  run("place-hold", ann, R"({"hold":"H-2","type":"quality","reason":"rust"})");
  BOOST_TEST(c.parked_count() == 1u);
  env.value = "no";
  run("place-hold", ann, R"({"hold":"H-3","type":"quality","reason":"dust"})");
  BOOST_TEST(c.parked_count() == 1u);
  BOOST_TEST(state().holds.size() == 3u);
  BOOST_CHECK(outcome(release(ann, "H-3")) == engine::Outcome::accepted);  // the rule is gone
  BOOST_TEST(code(approve(ann)) == "approval.same_person");
  BOOST_CHECK(outcome(approve(bob)) == engine::Outcome::accepted);
  BOOST_TEST(state().holds.size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(it_is_rejected_or_withdrawn_and_never_corrected, fixture) {
  (void)release(ann);
  BOOST_TEST(code(act(request::exception_op::correct, bob)) == approval_needed);
  const auto p = act(request::exception_op::discard, bob, "still cracked");
  BOOST_CHECK(outcome(p) == engine::Outcome::accepted);
  BOOST_CHECK(record(p).unparked()->how() == engine::Unpark::discarded);
  BOOST_TEST(record(p).unparked()->reason()->str() == "still cracked");
  BOOST_TEST(state().holds.size() == 1u);
  BOOST_TEST(c.parked_count() == 0u);
}

BOOST_FIXTURE_TEST_CASE(approval_comes_too_late_when_the_actor_has_moved_on, fixture) {
  (void)release(ann);
  env.value = "no";
  BOOST_CHECK(outcome(release(bob)) == engine::Outcome::accepted);
  env.value = "yes";
  BOOST_CHECK(outcome(approve(bob)) != engine::Outcome::pending);
  BOOST_TEST(state().holds.empty());
}

BOOST_FIXTURE_TEST_CASE(what_actors_say_and_what_no_rule_names_does_not_wait, fixture) {
  env.rule_name = "approval.release_order_hold";
  BOOST_CHECK(outcome(release(ann)) == engine::Outcome::accepted);
}

BOOST_AUTO_TEST_CASE(the_rules_name_commands_that_there_are_and_no_facts) {
  const auto& model = schema_model::built_in();
  for (const auto& a : actors::approvable_commands) {
    const auto* kind = model.kind(a.kind);
    BOOST_REQUIRE_MESSAGE(kind != nullptr, a.kind);
    const auto* command = kind->command(a.command);
    BOOST_REQUIRE_MESSAGE(command != nullptr, a.command);
    BOOST_TEST(!command->fact, a.command);
    BOOST_TEST(!command->internal, a.command);
    BOOST_TEST(actors::find_rule(a.rule.name) == &a.rule);
    BOOST_TEST(actors::check_rule(a.rule.name, a.rule.fallback).has_value());
    BOOST_TEST(actors::check_rule(a.rule.name, "yes").has_value());
    BOOST_TEST(!actors::check_rule(a.rule.name, "maybe"));
  }
}

BOOST_AUTO_TEST_CASE(what_makes_something_of_a_lot_usable_waits) {
  const auto* command = schema_model::built_in().kind("inspection")->command("decide-usage");
  const auto table = [&](std::string_view json) {
    return *json_to_table(schema_model::built_in(), *command, json);
  };
  BOOST_TEST(actors::makes_usable(table(R"({"decision":"accept"})")));
  BOOST_TEST(actors::makes_usable(table(R"({"decision":"conditional"})")));
  BOOST_TEST(!actors::makes_usable(table(R"({"decision":"reject"})")));
  BOOST_TEST(!actors::makes_usable(table(
      R"({"decision":"reject","quantities":[{"stock":"blocked","quantity":"1","unit":"EA"}]})")));
  BOOST_TEST(actors::makes_usable(table(
      R"({"decision":"reject","quantities":[{"stock":"unrestricted","quantity":"1","unit":"EA"}]})")));
}

BOOST_AUTO_TEST_CASE(who_has_asked_is_kept_in_one_text) {
  for (const auto& [client, person] : std::map<std::string, std::string>{
           {"dev-qms", ""}, {"dev-erp", "ann"}, {"c", "ann (the elder)"}, {"d", "x (dev-erp)"}}) {
    const auto text = requester_text(client, person);
    const auto back = parse_requester(text);
    BOOST_TEST(back.client == client);
    BOOST_TEST(back.person == person);
  }
}
