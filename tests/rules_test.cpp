// layer: actors
// Business rules as data: the catalogue checks what is set, sets are versioned, a plant adopts, and
// decisions see what it has adopted.
#define BOOST_TEST_MODULE rules
#include "actors/rules.hpp"

#include "actors/order.hpp"
#include "actors/plant.hpp"
#include "actors/rule_set.hpp"
#include "actors/rules_rehearsal.hpp"
#include "schemas/inventory/batch_kind.hpp"
#include "schemas/production/order_release_kind.hpp"
#include "schemas/quality/batch_release_kind.hpp"
#include "tests/kind_harness.hpp"

using namespace millrace;
using namespace millrace::testing;

namespace {

rule_set::SetT set(std::vector<std::pair<std::string, std::string>> rules,
                   std::vector<std::string> unset = {}) {
  rule_set::SetT c;
  for (auto& [name, value] : rules) {
    auto& one = c.rules.emplace_back();
    one.name = name;
    one.value = value;
  }
  c.unset = std::move(unset);
  c.reason = "audit";
  return c;
}
plant::AdoptRulesT adopt(std::vector<std::pair<std::string, std::string>> rules,
                         std::uint64_t version) {
  plant::AdoptRulesT c;
  for (auto& [name, value] : rules) {
    auto& one = c.rules.emplace_back();
    one.name = name;
    one.value = value;
    one.version = version;
  }
  c.enterprise_version = version;
  return c;
}
plant::CommissionedT commissioned() {
  plant::CommissionedT e;
  e.region = "eu";
  return e;
}
rule_set::StateT rules_of(std::vector<std::pair<std::string, std::string>> rules) {
  given<actors::rule_set> g;
  g.when(set(std::move(rules)), System::ops);
  return g.state();
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_default_is_a_value_that_the_catalogue_takes) {
  for (const auto& rule : actors::rule_catalogue) {
    BOOST_TEST(actors::check_rule(rule.name, rule.fallback).has_value(), rule.name);
    BOOST_TEST(actors::find_rule(rule.name) == &rule);
    BOOST_TEST(!rule.meaning.empty());
  }
}

BOOST_AUTO_TEST_CASE(values_are_checked_by_type_and_bounds) {
  const auto takes = [](const char* name, const char* value) {
    return actors::check_rule(name, value).has_value();
  };
  BOOST_CHECK(takes("release.mode", "follow"));
  BOOST_CHECK(!takes("release.mode", "follows"));
  BOOST_CHECK(!takes("release.mode", ""));
  BOOST_CHECK(takes("release.timeout_s", "1"));
  BOOST_CHECK(!takes("release.timeout_s", "0"));
  BOOST_CHECK(!takes("release.timeout_s", "1000000000"));
  BOOST_CHECK(!takes("release.timeout_s", "3600s"));
  BOOST_CHECK(takes("tolerance.over_delivery_percent", "2.5"));
  BOOST_CHECK(takes("tolerance.over_delivery_percent", ""));
  BOOST_CHECK(!takes("tolerance.over_delivery_percent", "-1"));
  BOOST_CHECK(!takes("hold.enforce_timeout_s", ""));
  const auto unknown = actors::check_rule("release.moode", "gate");
  BOOST_REQUIRE(!unknown);
  BOOST_CHECK_EQUAL(unknown.error().code, "request.invalid");
}

BOOST_AUTO_TEST_CASE(a_set_is_versioned_and_keeps_its_history) {
  given<actors::rule_set> g;
  g.when(set({{"release.mode", "follow"}}), System::ops).then_event_names({"RulesSet"});
  g.when(set({{"release.mode", "follow"}}), System::ops).then_nothing();
  g.when(set({{"release.timeout_s", "60"}}), System::ops);
  BOOST_CHECK_EQUAL(g.state().version, 2u);
  BOOST_REQUIRE_EQUAL(g.state().rules.size(), 2u);
  BOOST_CHECK_EQUAL(g.state().rules[0].version, 1u);
  BOOST_CHECK_EQUAL(g.state().rules[1].version, 2u);
  g.when(set({}, {"release.mode"}), System::ops);
  BOOST_CHECK_EQUAL(g.state().rules.size(), 1u);
  const auto first = g.row<rule_set::VersionRowT>("versions", "0000000001");
  BOOST_REQUIRE(first);
  BOOST_CHECK_EQUAL(first->rules[0].value, "follow");
  BOOST_CHECK_EQUAL(first->reason, "audit");
  BOOST_CHECK(g.row<rule_set::VersionRowT>("versions", "0000000003"));
}

BOOST_AUTO_TEST_CASE(a_set_takes_only_what_the_catalogue_knows) {
  given<actors::rule_set> g;
  g.when(set({{"release.moode", "gate"}}), System::ops).then_refused("rule_set.rule_unknown");
  g.when(set({{"release.mode", "gates"}}), System::ops).then_refused("rule_set.value_invalid");
  g.when(set({{"release.mode", "gate"}, {"release.mode", "follow"}}), System::ops)
      .then_refused("rule_set.named_twice");
  g.when(set({}, {"release.mode"}), System::ops).then_refused("rule_set.not_set");
}

BOOST_AUTO_TEST_CASE(the_nearest_level_wins) {
  const auto enterprise = rules_of({{"release.mode", "follow"}, {"release.timeout_s", "60"}});
  const auto region = rules_of({{"release.timeout_s", "120"}});
  const auto own = rules_of({{"hold.release_second_person", "yes"}});
  const auto merged = actors::merge_rules(&enterprise, &region, &own);
  BOOST_REQUIRE_EQUAL(merged.size(), 3u);
  BOOST_CHECK_EQUAL(merged[0].name, "hold.release_second_person");
  BOOST_CHECK(merged[0].level == plant::RuleLevel::plant);
  BOOST_CHECK_EQUAL(merged[1].name, "release.mode");
  BOOST_CHECK(merged[1].level == plant::RuleLevel::enterprise);
  BOOST_CHECK_EQUAL(merged[2].value, "120");
  BOOST_CHECK(merged[2].level == plant::RuleLevel::region);
  BOOST_CHECK(actors::merge_rules(nullptr, nullptr, nullptr).empty());
}

BOOST_AUTO_TEST_CASE(a_plant_adopts_by_one_event_and_never_an_older_version) {
  given<actors::plant> g(commissioned(), plant::ActivatedT());
  g.when(adopt({{"release.mode", "follow"}}, 3), System::ops).then_event_names({"RulesAdopted"});
  BOOST_CHECK_EQUAL(g.state().enterprise_rules, 3u);
  g.when(adopt({{"release.mode", "follow"}}, 3), System::ops).then_nothing();
  g.when(adopt({{"release.mode", "gate"}}, 2), System::ops).then_refused("plant.rules_older");
  g.when(adopt({{"release.mode", "gates"}}, 4), System::ops).then_refused("plant.rule_invalid");
  g.when(adopt({{"release.mode", "gate"}, {"release.mode", "gate"}}, 4), System::ops)
      .then_refused("plant.rule_invalid");
  g.when(adopt({}, 4), System::ops).then_event_names({"RulesAdopted"});
  BOOST_CHECK(g.state().rules.empty());
}

BOOST_AUTO_TEST_CASE(what_waits_for_the_plant_looks_again_when_rules_change) {
  plant::AwaitChangeT await;
  await.process = "1000042";
  given<actors::plant> g(commissioned(), plant::ActivatedT());
  g.when_from("order_release/1000042", await);
  g.when(adopt({{"references.must_exist", "false"}}, 1), System::ops)
      .then_effects({"tell order_release/1000042"});
}

BOOST_AUTO_TEST_CASE(a_decision_sees_what_the_plant_has_adopted_before_the_configuration) {
  plant::StateT site;
  auto& rule = site.rules.emplace_back();
  rule.name = "references.must_exist";
  rule.value = "false";
  rule.version = 4;
  order::CreateT create;
  create.material = "PUMP-100";
  create.quantity = decimal::from_units(10);
  create.unit = "EA";
  given<actors::order>()
      .rule("references.must_exist", "true")
      .when(create, System::erp)
      .then_refused("order.material_unknown");
  given<actors::order>()
      .rule("references.must_exist", "true")
      .reference<actors::plant>("hamburg", site)
      .when(create, System::erp)
      .then_accepted();
  BOOST_CHECK_EQUAL(actors::rule_at(site, "references.must_exist").version, 4u);
  BOOST_CHECK_EQUAL(actors::rule_at(site, "release.mode").value, "gate");
  BOOST_CHECK_EQUAL(actors::rule_at(site, "release.mode").level, "default");
}

// --- rehearsal ---

namespace {

const auto start = timestamp::from_micros(1'800'000'000'000'000);

struct past {
  actors::rule_rehearsal rehearsal;
  past(const char* rule, const char* value)
      : rehearsal(std::move(*actors::rule_rehearsal::with({{rule, value}}))) {}
  template <class Schema, class EventT>
  past& event(const char* id, timestamp at, const EventT& e) {
    const auto body = decision<Schema>::pack(e);
    rehearsal.take({Schema::name, id, "T-1",
                    static_cast<std::uint8_t>(Schema::template event_member<EventT>()), body, at});
    return *this;
  }
  [[nodiscard]] std::string said() const {
    std::string out;
    for (const auto& one : rehearsal.differences())
      out += (out.empty() ? "" : "; ") + one.actor + ": " + one.was + " -> " + one.would;
    return out;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_shorter_timeout_would_have_ended_what_waited_longer) {
  using schema = order_release::schema;
  past p("release.timeout_s", "60");
  p.event<schema>("1", start, order_release::ReleaseStartedT());
  p.event<schema>("2", start, order_release::ReleaseStartedT());
  p.event<schema>("1", start.plus_ms(59'000), order_release::PassedT());
  p.event<schema>("2", start.plus_ms(61'000), order_release::PassedT());
  BOOST_CHECK_EQUAL(p.said(), "order_release/2: passed after 61 s -> timed out after 60 s");
  past longer("release.timeout_s", "600");
  longer.event<schema>("3", start, order_release::ReleaseStartedT());
  longer.event<schema>("3", start.plus_ms(60'000), order_release::TimedOutT());
  BOOST_CHECK_EQUAL(longer.said(),
                    "order_release/3: timed out after 60 s -> waited on, up to 600 s");
}

BOOST_AUTO_TEST_CASE(a_second_person_would_have_been_needed) {
  using schema = batch::schema;
  past p("hold.release_second_person", "yes");
  for (const char* who : {"Ann", "ben"}) {
    batch::HoldPlacedT placed;
    placed.hold = std::make_unique<batch::HoldEntryT>();
    placed.hold->hold = std::string("H-") + who;
    placed.hold->placed_by = "ann";
    batch::HoldReleasedT released;
    released.hold = placed.hold->hold;
    released.by = who;
    p.event<schema>("B-1", start, placed).event<schema>("B-1", start, released);
  }
  BOOST_CHECK_EQUAL(p.rehearsal.count(), 1u);
}

BOOST_AUTO_TEST_CASE(batch_releases_are_decided_once_more_on_their_findings) {
  using schema = batch_release::schema;
  batch_release::DecidedT decided;
  decided.decision = std::make_unique<batch_release::VerdictsT>();
  decided.decision->decision = batch_release::Decision::quarantine;
  auto& finding = decided.decision->findings.emplace_back();
  finding.what = "deviation";
  finding.verdict = batch_release::Verdict::wait;
  past p("batch_release.open_deviations", "ignore");
  p.event<schema>("SYR-1", start, decided);
  BOOST_CHECK_EQUAL(p.said(), "batch_release/SYR-1: quarantine -> release");
  finding.what = "hold";
  past held("batch_release.open_deviations", "ignore");
  held.event<schema>("SYR-1", start, decided);
  BOOST_CHECK_EQUAL(held.rehearsal.count(), 0u);
}

BOOST_AUTO_TEST_CASE(what_events_cannot_tell_is_named) {
  BOOST_CHECK(!actors::rule_rehearsal::with({{"release.moode", "gate"}}));
  const auto r =
      actors::rule_rehearsal::with({{"release.mode", "gate"}, {"hold.enforce_timeout_s", "5"}});
  BOOST_REQUIRE(r);
  BOOST_REQUIRE_EQUAL(r->not_rehearsed().size(), 1u);
  BOOST_CHECK_EQUAL(r->not_rehearsed()[0], "hold.enforce_timeout_s");
}
