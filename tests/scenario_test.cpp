// layer: nodes
// The text of scenarios: every form of a line becomes its step, and what is not understood is
// refused with its line.
#define BOOST_TEST_MODULE scenario
#include <boost/test/unit_test.hpp>

#include "nodes/demo/scenario_player.hpp"

using namespace millrace;
using namespace millrace::demo;
using step = scenario_step;

namespace {

step only(const std::string& line) {
  const auto s = parse_scenario("Scenario: x\nPlant: p\n  " + line + "\n");
  BOOST_REQUIRE_MESSAGE(s, line << ": " << (s ? "" : s.error().detail));
  BOOST_REQUIRE(s->steps.size() == 2);
  return s->steps[1];
}

std::string refused(const std::string& text) {
  const auto s = parse_scenario(text);
  BOOST_REQUIRE_MESSAGE(!s, text);
  BOOST_TEST(s.error().code == "scenario.invalid");
  return s.error().detail;
}

std::string json(const std::string& fields) {
  const auto value = parse_scenario_fields(fields);
  return value ? value->dump() : "! " + value.error().detail;
}

bool holds_in(const std::string& condition, const std::string& document) {
  const auto s = only("expect orders/1 " + condition);
  const auto value = json_value::parse(document);
  BOOST_REQUIRE(value);
  return std::all_of(s.conditions.begin(), s.conditions.end(),
                     [&](const auto& c) { return holds(c, *value); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(fields_are_json) {
  BOOST_TEST(json("") == "{}");
  BOOST_TEST(json("material PUMP-100, quantity 5, final true, n #7") ==
             R"({"material":"PUMP-100","quantity":"5","final":true,"n":7})");
  BOOST_TEST(json("reason looks fine, text \"a, b\"") ==
             R"({"reason":"looks fine","text":"a, b"})");
  BOOST_TEST(
      json("routing [{operation 0010}; {operation 0020, work_center W}], tags [a; b], none []") ==
      R"({"routing":[{"operation":"0010"},{"operation":"0020","work_center":"W"}],"tags":["a","b"],"none":[]})");
}

BOOST_AUTO_TEST_CASE(bad_fields_are_refused) {
  for (const auto* text : {"material", "a 1, a 2", "a [1; 2", "a {b 1", "a \"open", "a 1 b, ]",
                           ", a 1", "a [[[[[[[[[[1]]]]]]]]]]"})
    BOOST_TEST(json(text).starts_with("! "), text);
}

BOOST_AUTO_TEST_CASE(every_form_of_a_step) {
  const auto sent = only("wms sends shipments/S-1 allocate item 10 --> 409 batch.held");
  BOOST_TEST((sent.what == step::kind::command));
  BOOST_TEST(sent.who == "wms");
  BOOST_TEST(sent.path == "shipments/S-1/allocate");
  BOOST_TEST(sent.body == R"({"item":"10"})");
  BOOST_TEST(sent.status == 409);
  BOOST_TEST(sent.code == "batch.held");
  BOOST_TEST(only("ops sends commission region eu").path == "commission");
  BOOST_TEST(only("ops posts /v1/x reason r").path == "/v1/x");
  BOOST_TEST(!only("ops posts /v1/x reason r").puts);
  BOOST_TEST(only("ops puts /v1/x reason r").puts);
  BOOST_TEST(only("ops sends commission region eu").person == "");
  BOOST_TEST(only("ops for ann sends commission region eu").person == "ann");
  BOOST_TEST(only("ops for ann sends commission region eu").path == "commission");
  BOOST_TEST(only("erp does receive batch B").path == "/act/receive");
  BOOST_TEST(only("mes runs order 1").path == "/run");
  BOOST_TEST((only("mes begins order 1").what == step::kind::begin_run));
  BOOST_TEST((only("mes finishes").what == step::kind::finish_run));
  BOOST_TEST(only("erp is asked /api/x A 1").path == "/api/x");
  BOOST_TEST(only("erp goes down").body == R"({"down":true})");
  BOOST_TEST(only("erp loses 2 answers").body == R"({"lose_answer":2})");
  BOOST_TEST(only("erp answers after 50 ms").body == R"({"slow_ms":50})");
  BOOST_TEST((only("erp comes back").what == step::kind::heal));
  BOOST_TEST((only("node dies").what == step::kind::node_dies));
  BOOST_TEST((only("node returns").what == step::kind::node_returns));
  BOOST_TEST((only("platform dies").what == step::kind::platform_dies));
  BOOST_TEST((only("platform returns").what == step::kind::platform_returns));
  const auto paper = only("people write p.csv a,\"b c\",d");
  BOOST_TEST((paper.what == step::kind::write));
  BOOST_TEST(paper.path == "p.csv");
  BOOST_TEST(paper.body == "a,\"b c\",d");
  const auto program = only("millrace plant catch-up x p.csv shows two words --> 1");
  BOOST_TEST((program.what == step::kind::program));
  BOOST_TEST(program.body == "plant catch-up x p.csv");
  BOOST_TEST(program.caption == "two words");
  BOOST_TEST(program.status == 1);
  BOOST_TEST((only("check erp no stock.B-1").what == step::kind::check));
  const auto between = only("measure k between holds/H a_at and b_at: some text");
  BOOST_TEST(between.path == "holds/H");
  BOOST_TEST(between.body == "/a_at");
  BOOST_TEST(between.code == "/b_at");
  BOOST_TEST(between.caption == "some text");
}

BOOST_AUTO_TEST_CASE(conditions_hold_or_do_not) {
  const std::string state =
      R"({"life":"released","n":3,"holds":[{"hold":"H","type":"q"}],"none":[],"off":false,"deep":{"er":[{"x":"1"}]}})";
  BOOST_TEST(holds_in("life released, deep.er.0.x 1", state));
  BOOST_TEST(!holds_in("life created", state));
  BOOST_TEST(!holds_in("missing x", state));
  BOOST_TEST(holds_in("n at least 3", state));
  BOOST_TEST(!holds_in("n at least 4", state));
  BOOST_TEST(holds_in("no none, no missing, no off", state));
  BOOST_TEST(!holds_in("no holds", state));
  BOOST_TEST(holds_in("some holds with hold H and type q", state));
  BOOST_TEST(!holds_in("some holds with hold H and type p", state));
  BOOST_TEST(holds_in("count holds 1 with type q, count holds 1, count none 0", state));
  BOOST_TEST(!holds_in("count holds 2", state));
}

BOOST_AUTO_TEST_CASE(what_is_not_understood_is_refused_with_its_line) {
  BOOST_TEST(refused("") == "it has no 'Scenario: TITLE'");
  BOOST_TEST(refused("Scenario: x\n") == "it has no steps");
  for (const auto* line :
       {"tms flies away", "erp sings", "wms sends shipments/S-1", "erp loses many answers",
        "expect orders/1 some x", "expect orders/1 life", "ops posts v1/x", "measure key",
        "wms sends x --> soon", "erp for ann goes down", "people write p.csv",
        "people write ../p.csv x", "millrace plant --> 12", "expect orders/1 some x with a",
        "measure k between a b: t"}) {
    const auto detail = refused("Scenario: x\nPlant: p\n\n  " + std::string(line) + "\n");
    BOOST_TEST(detail.starts_with("line 4: "), line << " -> " << detail);
  }
  for (const auto* line : {"Systems: scada", "Systems: erp, erp", "Systems: mes (mes of x",
                           "Act: one", "Systems: wms (mes of x as scada)"})
    BOOST_TEST(refused(line).starts_with("line 1: "), line);
}

BOOST_AUTO_TEST_CASE(systems_have_a_plant_and_a_dialect) {
  const auto s = parse_scenario(
      "Scenario: x\nSystems: erp, m2 (mes of lyon, speaks canonical), wms (mes of "
      "lyon as wms)\nChapter: c\n");
  BOOST_REQUIRE(s);
  BOOST_REQUIRE(s->systems.size() == 3);
  BOOST_TEST(s->systems[1].system == "mes");
  BOOST_TEST(s->systems[2].kind == "mes");
  BOOST_TEST(s->systems[2].system == "wms");
  BOOST_TEST(s->systems[2].plant == "lyon");
  BOOST_TEST(s->systems[1].name == "m2");
  BOOST_TEST(s->systems[1].kind == "mes");
  BOOST_TEST(s->systems[1].plant == "lyon");
  BOOST_TEST(s->systems[1].mapping == "");
  BOOST_TEST(s->systems[0].mapping == "erp");
}

BOOST_AUTO_TEST_CASE(every_built_in_scenario_can_be_read) {
  BOOST_TEST(built_in_scenarios().size() >= 3);
  for (const auto& known : built_in_scenarios()) {
    const auto s = parse_scenario(known.text);
    BOOST_TEST(bool(s), known.name << ": " << (s ? "" : s.error().detail));
  }
}
