// layer: nodes
// The gateway's answers: the API's shapes, statuses, headers, and every bad input that must get its
// own clear 4xx.
#define BOOST_TEST_MODULE gateway
#include <boost/test/unit_test.hpp>

#include "nodes/config.hpp"
#include "nodes/gateway/gateway.hpp"
#include "nodes/json/json_value.hpp"
#include "schemas/inventory/batch_generated.h"
#include "schemas/masterdata/material_kind.hpp"
#include "schemas/platform/ownership_kind.hpp"
#include "schemas/platform/plant_kind.hpp"
#include "schemas/production/order_kind.hpp"
#include "schemas/production/order_release_kind.hpp"
#include "tests/engine_double.hpp"
#include "tests/exchange_double.hpp"

using namespace millrace;
using tests::engine_double;
using tests::exchange_double;

namespace {

struct answer {
  int status = 0;
  http::response raw;
  json_value body;
  [[nodiscard]] std::string code() const { return body.text("code"); }
  [[nodiscard]] std::string at(std::string_view pointer) const {
    const auto* v = body.at(pointer);
    return v == nullptr ? "(absent)" : v->text();
  }
};

struct fixture {
  engine_double engine;
  gateway::gateway gate{engine, schema_model::built_in(), gateway::authenticator(dev_tokens()), {}};
  fixture() { engine.plant_names = {"hamburg"}; }

  answer call(std::string method, std::string target, std::string token, std::string body = {},
              std::vector<http::header> headers = {}) {
    http::request r;
    r.method = std::move(method);
    r.target = std::move(target);
    r.body = std::move(body);
    r.headers = std::move(headers);
    if (!token.empty()) r.headers.push_back({"Authorization", "Bearer " + token});
    auto e = std::make_shared<exchange_double>(std::move(r));
    gate.handle(e);
    last = e;
    answer out;
    if (!e->answered) return out;
    out.status = e->answered->status;
    out.raw = *e->answered;
    if (auto parsed = json_value::parse(e->answered->body)) out.body = std::move(*parsed);
    return out;
  }
  answer get(std::string target, std::string token = "dev-ops") {
    return call("GET", std::move(target), std::move(token));
  }
  answer post(std::string target, std::string token, std::string body,
              std::vector<http::header> headers = {}) {
    return call("POST", std::move(target), std::move(token), std::move(body), std::move(headers));
  }
  void put_order(const std::string& id) {
    millrace::order::StateT s;
    s.material = "PUMP-100";
    s.unit = "EA";
    s.quantity = decimal::from_units(10);
    engine.put("hamburg", "order", id, s, 3);
  }
  std::shared_ptr<exchange_double> last;
};

const std::string confirm = "/v1/plants/hamburg/orders/1000042/confirm-operation";
const std::string confirm_body =
    R"({"confirmation":"C-1","operation":"0010","yield":"10","scrap":"0","unit":"EA","final":true})";

packed released_event() {
  millrace::order::OrderReleasedT e;
  packed p;
  p.type = static_cast<std::uint8_t>(
      millrace::order::schema::event_member<millrace::order::OrderReleasedT>());
  p.body = tests::packed_table(e);
  return p;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_command_answers_with_address_sequence_events_and_state, fixture) {
  put_order("1000042");
  engine.decide = [](const request&) {
    reply r;
    r.sequence = 3;
    r.events.push_back(released_event());
    return r;
  };
  const auto a = post(confirm, "dev-mes", confirm_body,
                      {{"Idempotency-Key", "K-1"},
                       {"Correlation-Id", "T-1"},
                       {"If-Match", "\"1.2\""},
                       {"Causation-Id", "E-1"},
                       {"On-Behalf-Of", "ann"},
                       {"traceparent", "00-a-b-01"}});
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/address") == "hamburg/order/1000042");
  BOOST_TEST(a.at("/sequence") == "3");
  BOOST_TEST(a.at("/events/0/type") == "production.order.released.v1");
  BOOST_TEST(a.at("/state/material") == "PUMP-100");
  BOOST_TEST(a.at("/correlation") == "T-1");
  BOOST_TEST(a.raw.get("ETag") == "\"1.3\"");
  BOOST_TEST(a.raw.get("Correlation-Id") == "T-1");
  BOOST_TEST(a.raw.get("traceparent") == "00-a-b-01");
  BOOST_REQUIRE(engine.asked.size() == 1u);
  const auto& r = engine.asked[0];
  BOOST_TEST(r.to.to_string() == "hamburg/order/1000042");
  BOOST_TEST(r.key == "K-1");
  BOOST_TEST(r.if_match == "1.2");
  BOOST_TEST(r.causation == "E-1");
  BOOST_TEST(r.from.name == "dev-mes");
  BOOST_TEST(r.from.on_behalf_of == "ann");
  BOOST_TEST((r.system == System::mes));
  millrace::order::ConfirmOperationT c;
  flatbuffers::GetRoot<millrace::order::ConfirmOperation>(r.body.data())->UnPackTo(&c);
  BOOST_TEST(c.confirmation == "C-1");
  BOOST_TEST(c.yield.to_string() == "10");
}

BOOST_FIXTURE_TEST_CASE(minimal_answers_do_not_read_the_state, fixture) {
  put_order("1000042");
  const auto a = post(confirm, "dev-mes", confirm_body, {{"Prefer", "return=minimal"}});
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.body.find("state") == nullptr);
  BOOST_TEST(engine.read_how.empty());
}

BOOST_FIXTURE_TEST_CASE(outcomes_have_their_statuses, fixture) {
  put_order("1000042");
  reply next;
  engine.decide = [&](const request&) { return next; };
  next.outcome = engine::Outcome::parked;
  next.code = "order.not_released";
  next.detail = "the order is not released";
  next.exception = "order~1000042~1";
  auto a = post(confirm, "dev-mes", confirm_body);
  BOOST_TEST(a.status == 202);
  BOOST_TEST(a.at("/exception/id") == "hamburg~order~1000042~1");
  BOOST_TEST(a.at("/exception/code") == "order.not_released");
  BOOST_TEST(a.at("/exception/reason") == "the order is not released");
  BOOST_TEST(a.raw.get("Location") == "/v1/exceptions/hamburg~order~1000042~1");

  next = {};
  next.outcome = engine::Outcome::pending;
  next.code = "command.deadline";
  a = post(confirm, "dev-mes", confirm_body, {{"Correlation-Id", "T-2"}});
  BOOST_TEST(a.status == 202);
  BOOST_TEST(a.raw.get("Location") == "/v1/transactions/T-2");
  BOOST_TEST(a.raw.get("ETag") == "");  // not known yet
  BOOST_TEST(a.at("/sequence") == "(absent)");

  next = {};
  next.outcome = engine::Outcome::refused;
  next.code = "batch.held";
  next.detail = "held by H-9";
  a = post(confirm, "dev-mes", confirm_body);
  BOOST_TEST(a.status == 409);
  BOOST_TEST(a.code() == "batch.held");
  BOOST_TEST(a.at("/title") == "The lot is held");
  BOOST_TEST(a.at("/instance") == confirm);
  BOOST_TEST(a.raw.get("Content-Type") == "application/problem+json");

  next.code = "plant.overloaded";
  next.retry_after_s = 3;
  a = post(confirm, "dev-mes", confirm_body);
  BOOST_TEST(a.status == 429);
  BOOST_TEST(a.raw.get("Retry-After") == "3");

  next.code = "command.precondition";
  next.sequence = 9;
  a = post(confirm, "dev-mes", confirm_body);
  BOOST_TEST(a.status == 412);
  BOOST_TEST(a.raw.get("ETag") == "\"1.9\"");
  next.code = "request.key_reused";
  BOOST_TEST(post(confirm, "dev-mes", confirm_body).status == 422);
  next.code = "request.in_flight";
  BOOST_TEST(post(confirm, "dev-mes", confirm_body).status == 409);

  next = {};
  next.replayed = true;
  a = post(confirm, "dev-mes", confirm_body);
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.raw.get("Idempotent-Replayed") == "true");
}

BOOST_FIXTURE_TEST_CASE(tokens_and_owners_are_enforced, fixture) {
  BOOST_TEST(post(confirm, "", confirm_body).status == 401);
  BOOST_TEST(post(confirm, "", confirm_body).raw.get("WWW-Authenticate").find("Bearer") == 0u);
  BOOST_TEST(post(confirm, "dev-nobody", confirm_body).status == 401);
  const auto a = post(confirm, "dev-erp", confirm_body);
  BOOST_TEST(a.status == 403);
  BOOST_TEST(a.code() == "command.not_owner");
  BOOST_TEST(a.at("/detail").find("mes") != std::string::npos);
  BOOST_TEST(engine.asked.empty());
  // anyone may stop a lot
  BOOST_TEST(post("/v1/plants/hamburg/batches/B-1/place-hold", "dev-mes",
                  R"({"hold":"H-9","type":"quality","reason":"visual defect"})")
                 .status == 200);
  BOOST_TEST((engine.asked.back().system == System::mes));
}

BOOST_FIXTURE_TEST_CASE(bad_bodies_get_their_own_clear_answer, fixture) {
  const auto code = [&](const std::string& body, std::vector<http::header> headers = {}) {
    const auto a = post(confirm, "dev-mes", body, std::move(headers));
    return std::to_string(a.status) + ' ' + a.code();
  };
  BOOST_TEST(code("{") == "400 request.not_json");
  BOOST_TEST(code("[]").substr(0, 3) != "200");
  BOOST_TEST(code("{\"confirmation\":\"\xff\"}") == "400 request.not_utf8");
  BOOST_TEST(code(R"({"confirmation":"C","confirmation":"D","operation":"1"})") ==
             "400 request.duplicate_key");
  std::string deep;
  for (int i = 0; i < 33; ++i) deep += "{\"a\":";
  deep += "1" + std::string(33, '}');
  BOOST_TEST(code(deep) == "400 request.too_deep");
  BOOST_TEST(code(R"({"confirmation":"C","operation":"1","colour":"red"})") ==
             "422 request.invalid");
  BOOST_TEST(code(R"({"confirmation":1,"operation":"1"})") == "422 request.invalid");
  BOOST_TEST(code(R"({"confirmation":"C","operation":"1","yield":"-1","unit":"EA"})") ==
             "422 request.invalid");
  BOOST_TEST(code(R"({"confirmation":"C","operation":"1","yield":"1","unit":"XYZ"})") ==
             "422 request.invalid");
  BOOST_TEST(code(R"({"operation":"1"})") == "422 request.invalid");
  BOOST_TEST(code("") == "422 request.invalid");
  BOOST_TEST(code(confirm_body, {{"Content-Type", "text/xml"}}) == "415 request.media_type");
  BOOST_TEST(
      code(confirm_body, {{"Content-Type", "application/json; charset=utf-8"}}).substr(0, 3) ==
      "200");
  BOOST_TEST(
      code(confirm_body, {{"Content-Type", "application/x-www-form-urlencoded"}}).substr(0, 3) ==
      "200");
  const auto a = post(confirm, "dev-mes", R"({"confirmation":"C","operation":"1","colour":"red"})");
  BOOST_TEST(a.at("/errors/0/pointer") == "/colour");
}

BOOST_FIXTURE_TEST_CASE(bad_headers_are_refused, fixture) {
  const auto status = [&](std::vector<http::header> h) {
    return post(confirm, "dev-mes", confirm_body, std::move(h)).status;
  };
  BOOST_TEST(status({{"Idempotency-Key", std::string(256, 'k')}}) == 400);
  BOOST_TEST(status({{"Idempotency-Key", std::string(255, 'k')}}) == 200);
  BOOST_TEST(status({{"Idempotency-Key", ""}}) == 400);
  BOOST_TEST(status({{"Idempotency-Key", "\xff"}}) == 400);
  BOOST_TEST(status({{"Idempotency-Key", "a"}, {"Idempotency-Key", "b"}}) == 400);
  BOOST_TEST(status({{"Correlation-Id", "with blank"}}) == 400);
  BOOST_TEST(status({{"If-Match", "\"seven\""}}) == 412);
  BOOST_TEST(status({{"If-Match", "*"}}) == 200);
  BOOST_TEST(status({{"Authorization", "Bearer dev-erp"}}) == 400);
  // found by fuzzing: the answer repeated it, and was not JSON any more
  const auto a = post(confirm, "dev-mes", confirm_body, {{"Content-Type", "\xfftext/xml"}});
  BOOST_TEST(a.status == 415);
  BOOST_TEST(a.code() == "request.media_type");
  BOOST_TEST(post(confirm, "dev-mes", "{\"operation\":\"\xff\"}").code() == "request.not_utf8");
}

BOOST_FIXTURE_TEST_CASE(unknown_paths_methods_and_ids, fixture) {
  BOOST_TEST(get("/").code() == "route.unknown");
  BOOST_TEST(get("/v2/plants").code() == "route.unknown");
  BOOST_TEST(get("/v1/plants/hamburg/gadgets").status == 404);
  BOOST_TEST(get("/v1/plants/hamburg/orders//x").code() == "route.unknown");
  BOOST_TEST(get("/v1/plants/atlantis/orders/1").code() == "plant.unknown");
  BOOST_TEST(get("/v1/plants/hamburg/orders/none").code() == "actor.unknown");
  BOOST_TEST(post("/v1/plants/hamburg/orders/1/fly", "dev-erp", "{}").code() == "command.unknown");
  BOOST_TEST(post("/v1/plants/hamburg/batches/1/consume", "dev-erp", "{}").code() ==
             "command.unknown");  // internal
  BOOST_TEST(get("/v1/plants/hamburg/orders/a%0Ab").status == 400);
  BOOST_TEST(get("/v1/plants/hamburg/orders/" + std::string(81, 'x')).code() == "id.invalid");
  BOOST_TEST(get("/v1/plants/hamburg/orders/cafe%CC%81").code() == "id.invalid");
  BOOST_TEST(get("/v1/plants/ham%20burg/orders/1").code() == "id.invalid");
  const auto a = get(confirm);
  BOOST_TEST(a.status == 405);
  BOOST_TEST(a.code() == "request.method");
  BOOST_TEST(a.raw.get("Allow") == "POST");
  BOOST_TEST(a.at("/detail") == "GET is not allowed here: use POST");
  BOOST_TEST(call("DELETE", "/v1/plants/hamburg/orders/1", "dev-erp").status == 405);
  BOOST_TEST(call("POST", "/v1/plants/hamburg/orders/1", "dev-erp", "{}").status == 405);
}

BOOST_FIXTURE_TEST_CASE(a_delegated_command_goes_on_as_its_owners, fixture) {
  ownership::StateT all;
  auto& lent = all.delegations.emplace_back();
  lent.delegation = "D-1";
  lent.owner = System::mes;
  lent.to = System::ops;
  lent.command = "order/confirm-operation";
  lent.from = timestamp::from_micros(1);
  lent.until = timestamp::from_micros(INT64_MAX);
  engine.put("hamburg", "ownership", "plant", all);
  BOOST_TEST(post(confirm, "dev-ops", confirm_body).status == 200);
  BOOST_REQUIRE(engine.asked.size() == 1u);
  const auto& sent = engine.asked.back();
  BOOST_TEST(sent.from.name == "dev-ops");
  BOOST_TEST((sent.system == System::mes));
  BOOST_TEST(sent.from.systems == ((1u << 11) | (1u << 2)));
  BOOST_TEST(sent.causation == "delegation/D-1");
  BOOST_TEST(post(confirm, "dev-erp", confirm_body).code() == "command.not_owner");
  BOOST_TEST(post("/v1/plants/hamburg/orders/1000042/report-consumption", "dev-ops", "{}").code() ==
             "command.not_owner");
  BOOST_TEST(post(confirm, "dev-mes", confirm_body).status == 200);  // the owner still may
  BOOST_TEST(engine.asked.back().causation == "");
  lent.until = timestamp::from_micros(2);
  engine.put("hamburg", "ownership", "plant", all);
  BOOST_TEST(post(confirm, "dev-ops", confirm_body).code() == "command.not_owner");
  BOOST_TEST(engine.asked.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(commission_founds_the_plant_first, fixture) {
  const std::string body = R"({"region":"eu","time_zone":"Europe/Berlin"})";
  BOOST_TEST(post("/v1/plants/munich/commission", "dev-erp", body).status == 403);
  BOOST_TEST(post("/v1/plants/munich/commission", "dev-ops", "{}").status == 422);
  BOOST_TEST(post("/v1/plants/munich/pause", "dev-ops", R"({"reason":"x"})").code() ==
             "plant.unknown");
  BOOST_TEST(engine.acted.empty());
  BOOST_TEST(post("/v1/plants/munich/commission", "dev-ops", body).status == 200);
  BOOST_REQUIRE(engine.acted.size() == 1u);
  BOOST_TEST(engine.acted[0] == "create munich");
  BOOST_TEST(engine.asked.back().to.to_string() == "munich/plant/munich");
}

BOOST_FIXTURE_TEST_CASE(actors_are_read_with_their_version, fixture) {
  put_order("1000042");
  const auto a = get("/v1/plants/hamburg/orders/1000042?consistency=linearizable");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/sequence") == "3");
  BOOST_TEST(a.at("/state/quantity") == "10");
  BOOST_TEST(a.raw.get("ETag") == "\"1.3\"");
  BOOST_TEST((engine.read_how.back() == consistency::linearizable));
  BOOST_TEST(get("/v1/plants/hamburg/orders/1000042?consistency=perhaps").status == 422);
  BOOST_TEST(call("GET", "/v1/plants/hamburg/orders/1000042", "dev-mes", {},
                  {{"If-None-Match", "\"1.3\""}})
                 .status == 304);
  engine.actors["hamburg/order/1000042"].quarantined = "an event cannot be evolved";
  BOOST_TEST(get("/v1/plants/hamburg/orders/1000042").status == 503);
}

BOOST_FIXTURE_TEST_CASE(lists_filter_by_indexed_fields_and_page, fixture) {
  for (int i = 0; i < 5; ++i) put_order("O-" + std::to_string(i));
  auto a = get("/v1/plants/hamburg/orders?life=released&limit=2");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.body.find("items")->items().size() == 2u);
  BOOST_TEST(a.at("/next") == "O-1");
  BOOST_REQUIRE(engine.listed.back().filters.size() == 1u);
  BOOST_TEST(engine.listed.back().filters[0].second == "released");
  a = get("/v1/plants/hamburg/orders?cursor=O-1&limit=10");
  BOOST_TEST(a.at("/items/0/address") == "hamburg/order/O-2");
  BOOST_TEST(a.body.find("next")->is_null());
  BOOST_TEST(get("/v1/plants/hamburg/orders?quantity=10").status == 422);
  BOOST_TEST(get("/v1/plants/hamburg/orders?life=flying").status == 422);
  BOOST_TEST(get("/v1/plants/hamburg/orders?limit=0").status == 422);
  BOOST_TEST(get("/v1/plants/hamburg/orders?limit=1001").status == 422);
  BOOST_TEST(get("/v1/plants/hamburg/orders?limit=x").status == 422);

  engine.plant_names.insert("munich");
  millrace::order::StateT s;
  engine.put("munich", "order", "M-1", s);
  std::size_t seen = 0;
  std::string cursor;
  for (int pages = 0; pages < 10; ++pages) {
    a = get("/v1/orders?limit=2" + (cursor.empty() ? std::string() : "&cursor=" + cursor));
    BOOST_TEST(a.status == 200);
    seen += a.body.find("items")->items().size();
    if (a.body.find("next")->is_null()) break;
    cursor = a.at("/next");
  }
  BOOST_TEST(seen == 6u);
  BOOST_TEST(get("/v1/orders?cursor=x").status == 400);
}

BOOST_FIXTURE_TEST_CASE(bulk_answers_each_command_on_its_own, fixture) {
  const auto a = post("/v1/plants/hamburg/commands", "dev-mes", R"([
    {"address":"order/1","command":"confirm-operation","idempotency_key":"k1","body":{"confirmation":"C","operation":"1","yield":1.50,"unit":"EA"}},
    {"address":"hamburg/order/2","command":"create","body":{}},
    {"address":"orders/3","command":"confirm-operation","body":{"confirmation":"C"}},
    {"address":"gadget/3","command":"x","body":{}},
    {"address":"order/4","command":"confirm-operation","body":{"confirmation":"D","operation":"1"},"color":1}])");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/results/0/status") == "200");
  BOOST_TEST(a.at("/results/0/address") == "hamburg/order/1");
  BOOST_TEST(a.at("/results/1/status") == "403");
  BOOST_TEST(a.at("/results/1/problem/code") == "command.not_owner");
  BOOST_TEST(a.at("/results/2/status") == "422");
  BOOST_TEST(a.at("/results/3/status") == "404");
  BOOST_TEST(a.at("/results/4/status") == "422");
  BOOST_REQUIRE(engine.asked.size() == 1u);
  BOOST_TEST(engine.asked[0].key == "k1");
  std::string many = "[";
  for (int i = 0; i < 1001; ++i) many += (i ? ",{}" : "{}");
  BOOST_TEST(post("/v1/plants/hamburg/commands", "dev-mes", many + "]").status == 422);
  BOOST_TEST(post("/v1/plants/hamburg/commands", "dev-mes", "[]").status == 422);
  BOOST_TEST(post("/v1/plants/hamburg/commands", "dev-mes", "{}").status == 422);
  BOOST_TEST(post("/v1/plants/hamburg/commands", "dev-mes", "nope").status == 400);
  // found by fuzzing: simdjson threw, and the node ended
  BOOST_TEST(post("/v1/plants/hamburg/commands", "dev-mes", R"([{"body":nu]})").code() ==
             "request.not_json");
  BOOST_TEST(get("/v1/plants/hamburg/commands").status == 405);
}

BOOST_FIXTURE_TEST_CASE(stock_adds_up_over_lots, fixture) {
  millrace::batch::StateT lot;
  lot.material = "HOUSING";
  lot.unit = "EA";
  lot.quality = millrace::batch::Quality::released;
  auto line = std::make_unique<millrace::batch::StockLineT>();
  lot.stock.clear();
  millrace::batch::StockLineT plain;
  plain.type = millrace::batch::StockType::unrestricted;
  plain.quantity = decimal::from_units(90);
  lot.stock.emplace_back(plain);
  engine.put("hamburg", "batch", "HSG-0001", lot);
  const auto a = get("/v1/plants/hamburg/stock?material=HOUSING");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/quantity") == "90");
  BOOST_TEST(a.at("/items/0/batch") == "HSG-0001");
  lot.material = "PAINT";
  lot.unit = "KG";
  engine.put("hamburg", "batch", "PNT-0001", lot);
  const auto all = get("/v1/plants/hamburg/stock");  // pieces and kilograms have no sum
  BOOST_TEST(all.at("/quantity") == "(absent)");
  BOOST_TEST(all.at("/materials/0/material") == "HOUSING");
  BOOST_TEST(all.at("/materials/1/quantity") == "90");
  BOOST_TEST(all.at("/materials/1/unit") == "KG");
  BOOST_TEST(get("/v1/plants/hamburg/stock?type=imaginary").status == 422);
  BOOST_TEST(get("/v1/plants/hamburg/stock?colour=red").status == 422);
  BOOST_TEST(get("/v1/plants/hamburg/batches/HSG-0001/availability").status == 200);
  BOOST_TEST(get("/v1/plants/hamburg/batches/none/availability").status == 404);
}

namespace {

row_view up_link(const std::string& key, const std::string& batch, bool removed = false) {
  millrace::batch::GenealogyUpRowT row;
  row.link = std::make_unique<millrace::batch::LinkT>();
  row.link->batch = batch;
  row.link->material = "HOUSING";
  row.link->quantity = decimal::from_units(10);
  row.link->unit = "EA";
  row.link->order = "1000042";
  row.link->at = timestamp::from_micros(1'000'000);
  if (removed) row.removed_at = timestamp::from_micros(5'000'000);
  return {key, tests::packed_table(row)};
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(genealogy_is_a_graph_of_any_depth, fixture) {
  millrace::batch::StateT lot;
  lot.material = "PUMP-100";
  lot.inputs = 2;
  for (const char* id : {"PMP-0001", "HSG-0001", "CST-1"}) engine.put("hamburg", "batch", id, lot);
  engine.row_tables["hamburg/batch/PMP-0001/genealogy_up"] = {up_link("1", "HSG-0001"),
                                                              up_link("2", "HSG-0002", true)};
  engine.row_tables["hamburg/batch/HSG-0001/genealogy_up"] = {
      up_link("1", "CST-1"), up_link("2", "PMP-0001")};  // a cycle ends
  auto a = get("/v1/plants/hamburg/batches/PMP-0001/genealogy?direction=up");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/root") == "PMP-0001");
  BOOST_TEST(a.at("/edges/0/from") == "HSG-0001");
  BOOST_TEST(a.at("/edges/0/to") == "PMP-0001");
  BOOST_TEST(a.at("/edges/0/quantity") == "10");
  BOOST_TEST(a.at("/edges/0/order") == "1000042");
  BOOST_TEST(a.body.find("nodes")->items().size() == 3u);
  BOOST_TEST(a.body.find("edges")->items().size() == 3u);
  BOOST_TEST(a.at("/complete") == "true");
  a = get("/v1/plants/hamburg/batches/PMP-0001/genealogy?direction=up&depth=1");
  BOOST_TEST(a.body.find("edges")->items().size() == 1u);
  a = get(
      "/v1/plants/hamburg/batches/PMP-0001/genealogy?direction=up&depth=1&at=1970-01-01T00:00:02Z");
  BOOST_TEST(a.body.find("edges")->items().size() == 2u);  // the removed link still stood then
  BOOST_TEST(get("/v1/plants/hamburg/batches/PMP-0001/genealogy?direction=sideways").status == 422);
  BOOST_TEST(get("/v1/plants/hamburg/batches/PMP-0001/genealogy?depth=0").status == 422);
  BOOST_TEST(get("/v1/plants/hamburg/batches/none/genealogy").status == 404);
}

BOOST_FIXTURE_TEST_CASE(genealogy_names_plants_that_are_away_and_speaks_epcis, fixture) {
  batch::StateT lot;
  lot.material = "PUMP-100";
  lot.inputs = 2;
  lot.unit = "EA";
  lot.arrived = decimal::from_units(20);
  engine.put("hamburg", "batch", "PMP 1", lot);
  lot.unit = "KGM";
  engine.put("hamburg", "batch", "OIL-1", lot);
  auto oil = up_link("1", "OIL-1");
  auto steel = up_link("2", "STL-1");
  batch::GenealogyUpRowT row;
  flatbuffers::GetRoot<batch::GenealogyUpRow>(steel.row.data())->UnPackTo(&row);
  row.link->plant = "lyon";
  steel.row = tests::packed_table(row);
  engine.row_tables["hamburg/batch/PMP 1/genealogy_up"] = {oil, steel};
  auto a = get("/v1/plants/hamburg/batches/PMP%201/genealogy");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/complete") == "false");
  BOOST_TEST(a.at("/missing/0/plant") == "lyon");
  BOOST_TEST(a.at("/missing/0/since") == "1970-01-01T00:00:01Z");
  BOOST_TEST(a.at("/incomplete/0") == "plant lyon last heard 1970-01-01T00:00:01Z");
  BOOST_TEST(a.at("/nodes/1/carried") == "10");

  a = get("/v1/plants/hamburg/batches/PMP%201/genealogy?format=epcis");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.raw.get("Content-Type") == "application/ld+json");
  BOOST_TEST(a.at("/type") == "EPCISDocument");
  BOOST_TEST(a.at("/schemaVersion") == "2.0");
  BOOST_TEST(a.at("/millrace:complete") == "false");
  const auto* events = a.body.at("/epcisBody/eventList");
  BOOST_REQUIRE(events != nullptr);
  BOOST_TEST(events->items().size() == 1u);
  const auto& e = events->items()[0];
  BOOST_TEST(e.text("type") == "TransformationEvent");
  BOOST_TEST(e.text("eventTime") == "1970-01-01T00:00:01Z");
  BOOST_TEST(e.text("transformationID") == "urn:millrace:order:hamburg:1000042");
  BOOST_TEST(e.at("/inputQuantityList/1/epcClass")->text() == "urn:millrace:lot:lyon:STL-1");
  BOOST_TEST(e.at("/outputQuantityList/0/epcClass")->text() == "urn:millrace:lot:hamburg:PMP%201");
  BOOST_TEST(e.at("/outputQuantityList/0/quantity")->integer() == 20);
  BOOST_TEST(e.at("/outputQuantityList/0/uom") == nullptr);  // counted
  BOOST_TEST(e.at("/bizTransactionList/0/type")->text() == "prodorder");
  BOOST_TEST(get("/v1/plants/hamburg/batches/PMP%201/genealogy?format=xml").status == 422);
}

namespace {

row_view down_link(const std::string& key, const std::string& batch, int quantity) {
  batch::GenealogyDownRowT row;
  row.link = std::make_unique<batch::LinkT>();
  row.link->batch = batch;
  row.link->quantity = decimal::from_units(quantity);
  row.link->unit = "EA";
  row.link->order = "1000042";
  row.link->at = timestamp::from_micros(1'000'000);
  return {key, tests::packed_table(row)};
}
row_view shipped(const std::string& key, const std::string& shipment, int quantity) {
  batch::ShippedRowT row;
  row.shipment = shipment;
  row.item = "10";
  row.customer = "C-77";
  row.quantity = decimal::from_units(quantity);
  row.at = timestamp::from_micros(9'000'000);
  return {key, tests::packed_table(row)};
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_recall_names_what_holds_the_lot_and_where_it_has_gone, fixture) {
  batch::StateT lot;
  lot.material = "HOUSING";
  lot.unit = "EA";
  lot.supplier = "ACME";
  lot.supplier_lot = "L-17";
  lot.outputs = 1;
  lot.shipments = 1;
  lot.arrived = decimal::from_units(100);
  engine.put("hamburg", "batch", "HSG-1", lot);
  lot.supplier.clear();
  lot.supplier_lot.clear();
  lot.material = "PUMP";
  lot.arrived = decimal::from_units(10);
  lot.holds.emplace_back();
  engine.put("hamburg", "batch", "PMP-1", lot);
  engine.row_tables["hamburg/batch/HSG-1/genealogy_down"] = {down_link("1", "PMP-1", 10)};
  engine.row_tables["hamburg/batch/HSG-1/shipped"] = {shipped("1", "S-2", 40)};
  engine.row_tables["hamburg/batch/PMP-1/shipped"] = {shipped("1", "S-1", 4)};
  // The double's list does not filter: only the received lot is in this plant's list.
  const auto pump = engine.actors.extract("hamburg/batch/PMP-1");
  auto a = get("/v1/views/recall?supplier=ACME&supplier_lot=L-17");
  BOOST_TEST(a.status == 200);
  BOOST_REQUIRE_EQUAL(engine.listed.size(), 1u);
  BOOST_TEST(engine.listed[0].filters[0].first == "supplier_lot");
  BOOST_TEST(engine.listed[0].filters[1].second == "ACME");
  BOOST_TEST(a.at("/complete") == "false");
  BOOST_TEST(a.at("/incomplete/0") == "lot PMP-1 is known to no plant");
  engine.read_also["hamburg/batch/PMP-1"] = pump.mapped();
  a = get("/v1/views/recall?supplier=ACME&supplier_lot=L-17");
  BOOST_TEST(a.at("/complete") == "true");
  BOOST_TEST(a.at("/received") == "1");
  BOOST_TEST(a.at("/made_of_it") == "1");
  BOOST_TEST(a.at("/batches/1/batch") == "PMP-1");
  BOOST_TEST(a.at("/batches/1/carried") == "10");
  BOOST_TEST(a.at("/batches/1/held") == "true");
  BOOST_TEST(a.at("/shipments/0/shipment") == "S-1");
  BOOST_TEST(a.at("/shipments/0/batch") == "PMP-1");
  BOOST_TEST(a.at("/shipments/1/shipment") == "S-2");
  BOOST_TEST(a.at("/shipments/1/quantity") == "40");
  a = get("/v1/views/recall?supplier_lot=L-17&plant=hamburg");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(get("/v1/views/recall").status == 422);
  BOOST_TEST(get("/v1/views/recall?supplier_lot=L-17&plant=nowhere").status == 404);
}

BOOST_FIXTURE_TEST_CASE(check_release_changes_nothing, fixture) {
  put_order("1000042");
  const auto a = post("/v1/plants/hamburg/orders/1000042/check-release", "dev-erp", "{}");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/passes") == "false");  // no plant, no material
  BOOST_TEST(!a.body.find("checks")->items().empty());
  BOOST_TEST(engine.asked.empty());
  BOOST_TEST(post("/v1/plants/hamburg/orders/none/check-release", "dev-erp", "{}").status == 404);
  BOOST_TEST(
      post("/v1/plants/hamburg/orders/1000042/check-release", "dev-erp", R"({"a":1})").status ==
      422);
}

namespace {

event_view order_event(std::uint64_t index, std::uint32_t ordinal) {
  event_view e;
  e.type = "production.order.released.v1";
  e.kind = "order";
  e.id = "1000042";
  e.index = index;
  e.ordinal = ordinal;
  e.sequence = index;
  e.stamp = timestamp::from_micros(1'000'000);
  const auto p = released_event();
  e.member = p.type;
  e.body = p.body;
  e.correlation = "T-1";
  return e;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(events_page_as_cloud_events, fixture) {
  for (std::uint64_t i = 1; i <= 3; ++i) engine.journal.push_back(order_event(i, 0));
  auto a = get("/v1/events?plant=hamburg&after=0&limit=2");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/items/0/specversion") == "1.0");
  BOOST_TEST(a.at("/items/0/id") == "hamburg/1.1.0");
  BOOST_TEST(a.at("/items/0/source") == "/v1/plants/hamburg");
  BOOST_TEST(a.at("/items/0/type") == "production.order.released.v1");
  BOOST_TEST(a.at("/items/0/subject") == "order/1000042");
  BOOST_TEST(a.at("/items/0/correlationid") == "T-1");
  BOOST_TEST(a.at("/items/0/time") == "1970-01-01T00:00:01Z");
  BOOST_TEST(a.at("/next") == "1.2.0");
  a = get("/v1/events?plant=hamburg&after=" + a.at("/next"));
  BOOST_TEST(a.body.find("items")->items().size() == 1u);
  BOOST_TEST(get("/v1/events?plant=hamburg&type=quality").body.find("items")->items().empty());
  BOOST_TEST(get("/v1/events?plant=atlantis").status == 404);
  BOOST_TEST(get("/v1/events?plant=hamburg&after=nonsense").status == 400);
  BOOST_TEST(get("/v1/events?plant=hamburg&after=nonsense").code() == "cursor.invalid");
  BOOST_TEST(
      get("/v1/plants/hamburg/orders/1000042?history=true").body.find("items")->items().size() ==
      3u);
  engine.plant_names.insert("munich");
  a = get("/v1/events?after=0");
  BOOST_TEST(a.body.find("items")->items().size() == 6u);
  BOOST_TEST(a.at("/next") == "hamburg:1.3.0,munich:1.3.0");
}

BOOST_FIXTURE_TEST_CASE(events_live_resume_where_the_reader_was, fixture) {
  for (std::uint64_t i = 1; i <= 3; ++i) engine.journal.push_back(order_event(i, 0));
  call("GET", "/v1/events?plant=hamburg&after=0", "dev-erp", {},
       {{"Accept", "text/event-stream"}, {"Last-Event-ID", "1.2.0"}});
  const auto reader = last->stream;
  BOOST_TEST(last->head->get("Content-Type") == "text/event-stream");
  BOOST_TEST(reader->text.find("id: 1.2.0") == std::string::npos);
  BOOST_TEST(reader->text.find("id: 1.3.0\nevent: production.order.released.v1\ndata: {") !=
             std::string::npos);
  engine.commit(order_event(4, 0));
  BOOST_TEST(reader->text.find("id: 1.4.0") != std::string::npos);
  // a reader that does not read gets nothing more until it does, and then everything
  reader->waiting = 100u << 20;
  engine.commit(order_event(5, 0));
  BOOST_TEST(reader->text.find("id: 1.5.0") == std::string::npos);
  reader->waiting = 0;
  reader->drained();
  BOOST_TEST(reader->text.find("id: 1.5.0") != std::string::npos);
  reader->ended = true;
  gate.tick();
  const auto before = reader->text.size();
  engine.commit(order_event(6, 0));
  BOOST_TEST(reader->text.size() == before);
}

BOOST_FIXTURE_TEST_CASE(large_events_reach_a_live_reader_piece_by_piece, fixture) {
  for (std::uint64_t i = 1; i <= 4; ++i) {
    auto e = order_event(i, 0);
    e.kind = "platform";
    e.member = 0;
    const auto body = "{\"reason\":\"" + std::string(300'000, 'x') + "\"}";
    e.body.assign(body.begin(), body.end());
    engine.journal.push_back(std::move(e));
  }
  call("GET", "/v1/events?plant=hamburg&after=0", "dev-erp", {}, {{"Accept", "text/event-stream"}});
  const auto reader = last->stream;
  const auto has = [&](const char* id) { return reader->text.find(id) != std::string::npos; };
  BOOST_TEST(has("id: 1.2.0"));
  BOOST_TEST(!has("id: 1.3.0"));
  reader->text.clear();
  reader->drained();
  BOOST_TEST(!has("id: 1.2.0"));
  BOOST_TEST(has("id: 1.3.0"));
  BOOST_TEST(has("id: 1.4.0"));
}

BOOST_FIXTURE_TEST_CASE(exceptions_are_listed_and_acted_on_by_their_owner, fixture) {
  exception_view x;
  x.id = "order~1000042~1";
  x.plant = "hamburg";
  x.actor = "order/1000042";
  x.code = "order.not_released";
  x.command = "confirm-operation";
  millrace::order::ConfirmOperationT c;
  c.confirmation = "C-1";
  c.operation = "0010";
  x.body = tests::packed_table(c);
  engine.exception_list.push_back(x);
  auto a = get("/v1/exceptions?plant=hamburg&code=order.not_released");
  BOOST_TEST(a.at("/items/0/id") == "hamburg~order~1000042~1");
  BOOST_TEST(a.at("/items/0/body/confirmation") == "C-1");
  BOOST_TEST(get("/v1/exceptions/hamburg~order~1000042~1").status == 200);
  BOOST_TEST(get("/v1/exceptions/order~1000042~1").status == 200);
  BOOST_TEST(get("/v1/exceptions/hamburg~order~1~1").code() == "exception.unknown");
  BOOST_TEST(post("/v1/exceptions/hamburg~order~1000042~1/retry", "dev-qms", "{}").status == 403);
  BOOST_TEST(post("/v1/exceptions/hamburg~order~1000042~1/retry", "dev-mes", "{}").status == 200);
  BOOST_TEST((engine.asked.back().op == request::exception_op::retry));
  BOOST_TEST(engine.asked.back().exception == "order~1000042~1");
  BOOST_TEST(post("/v1/exceptions/hamburg~order~1000042~1/correct", "dev-mes",
                  R"({"confirmation":"C-2","operation":"0020"})")
                 .status == 200);
  BOOST_TEST((engine.asked.back().op == request::exception_op::correct));
  BOOST_TEST(
      post("/v1/exceptions/hamburg~order~1000042~1/correct", "dev-mes", R"({"operation":"0020"})")
          .status == 200);
  const auto* merged =
      flatbuffers::GetRoot<millrace::order::ConfirmOperation>(engine.asked.back().body.data());
  BOOST_TEST(merged->confirmation()->str() == "C-1");  // as parked
  BOOST_TEST(merged->operation()->str() == "0020");
  BOOST_TEST(post("/v1/exceptions/hamburg~order~1000042~1/correct", "dev-mes", R"({"nonsense":1})")
                 .status == 422);
  const std::string discard = "/v1/exceptions/hamburg~order~1000042~1/discard";
  BOOST_TEST(post(discard, "dev-ops", "{}").at("/errors/0/pointer") == "/reason");
  BOOST_TEST(post(discard, "dev-ops", R"({"reason":"reported twice"})").status == 200);
  BOOST_TEST((engine.asked.back().op == request::exception_op::discard));
  BOOST_TEST(post("/v1/exceptions/hamburg~order~1000042~1/explode", "dev-ops", "{}").status == 404);
}

BOOST_FIXTURE_TEST_CASE(a_command_that_waits_for_a_second_person_is_approved_or_rejected, fixture) {
  exception_view x;
  x.id = "batch~B-1~1";
  x.plant = "hamburg";
  x.actor = "batch/B-1";
  x.code = "approval.needed";
  x.command = "set-restriction";  // of qms alone
  x.principal = "ann (dev-qms)";
  engine.exception_list.push_back(x);
  const std::string base = "/v1/exceptions/hamburg~batch~B-1~1";
  BOOST_TEST(get(base).at("/title") == "A second person must approve of it");
  BOOST_TEST(post(base + "/approve", "dev-ops", "{}").code() == "command.not_owner");
  BOOST_TEST(post(base + "/approve", "dev-qms", R"({"why":"x"})").status == 422);
  BOOST_TEST(post(base + "/approve", "dev-qms", R"({"reason":")" + std::string(1001, 'x') + "\"}")
                 .status == 422);
  BOOST_TEST(post(base + "/approve", "dev-qms", R"({"reason":"seen"})", {{"On-Behalf-Of", "bob"}})
                 .status == 200);
  BOOST_TEST((engine.asked.back().op == request::exception_op::retry));
  BOOST_TEST(engine.asked.back().reason == "seen");
  BOOST_TEST(engine.asked.back().from.on_behalf_of == "bob");
  BOOST_TEST((engine.asked.back().system == System::qms));
  BOOST_TEST(post(base + "/reject", "dev-qms", "{}").status == 422);
  BOOST_TEST(post(base + "/reject", "dev-qms", R"({"reason":"no"})").status == 200);
  BOOST_TEST((engine.asked.back().op == request::exception_op::discard));
  engine.exception_list.back().command = "receive";
  engine.exception_list.back().code = "batch.held";
  BOOST_TEST(post(base + "/approve", "dev-erp", "{}").status == 422);
  engine.exception_list.back().actor = "nonconformance/N-1";
  engine.exception_list.back().command = "dispose";
  engine.exception_list.back().code = "approval.needed";
  BOOST_TEST(post(base + "/approve", "dev-qms", "{}").code() == "signature.missing");
  BOOST_TEST(post(base + "/approve", "dev-qms",
                  R"({"signature":{"meaning":"approved","reason":"as dispositioned"}})")
                 .status == 200);
  BOOST_TEST(engine.asked.back().signature_meaning == "approved");
}

BOOST_FIXTURE_TEST_CASE(a_fact_that_an_actor_passed_on_is_corrected_with_the_senders_report,
                        fixture) {
  exception_view x;
  x.id = "batch~HSG-0001~1";
  x.plant = "hamburg";
  x.actor = "batch/HSG-0001";
  x.code = "batch.short_stock";
  x.command = "consume";
  millrace::batch::ConsumeT c;
  c.order = "1000042";
  c.report = "G-1";
  c.quantity = decimal::from_units(150);
  c.unit = "EA";
  x.body = tests::packed_table(c);
  engine.exception_list.push_back(x);
  const std::string correct = "/v1/exceptions/hamburg~batch~HSG-0001~1/correct";
  const auto report =
      R"({"report":"G-1","operation":"0010","material":"HOUSING","batch":"HSG-0001","quantity":"10","unit":"EA","person":"ann"})";
  BOOST_TEST(post(correct, "dev-qms", report).status == 403);
  BOOST_TEST(post(correct, "dev-mes", report).status == 200);
  const auto* merged =
      flatbuffers::GetRoot<millrace::batch::Consume>(engine.asked.back().body.data());
  BOOST_TEST(merged->order()->str() == "1000042");
  BOOST_TEST(merged->quantity()->micros() == 10'000'000);
  BOOST_TEST(post(correct, "dev-mes", R"({"batch":"HSG-0002"})").at("/errors/0/pointer") ==
             "/batch");
  BOOST_TEST(post(correct, "dev-mes", R"({"report":"G-2"})").status == 422);
  BOOST_TEST(post(correct, "dev-mes", R"({"colour":"red"})").status == 422);
  BOOST_TEST(post(correct, "dev-mes", "{}").status == 422);
  BOOST_TEST(post("/v1/exceptions/hamburg~batch~HSG-0001~1/discard", "dev-mes",
                  R"({"reason":"counted twice"})")
                 .status == 200);
  BOOST_TEST(engine.asked.back().reason == "counted twice");
}

BOOST_FIXTURE_TEST_CASE(dead_letters_and_endpoints_need_operators, fixture) {
  delivery_view d;
  d.id = "hamburg~7";
  d.plant = "hamburg";
  d.system = System::mes;
  d.kind = "order_release";
  d.member = static_cast<std::uint8_t>(
      millrace::order_release::schema::delivery_member<millrace::order_release::DispatchT>());
  d.state = "dead";
  engine.deadletter_list.push_back(d);
  const auto dead = get("/v1/deadletters?plant=hamburg");
  BOOST_TEST(dead.at("/items/0/id") == "hamburg~7");
  BOOST_TEST(dead.at("/items/0/type") == "production.order.dispatch.v1");
  BOOST_TEST(dead.at("/items/0/next_attempt") == "(absent)");
  BOOST_TEST(post("/v1/deadletters/hamburg~7/retry", "dev-mes", "").status == 403);
  BOOST_TEST(post("/v1/deadletters/hamburg~7/retry", "dev-ops", "").status == 200);
  BOOST_TEST(engine.acted.back() == "retry hamburg~7 by dev-ops");
  BOOST_TEST(
      post("/v1/deadletters/hamburg~7/retry", "dev-ops", R"({"body":{"order":"1"}})").status ==
      200);
  BOOST_TEST(engine.acted.back() == "retry hamburg~7 edited by dev-ops");
  BOOST_TEST(
      post("/v1/deadletters/hamburg~7/retry", "dev-ops", R"({"body":{"nonsense":"1"}})").status ==
      422);
  BOOST_TEST(post("/v1/deadletters/hamburg~7/retry", "dev-ops", R"({"edit":{}})").status == 422);
  BOOST_TEST(post("/v1/deadletters/hamburg~7/discard", "dev-ops", "").status == 200);
  BOOST_TEST(post("/v1/deadletters/hamburg~8/retry", "dev-ops", "").status == 404);

  engine.deadletter_list.back().last_error = "HTTP 500";
  BOOST_TEST(post("/v1/deadletters/retry", "dev-ops", "").status == 422);
  BOOST_TEST(post("/v1/deadletters/retry?endpoint=hamburg~erp", "dev-ops", "").at("/retried") ==
             "0");
  BOOST_TEST(
      post("/v1/deadletters/retry?endpoint=hamburg~mes&code=500", "dev-ops", "").at("/retried") ==
      "1");
  const std::string preview = "/v1/endpoints/hamburg/mes/preview";
  BOOST_TEST(post(preview, "dev-ops", R"({"deadletter":"hamburg~7"})").status ==
             404);  // no adapters here
  gate.set_preview([](const attempt& a) -> result<mapped_request> {
    return mapped_request{"POST", "/" + a.kind, "{}", ""};
  });
  BOOST_TEST(post(preview, "dev-ops", R"({"deadletter":"hamburg~7"})").at("/path") ==
             "/order_release");
  BOOST_TEST(
      post(preview, "dev-ops", R"({"type":"production.order.dispatch.v1","data":{"order":"1"}})")
          .at("/method") == "POST");
  BOOST_TEST(post(preview, "dev-ops", R"({"type":"no.such.v1"})").status == 422);
  BOOST_TEST(post(preview, "dev-mes", "{}").status == 403);

  endpoint_view e;
  e.plant = "hamburg";
  e.system = System::erp;
  e.waiting = 3;
  engine.endpoint_list.push_back(e);
  BOOST_TEST(get("/v1/endpoints").at("/items/0/waiting") == "3");
  BOOST_TEST(get("/v1/endpoints/hamburg/erp").at("/waiting") == "3");
  BOOST_TEST(get("/v1/endpoints/hamburg/wms").status == 404);
  const std::string pause = "/v1/endpoints/hamburg/erp/pause";
  BOOST_TEST(post(pause, "dev-erp", "{}").status == 403);
  BOOST_TEST(
      post(pause, "dev-ops", R"({"until":"2099-01-01T00:00:00Z","reason":"upgrade"})").status ==
      200);
  BOOST_TEST(engine.acted.back() == "pause hamburg/erp 2099-01-01T00:00:00Z upgrade by dev-ops");
  BOOST_TEST(post(pause, "dev-ops", R"({"until":"2099-01-01T00:00:00Z"})").status == 422);
  BOOST_TEST(post(pause, "dev-ops", R"({"until":"tomorrow","reason":"x"})").status == 422);
  BOOST_TEST(post("/v1/endpoints/hamburg/sap/pause", "dev-ops", "{}").status == 404);
}

BOOST_FIXTURE_TEST_CASE(the_platform_describes_itself, fixture) {
  hop h;
  h.what = "command";
  h.at = timestamp::from_micros(1);
  engine.transactions["T-1"] = {h};
  BOOST_TEST(get("/v1/transactions/T-1").at("/hops/0/what") == "command");
  BOOST_TEST(get("/v1/transactions/T-2").code() == "transaction.unknown");
  BOOST_TEST(get("/v1/plants").at("/items/0/plant") == "hamburg");
  BOOST_TEST(get("/v1/processes").status == 200);
  BOOST_TEST(get("/v1/processes?plant=atlantis").code() == "plant.unknown");
  BOOST_TEST(get("/v1/endpoints?plant=atlantis").code() == "plant.unknown");
  BOOST_TEST(get("/v1/schemas").status == 200);
  BOOST_TEST(get("/v1/schemas/order").at("/collection") == "orders");
  BOOST_TEST(get("/v1/schemas/gadget").status == 404);
  BOOST_TEST(get("/v1/xref?system=erp&id=4711").status == 200);
  BOOST_TEST(get("/v1/xref?system=sap&id=4711").status == 422);
  BOOST_TEST(get("/openapi.json", "").at("/openapi").substr(0, 3) == "3.1");
  post(confirm, "dev-mes", confirm_body);
  const auto m = get("/metrics", "");
  BOOST_TEST(m.status == 200);
  BOOST_TEST(m.raw.body.find("millrace_http_requests_total{route=\"command\",status=\"200\"} 1") !=
             std::string::npos);
  BOOST_TEST(m.raw.body.find("millrace_command_seconds_bucket") != std::string::npos);
  BOOST_TEST(m.raw.body.find("millrace_plant_applied_index{plant=\"hamburg\"} 7") !=
             std::string::npos);
  BOOST_TEST(m.raw.body.find("1000042") == std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(readiness_follows_the_engine_and_the_stop, fixture) {
  BOOST_TEST(get("/healthz", "").status == 200);
  BOOST_TEST(get("/readyz", "").status == 200);
  engine.is_ready = false;
  BOOST_TEST(get("/healthz", "").status == 200);
  BOOST_TEST(get("/readyz", "").status == 503);
  BOOST_TEST(get("/v1/plants").status == 503);
  engine.is_ready = true;
  gate.begin_stop();
  BOOST_TEST(get("/readyz", "").status == 503);
}
