// layer: nodes; starts the program
// The exchange that others rely on, played against the built program over HTTP: as written,
// repeated, by the wrong systems, with bad input, with facts that cannot be posted, and over a kill
// -9.
#define BOOST_TEST_MODULE exchange
#include <boost/test/unit_test.hpp>

#include "tests/program_fixture.hpp"

using namespace millrace;
using namespace millrace::tests;

namespace {

struct call {
  std::string path, system, body;
};

bool has_member(const answer& a, const std::string& list, const std::string& key,
                const std::string& value) {
  const auto* found = a.body.at(list);
  if (found != nullptr)
    for (const auto& item : found->items())
      if (item.text(key) == value) return true;
  return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_exchange_as_written_with_every_call_repeated) {
  plant p("hamburg");
  int number = 0;
  // Accepted once; under the same key the same answer again, and nothing changed.
  const auto play = [&](const std::string& path, const std::string& system,
                        const std::string& body) {
    const auto key = "exchange-" + std::to_string(++number);
    const auto first = p.post(path, system, body, key);
    BOOST_TEST(first.status == 200, path << " -> " << first.status << ' ' << first.text);
    const auto again = p.post(path, system, body, key);
    BOOST_TEST(again.status == first.status, path << " again -> " << again.text);
    BOOST_TEST(again.replayed, path);
    BOOST_TEST(again.at("/sequence") == first.at("/sequence"), path);
    const auto* events = first.body.find("events");
    const auto* events_again = again.body.find("events");
    BOOST_TEST((events != nullptr && events_again != nullptr && *events == *events_again), path);
  };
  play("/commission", "ops", R"({"region":"eu","time_zone":"Europe/Berlin"})");
  play("/materials/HOUSING/define", "erp", R"({"revision":"A","base_unit":"EA"})");
  play(
      "/materials/PUMP-100/define", "erp",
      R"({"revision":"A","base_unit":"EA","routing":[{"operation":"0010","work_center":"WC-1","description":"Assemble"},{"operation":"0020","work_center":"WC-2","description":"Test"}],"components":[{"material":"HOUSING","quantity":"1","unit":"EA","operation":"0010"}]})");
  play(
      "/materials/PUMP-100/set-inspection-plan", "qms",
      R"({"plan":"IP-7","revision":"1","characteristics":[{"name":"pressure","lower":"9.5","upper":"10.5","unit":"BAR"}]})");
  play(
      "/batches/HSG-0001/receive", "erp",
      R"({"material":"HOUSING","quantity":"100","unit":"EA","supplier":"ACME","supplier_lot":"L-17"})");
  play(
      "/orders/1000042/create", "erp",
      R"({"material":"PUMP-100","revision":"A","quantity":"10","unit":"EA","due":"2026-12-01T00:00:00Z"})");

  const auto before = p.get("/orders/1000042");
  const auto checks = p.post("/orders/1000042/check-release", "erp", "{}");
  BOOST_TEST(checks.status == 200, checks.text);
  BOOST_TEST(checks.text.find("\"fail\"") == std::string::npos, checks.text);
  BOOST_TEST(p.get("/orders/1000042").text == before.text);

  play("/orders/1000042/request-release", "erp", "{}");
  p.eventually("the order is released and dispatched", [&] {
    const auto order = p.get("/orders/1000042");
    return order.at("/state/life") == "released" && order.at("/state/dispatch") == "dispatched";
  });
  play(
      "/orders/1000042/confirm-operation", "mes",
      R"({"confirmation":"C-1","operation":"0010","yield":"10","scrap":"0","unit":"EA","final":true,"occurred_at":"2026-11-24T08:00:00Z"})");
  play(
      "/orders/1000042/report-consumption", "mes",
      R"({"report":"G-1","operation":"0010","material":"HOUSING","batch":"HSG-0001","quantity":"10","unit":"EA"})");
  play("/orders/1000042/report-production", "mes",
       R"({"report":"P-1","batch":"PMP-0001","quantity":"10","unit":"EA"})");
  play("/inspections/IL-1/create", "qms", R"({"batch":"PMP-0001","plan":"IP-7"})");
  play("/inspections/IL-1/record-result", "qms",
       R"({"characteristic":"pressure","value":"11.2","unit":"BAR"})");
  play("/inspections/IL-1/decide-usage", "qms", R"({"decision":"reject"})");
  const auto held = p.get("/batches/PMP-0001");
  BOOST_TEST(has_member(held, "/state/holds", "hold", "IL-1"), held.text);
  BOOST_TEST(held.at("/state/allocatable") == "0");
  play(
      "/shipments/S-1/plan", "wms",
      R"({"customer":"C-77","items":[{"item":"10","material":"PUMP-100","quantity":"5","unit":"EA"}]})");
  const std::string allocate = R"({"item":"10","batch":"PMP-0001","quantity":"5","unit":"EA"})";
  for (int i = 0; i < 2; ++i) {
    const auto refused = p.post("/shipments/S-1/allocate", "wms", allocate, "exchange-refused");
    BOOST_TEST(refused.status == 409, refused.text);
    BOOST_TEST(refused.at("/code") == "batch.held", refused.text);
  }
  play("/batches/PMP-0001/place-hold", "mes",
       R"({"hold":"H-9","type":"quality","reason":"visual defect"})");
  const auto not_owner =
      p.post("/batches/PMP-0001/release-hold", "mes", R"({"hold":"H-9","reason":"looks fine"})");
  BOOST_TEST(not_owner.status == 403, not_owner.text);
  BOOST_TEST(not_owner.text.find("qms") != std::string::npos, not_owner.text);
  play("/batches/PMP-0001/release-hold", "qms", R"({"hold":"H-9","reason":"reworked"})");
  play("/inspections/IL-2/create", "qms",
       R"({"batch":"PMP-0001","plan":"IP-7","retest_of":"IL-1"})");
  play("/inspections/IL-2/record-result", "qms",
       R"({"characteristic":"pressure","value":"10.1","unit":"BAR"})");
  play("/inspections/IL-2/decide-usage", "qms", R"({"decision":"accept"})");
  const auto released = p.get("/batches/PMP-0001");
  BOOST_TEST((released.body.at("/state/holds") == nullptr ||
              released.body.at("/state/holds")->items().empty()),
             released.text);
  BOOST_TEST(released.at("/state/allocatable") == "10", released.text);
  play("/shipments/S-1/allocate", "wms", allocate);
  play("/shipments/S-1/pick", "wms", "{}");
  play("/shipments/S-1/ship", "wms", "{}");

  const auto tree = p.get("/batches/PMP-0001/genealogy?direction=up");
  const auto* edges = tree.body.find("edges");
  BOOST_REQUIRE_MESSAGE((edges != nullptr && edges->items().size() == 1), tree.text);
  BOOST_TEST(edges->items()[0].text("from") == "HSG-0001");
  BOOST_TEST(edges->items()[0].text("quantity") == "10");
  BOOST_TEST(edges->items()[0].text("order") == "1000042");
  const auto orders = p.get("/orders?life=released&limit=50");
  const auto* items = orders.body.find("items");
  BOOST_REQUIRE_MESSAGE((items != nullptr && items->items().size() == 1), orders.text);
  BOOST_TEST(p.get("/stock?material=HOUSING").at("/quantity") == "90");
  const auto events = node::the().send("GET", "/v1/events?plant=hamburg&after=0", "ops");
  BOOST_TEST(events.status == 200);
  BOOST_TEST(events.text.find("production.order.released.v1") != std::string::npos);
  BOOST_TEST(events.text.find("quality.hold.") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_wrong_system_is_refused_and_the_owner_named) {
  plant p("owners");
  p.set_up();
  p.must("/orders/1/create", "erp", R"({"material":"PUMP-100","quantity":"1","unit":"EA"})");
  const std::vector<std::pair<call, std::string>> wrong{
      {{"/materials/HOUSING/define", "mes", R"({"revision":"B","base_unit":"EA"})"}, "erp"},
      {{"/materials/PUMP-100/set-inspection-plan", "erp", R"({"plan":"IP-8","revision":"1"})"},
       "qms"},
      {{"/batches/HSG-0001/receive", "mes", R"({"material":"HOUSING","quantity":"1","unit":"EA"})"},
       "erp"},
      {{"/orders/2/create", "mes", R"({"material":"PUMP-100","quantity":"1","unit":"EA"})"}, "erp"},
      {{"/orders/1/request-release", "mes", "{}"}, "erp"},
      {{"/orders/1/confirm-operation", "erp",
        R"({"confirmation":"C","operation":"0010","yield":"1","unit":"EA"})"},
       "mes"},
      {{"/orders/1/report-consumption", "qms",
        R"({"report":"G","material":"HOUSING","batch":"HSG-0001","quantity":"1","unit":"EA"})"},
       "mes"},
      {{"/inspections/IL/create", "mes", R"({"batch":"HSG-0001"})"}, "qms"},
      {{"/shipments/S/plan", "mes",
        R"({"customer":"C","items":[{"item":"1","material":"HOUSING","quantity":"1","unit":"EA"}]})"},
       "wms"}};
  for (const auto& [c, owner] : wrong) {
    const auto out = p.post(c.path, c.system, c.body);
    BOOST_TEST(out.status == 403, c.path << " -> " << out.text);
    BOOST_TEST(out.at("/code") == "command.not_owner", c.path << " -> " << out.text);
    BOOST_TEST(out.text.find(owner) != std::string::npos, c.path << " -> " << out.text);
  }
  BOOST_TEST(node::the().send("POST", p.base + "/orders/1/request-release", "", "{}").status ==
             401);
  BOOST_TEST(
      node::the().send("POST", p.base + "/orders/1/request-release", "nobody", "{}").status == 401);
}

BOOST_AUTO_TEST_CASE(bad_input_gets_its_own_clear_answer) {
  plant p("inputs");
  p.set_up();
  p.must("/orders/1/create", "erp", R"({"material":"PUMP-100","quantity":"1","unit":"EA"})");
  const auto before = p.get("/orders/1").text;
  const auto expect = [&](const std::string& body, long status, const std::string& code,
                          const std::string& pointer = "") {
    const auto out = p.post("/orders/1/confirm-operation", "mes", body);
    BOOST_TEST(out.status == status, body.substr(0, 200) << " -> " << out.text);
    BOOST_TEST(out.at("/code") == code, body.substr(0, 200) << " -> " << out.text);
    if (!pointer.empty())
      BOOST_TEST(has_member(out, "/errors", "pointer", pointer), body << " -> " << out.text);
  };
  const std::string good = R"("confirmation":"C-1","operation":"0010","yield":"1")";
  expect("{" + good + R"(,"unit":"EA","colour":"red"})", 422, "request.invalid", "/colour");
  expect(R"({"confirmation":1,"operation":"0010","yield":"1","unit":"EA"})", 422, "request.invalid",
         "/confirmation");
  expect(R"({"confirmation":"C-1","operation":"0010","yield":true,"unit":"EA"})", 422,
         "request.invalid", "/yield");
  expect(R"({"confirmation":"C-1","operation":"0010","yield":"1","unit":"XYZ!"})", 422,
         "request.invalid", "/unit");
  expect(R"({"confirmation":"C-1","operation":"0010","yield":"-1","unit":"EA"})", 422,
         "request.invalid", "/yield");
  expect(R"({"confirmation":"C-1","operation":"0010","yield":"1.0000001","unit":"EA"})", 422,
         "request.invalid", "/yield");
  expect(R"({"operation":"0010","yield":"1","unit":"EA"})", 422, "request.invalid");
  expect("{" + good + R"(,"unit":"EA","occurred_at":"yesterday"})", 422, "request.invalid",
         "/occurred_at");
  expect("{" + good + R"(,"confirmation":"C-2"})", 400, "request.duplicate_key");
  expect("{" + good + ",\"unit\":\"EA\",\"text\":\"\xff\xfe\"}", 400, "request.not_utf8");
  expect("{" + good + R"(,"text":)" + std::string(33, '[') + std::string(33, ']') + "}", 400,
         "request.too_deep");
  expect("{" + good, 400, "request.not_json");
  expect("yield=1", 400, "request.not_json");
  const auto large = p.post("/orders/1/confirm-operation", "mes",
                            R"({"text":")" + std::string(10 * 1024 * 1024, 'x') + "\"}");
  BOOST_TEST(large.status == 413, large.text.substr(0, 200));
  const auto form = node::the().send("POST", p.base + "/orders/1/confirm-operation", "mes", "a=b",
                                     "", "application/x-www-form-urlencoded");
  BOOST_TEST(form.status == 415, form.text);
  const auto unit = p.post("/batches/HSG-0001/receive", "erp",
                           R"({"material":"HOUSING","quantity":"1","unit":"KGM"})");
  BOOST_TEST((unit.status >= 400 && unit.status < 500), unit.text);
  BOOST_TEST(unit.at("/code") == "batch.unit_mismatch", unit.text);
  BOOST_TEST(
      p.post("/orders/404/confirm-operation", "mes", "{" + good + R"(,"unit":"EA"})").status ==
      202);  // a fact is never thrown away
  BOOST_TEST(p.post("/orders/404/request-release", "erp", "{}").status == 404);
  BOOST_TEST(p.post("/orders/1/fly", "erp", "{}").status == 404);
  BOOST_TEST(p.get("/unicorns/1").status == 404);
  BOOST_TEST(p.get("/orders/none").status == 404);
  BOOST_TEST(node::the().send("GET", "/v1/plants/nowhere/orders/1", "ops").status == 404);
  BOOST_TEST(p.get("/orders/1").text == before);
}

BOOST_AUTO_TEST_CASE(a_key_names_one_request) {
  plant p("keys");
  p.set_up();
  const auto first = p.post("/orders/1/create", "erp",
                            R"({"material":"PUMP-100","quantity":"1","unit":"EA"})", "k");
  BOOST_TEST(first.status == 200, first.text);
  const auto other = p.post("/orders/1/create", "erp",
                            R"({"material":"PUMP-100","quantity":"2","unit":"EA"})", "k");
  BOOST_TEST(other.status == 422, other.text);
  BOOST_TEST(other.at("/code") == "request.key_reused", other.text);
  BOOST_TEST(p.get("/orders/1").at("/state/quantity") == "1");
}

BOOST_AUTO_TEST_CASE(over_consumption_waits_and_posts_itself_once_there_is_stock) {
  plant p("shortage");
  p.set_up();
  p.release_order("1");
  const auto parked = p.post(
      "/orders/1/report-consumption", "mes",
      R"({"report":"G-1","operation":"0010","material":"HOUSING","batch":"HSG-0001","quantity":"150","unit":"EA"})");
  BOOST_TEST(parked.status == 202, parked.text);
  BOOST_TEST(parked.at("/exception/code") == "batch.short_stock", parked.text);
  BOOST_TEST(p.get("/stock?material=HOUSING").at("/quantity") == "100");
  BOOST_TEST(p.exceptions() == 1u);
  p.must("/batches/HSG-0001/receive", "erp",
         R"({"material":"HOUSING","quantity":"60","unit":"EA"})");
  p.eventually("it posts itself",
               [&] { return p.get("/stock?material=HOUSING").at("/quantity") == "10"; });
  p.eventually("nothing waits any more", [&] { return p.exceptions() == 0; });
}

BOOST_AUTO_TEST_CASE(over_consumption_can_be_corrected_or_discarded) {
  plant p("correction");
  p.set_up();
  p.release_order("1");
  const auto consume = [&](const std::string& report, const std::string& quantity) {
    return p.post(
        "/orders/1/report-consumption", "mes",
        R"({"report":")" + report +
            R"(","operation":"0010","material":"HOUSING","batch":"HSG-0001","quantity":")" +
            quantity + R"(","unit":"EA"})");
  };
  const auto parked = consume("G-1", "150");
  BOOST_TEST(parked.status == 202, parked.text);
  const auto path = "/v1/exceptions/" + percent_encode(parked.at("/exception/id"));
  const auto shown = node::the().send("GET", path, "ops");
  BOOST_REQUIRE_MESSAGE((shown.status == 200 && shown.body.find("body") != nullptr), shown.text);
  auto corrected = *shown.body.find("body");
  corrected.set("quantity", "15");
  const auto done = node::the().send("POST", path + "/correct", "ops", corrected.dump());
  BOOST_TEST(done.status == 200, done.text);
  p.eventually("15 are posted",
               [&] { return p.get("/stock?material=HOUSING").at("/quantity") == "85"; });

  const auto second = consume("G-2", "500");
  BOOST_TEST(second.status == 202, second.text);
  const auto discarded = node::the().send(
      "POST", "/v1/exceptions/" + percent_encode(second.at("/exception/id")) + "/discard", "ops",
      R"({"reason":"counted twice"})");
  BOOST_TEST(discarded.status == 200, discarded.text);
  BOOST_TEST(p.exceptions() == 0u);
  BOOST_TEST(p.get("/stock?material=HOUSING").at("/quantity") == "85");
}

BOOST_AUTO_TEST_CASE(a_confirmation_after_closing_waits_for_the_order_to_reopen) {
  plant p("closing");
  p.set_up();
  p.release_order("1");
  p.must("/orders/1/complete-technically", "erp", "{}");
  p.must("/orders/1/close", "erp", "{}");
  const auto parked = p.post(
      "/orders/1/confirm-operation", "mes",
      R"({"confirmation":"C-1","operation":"0010","yield":"10","scrap":"0","unit":"EA","final":true})");
  BOOST_TEST(parked.status == 202, parked.text);
  BOOST_TEST(parked.at("/exception/code") == "order.closed", parked.text);
  BOOST_TEST(p.get("/orders/1").at("/state/confirmations") == "0");
  BOOST_TEST(p.exceptions() == 1u);
  p.must("/orders/1/reopen", "erp", "{}");
  p.eventually("it posts itself",
               [&] { return p.get("/orders/1").at("/state/confirmations") == "1"; });
  BOOST_TEST(p.exceptions() == 0u);
}

BOOST_AUTO_TEST_CASE(after_a_kill_everything_acknowledged_is_there_and_keys_are_remembered) {
  plant p("crash");
  p.set_up();
  p.release_order("1");
  const std::string body =
      R"({"confirmation":"C-1","operation":"0010","yield":"10","scrap":"0","unit":"EA","final":true})";
  const auto first = p.post("/orders/1/confirm-operation", "mes", body, "before-the-kill");
  BOOST_TEST(first.status == 200, first.text);
  const auto order = p.get("/orders/1").text;
  node::the().kill();
  node::the().start();
  BOOST_TEST(p.get("/orders/1").text == order);
  const auto again = p.post("/orders/1/confirm-operation", "mes", body, "before-the-kill");
  BOOST_TEST(again.status == 200, again.text);
  BOOST_TEST(again.replayed);
  BOOST_TEST(again.at("/sequence") == first.at("/sequence"));
  BOOST_TEST(p.get("/orders/1").text == order);
}

BOOST_AUTO_TEST_CASE(the_node_stops_cleanly_and_its_journal_verifies) {
  BOOST_TEST(node::the().stop() == 0);
  auto verify =
      process::start(MILLRACE_PROGRAM, {"journal", "verify", "--data", node::the().data()},
                     node::the().directory() + "/verify.log");
  BOOST_REQUIRE(verify);
  const auto code = verify->wait(patience);
  BOOST_TEST((code && *code == 0));
}
