// layer: nodes
// /v1/rules, /v1/slas and the batch record over HTTP, on an engine that the test fills.
#define BOOST_TEST_MODULE gateway_rules
#include <boost/test/unit_test.hpp>

#include "actors/batch_record.hpp"
#include "nodes/config.hpp"
#include "nodes/gateway/gateway.hpp"
#include "nodes/gateway/rules.hpp"
#include "nodes/json/json_value.hpp"
#include "nodes/slas/sla_reader.hpp"
#include "schemas/platform/plant_kind.hpp"
#include "schemas/platform/rule_set_kind.hpp"
#include "schemas/production/batch_run_kind.hpp"
#include "tests/engine_double.hpp"
#include "tests/exchange_double.hpp"

using namespace millrace;
using tests::engine_double;
using tests::exchange_double;

namespace {

struct answer {
  int status = 0;
  std::string text;
  json_value body;
  [[nodiscard]] std::string at(std::string_view pointer) const {
    const auto* v = body.at(pointer);
    return v == nullptr ? "(absent)" : v->text();
  }
};

struct fixture {
  engine_double engine;
  gateway::gateway gate{engine, schema_model::built_in(), gateway::authenticator(dev_tokens()), {}};
  fixture() { engine.plant_names = {"hamburg"}; }

  answer call(std::string method, std::string target, std::string body = {},
              std::string token = "dev-ops") {
    http::request r;
    r.method = std::move(method);
    r.target = std::move(target);
    r.body = std::move(body);
    r.headers.push_back({"Authorization", "Bearer " + token});
    auto e = std::make_shared<exchange_double>(std::move(r));
    gate.handle(e);
    answer out;
    if (!e->answered) return out;
    out.status = e->answered->status;
    out.text = e->answered->body;
    if (auto parsed = json_value::parse(e->answered->body)) out.body = std::move(*parsed);
    return out;
  }
  void put_rule(const std::string& plant, const std::string& id, const char* value) {
    rule_set::StateT s;
    s.version = 3;
    s.rules.emplace_back().name = "release.mode";
    s.rules[0].value = value;
    s.rules[0].version = 2;
    engine.put(plant, "rule_set", id, s);
  }
};

template <class CommandT>
CommandT body_of(const request& r) {
  CommandT out;
  flatbuffers::GetRoot<typename CommandT::TableType>(r.body.data())->UnPackTo(&out);
  return out;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_catalogue_says_what_may_be_set, fixture) {
  const auto a = call("GET", "/v1/rules");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/items/0/name") == "release.mode");
  BOOST_TEST(a.at("/items/0/default") == "gate");
  BOOST_TEST(a.at("/items/0/choices/1") == "follow");
  BOOST_TEST(a.at("/items/1/maximum") == "999999999");
}

BOOST_FIXTURE_TEST_CASE(a_plant_shows_what_it_works_by, fixture) {
  plant::StateT site;
  site.enterprise_rules = 3;
  site.rules.emplace_back().name = "release.mode";
  site.rules[0].value = "follow";
  site.rules[0].level = plant::RuleLevel::region;
  site.rules[0].version = 2;
  engine.put("hamburg", "plant", "hamburg", site);
  const auto a = call("GET", "/v1/rules?plant=hamburg");
  BOOST_TEST(a.at("/enterprise_version") == "3");
  BOOST_TEST(a.at("/items/0/value") == "follow");
  BOOST_TEST(a.at("/items/0/level") == "region");
  BOOST_TEST(a.at("/items/1/adopted") == "false");
  BOOST_TEST(call("GET", "/v1/rules?plant=mars").status == 404);
}

BOOST_FIXTURE_TEST_CASE(setting_rules_lets_the_plants_adopt_them, fixture) {
  plant::StateT site;
  site.region = "eu";
  site.life = plant::Life::active;
  engine.put("hamburg", "plant", "hamburg", site);
  engine.plant_names.insert("enterprise");
  put_rule("enterprise", "enterprise", "follow");
  const auto a =
      call("PUT", "/v1/rules",
           R"({"level":"enterprise","rules":{"release.mode":"follow"},"reason":"audit"})");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/address") == "enterprise/rule_set/enterprise");
  BOOST_TEST(a.at("/adopted/0/plant") == "hamburg");
  BOOST_REQUIRE(engine.asked.size() == 2u);
  BOOST_TEST(engine.asked[0].to.to_string() == "enterprise/rule_set/enterprise");
  BOOST_TEST(body_of<rule_set::SetT>(engine.asked[0]).rules[0].value == "follow");
  BOOST_TEST(engine.asked[1].to.to_string() == "hamburg/plant/hamburg");
  const auto adopted = body_of<plant::AdoptRulesT>(engine.asked[1]);
  BOOST_TEST(adopted.enterprise_version == 3u);
  BOOST_TEST(adopted.rules[0].value == "follow");
}

BOOST_FIXTURE_TEST_CASE(the_first_rule_of_all_makes_the_enterprise, fixture) {
  call("PUT", "/v1/rules",
       R"({"level":"region","region":"eu","rules":{"release.mode":null},"reason":"audit"})");
  BOOST_REQUIRE(!engine.acted.empty());
  BOOST_TEST(engine.acted[0] == "create enterprise");
  BOOST_REQUIRE(!engine.asked.empty());
  BOOST_TEST(engine.asked[0].to.to_string() == "enterprise/rule_set/region~eu");
  BOOST_TEST(body_of<rule_set::SetT>(engine.asked[0]).unset[0] == "release.mode");
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_set_is_said_before_anything_is_sent, fixture) {
  const auto refused = [&](const char* body, const char* pointer) {
    const auto a = call("PUT", "/v1/rules", body);
    BOOST_TEST(a.status == 422);
    BOOST_TEST(a.at("/errors/0/pointer") == pointer);
  };
  refused(R"({"level":"enterprise","rules":{"release.mode":"gates"},"reason":"x"})",
          "/rules/release.mode");
  refused(R"({"level":"enterprise","rules":{"release.moode":"gate"},"reason":"x"})",
          "/rules/release.moode");
  refused(R"({"level":"enterprise","rules":{}})", "/reason");
  refused(R"({"level":"enterprise","reason":"x"})", "/rules");
  refused(R"({"level":"galaxy","rules":{},"reason":"x"})", "/level");
  refused(R"({"level":"region","rules":{},"reason":"x"})", "/level");
  refused(R"({"level":"enterprise","rules":{},"reason":"x","why":1})", "/why");
  BOOST_TEST(call("PUT", "/v1/rules", "{}", "dev-erp").status == 403);
  BOOST_TEST(call("POST", "/v1/rules", "{}").status == 405);
  BOOST_TEST(engine.asked.empty());
}

BOOST_FIXTURE_TEST_CASE(history_lists_the_versions_of_a_set, fixture) {
  rule_set::VersionRowT row;
  row.version = 1;
  row.reason = "audit";
  engine.plant_names.insert("enterprise");
  engine.row_tables["enterprise/rule_set/enterprise/versions"] = {
      {"0000000001", tests::packed_table(row)}};
  const auto a = call("GET", "/v1/rules/history?level=enterprise");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/items/0/version") == "1");
  BOOST_TEST(a.at("/items/0/reason") == "audit");
  BOOST_TEST(call("GET", "/v1/rules/history").status == 422);
}

BOOST_FIXTURE_TEST_CASE(the_keeper_adopts_what_a_plant_has_missed_and_then_rests, fixture) {
  plant::StateT site;
  engine.put("hamburg", "plant", "hamburg", site);
  put_rule("hamburg", "plant", "follow");
  const auto keeper = std::make_shared<gateway::rule_keeper>(engine);
  for (int i = 0; i < 5; ++i) keeper->tick();
  BOOST_REQUIRE(engine.asked.size() == 1u);
  BOOST_TEST(body_of<plant::AdoptRulesT>(engine.asked[0]).plant_version == 3u);
  site.plant_rules = 3;
  engine.put("hamburg", "plant", "hamburg", site);
  for (int i = 0; i < 5; ++i) keeper->tick();
  BOOST_TEST(engine.asked.size() == 1u);
}

// --- the batch record ---

namespace {

/// A run with two entries, as its kind writes them.
void put_run(engine_double& engine, bool tampered = false) {
  batch_run::StateT run;
  run.order = "5000001";
  run.closed = true;
  run.record_version = 1;
  std::string hash(actors::first_record_hash);
  auto& rows = engine.row_tables["hamburg/batch_run/BR-1/record"];
  rows.clear();
  for (const char* json : {R"({"entry":"created"})", R"({"entry":"closed"})"}) {
    batch_run::EntryRowT row;
    row.json = json;
    hash = actors::next_record_hash(hash, json);
    row.hash = hash;
    if (tampered && run.entries == 0) row.json = R"({"entry":"crEated"})";
    rows.push_back({"000000000" + std::to_string(++run.entries), tests::packed_table(row)});
  }
  run.record_hash = hash;
  engine.put("hamburg", "batch_run", "BR-1", run);
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_record_is_handed_out_with_its_hash, fixture) {
  put_run(engine);
  const auto a = call("GET", "/v1/plants/hamburg/batch-runs/BR-1/record");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/closed") == "true");
  std::string hash(actors::first_record_hash);
  for (const auto& entry : a.body.find("entries")->items())
    hash = actors::next_record_hash(hash, entry.dump());
  BOOST_TEST(a.at("/hash") == hash);
  BOOST_TEST(call("GET", "/v1/plants/hamburg/batch-runs/BR-9/record").status == 404);
}

BOOST_FIXTURE_TEST_CASE(a_record_that_was_changed_is_not_handed_out, fixture) {
  put_run(engine, true);
  const auto a = call("GET", "/v1/plants/hamburg/batch-runs/BR-1/record");
  BOOST_TEST(a.status == 500);
  BOOST_TEST(a.at("/code") == "state.damaged");
  put_run(engine);
  engine.row_tables["hamburg/batch_run/BR-1/record"].pop_back();
  BOOST_TEST(call("GET", "/v1/plants/hamburg/batch-runs/BR-1/record").at("/code") ==
             "state.damaged");
}

// --- service levels ---

BOOST_FIXTURE_TEST_CASE(service_levels_show_figures_and_prometheus_text, fixture) {
  BOOST_TEST(call("GET", "/v1/slas").status == 503);
  const auto reader =
      std::make_shared<slas::reader>(engine, schema_model::built_in(), std::filesystem::path());
  gate.set_service_levels(reader);
  gate.tick();
  const auto a = call("GET", "/v1/slas?plant=hamburg&name=hold_containment");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/items/0/plant") == "hamburg");
  BOOST_TEST(a.at("/items/0/target_ms") == "5000");
  BOOST_TEST(a.at("/items/0/compliance_percent") == "100.000");
  BOOST_TEST(a.body.at("/items/0/breaches") != nullptr);
  BOOST_TEST(call("GET", "/v1/slas?plant=mars").status == 404);
  const auto metrics = call("GET", "/metrics");
  BOOST_TEST(metrics.text.find(
                 "millrace_sla_alerting{plant=\"hamburg\",sla=\"hold_containment\"} 0.000") !=
             std::string::npos);
}
