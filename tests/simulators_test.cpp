// layer: nodes
// The simulated systems over HTTP: what they do to what they hold, their fault switches, and their
// reports to a platform.
#define BOOST_TEST_MODULE simulators
#include <boost/test/unit_test.hpp>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>

#include "cluster/local_port.hpp"
#include "nodes/adapters/webhook_signature.hpp"
#include "nodes/client/http_client.hpp"
#include "nodes/http/server.hpp"
#include "nodes/json/json_value.hpp"
#include "nodes/simulators/courier.hpp"
#include "nodes/simulators/simulator_service.hpp"

using namespace millrace;
namespace sim = millrace::simulator;

namespace {

struct answer {
  long status = 0;
  json_value body;
  std::string replayed;
  [[nodiscard]] std::string at(std::string_view pointer) const {
    const auto* found = body.at(pointer);
    return found != nullptr ? found->text() : "(nothing)";
  }
};

/// A running simulator and a client of it.
struct running {
  explicit running(sim::settings s) {
    auto started = sim::service::start(std::move(s));
    BOOST_REQUIRE_MESSAGE(started, (started ? "" : started.error().detail));
    service = *std::move(started);
    url = "http://127.0.0.1:" + std::to_string(service->port());
  }
  answer send(const std::string& method, const std::string& path, const std::string& body = "",
              std::vector<std::pair<std::string, std::string>> headers = {}) {
    const auto got = client.send({method, url + path, std::move(headers), body, 5'000});
    if (!got) return {};
    auto parsed = json_value::parse(got->body);
    return {got->status, parsed ? *parsed : json_value(), got->header("idempotent-replayed")};
  }
  answer post(const std::string& path, const std::string& body, const std::string& key = "") {
    if (key.empty()) return send("POST", path, body);
    return send("POST", path, body, {{"Idempotency-Key", key}});
  }
  answer state() { return send("GET", "/state"); }
  std::unique_ptr<sim::service> service;
  std::string url;
  http_client client;
};

sim::settings settings_of(const std::string& system) {
  sim::settings out;
  out.system = system;
  return out;
}

/// A platform that notes the commands it gets; the first ones fail by a script of statuses.
class platform_double final : public http::handler {
 public:
  void handle(std::shared_ptr<http::exchange> e) override {
    int status = 200;
    {
      const std::lock_guard lock(mutex_);
      if (!statuses.empty()) {
        status = statuses.front();
        statuses.pop_front();
      }
      seen.push_back(e->request().target + ' ' + std::string(e->request().get("Idempotency-Key")) +
                     ' ' + std::to_string(status));
      bodies.push_back(*json_value::parse(e->request().body));
      token = e->request().get("Authorization");
    }
    e->answer({status, {}, status < 300 ? "{}" : R"({"code":"some.code"})"});
  }
  std::deque<int> statuses;
  std::vector<std::string> seen;
  std::vector<json_value> bodies;
  std::string token;

 private:
  std::mutex mutex_;
};

struct with_platform {
  with_platform() {
    auto started = http::server::start({}, platform);
    BOOST_REQUIRE(started);
    server = *std::move(started);
  }
  sim::settings settings_for(const std::string& system) const {
    auto out = settings_of(system);
    out.platform = "http://127.0.0.1:" + std::to_string(server->port());
    return out;
  }
  std::shared_ptr<platform_double> platform = std::make_shared<platform_double>();
  std::unique_ptr<http::server> server;
};

const std::string receipt =
    R"({"BWART":"101","MATNR":"PUMP","CHARG":"B1","MENGE":"10","MEINS":"ST","INSMK":""})";
const std::string dispatch =
    R"({"id":"42","site":"hamburg","product":"PUMP","planned":"10","uom":"EA",
  "steps":[{"step":"0010"},{"step":"0020"}],
  "parts":[{"part":"HOUSING","qty":"20","uom":"EA","step":"0010","lots":[{"lot":"H1","qty":"20"}]}]})";

}  // namespace

BOOST_AUTO_TEST_CASE(the_erp_refuses_to_allocate_what_is_blocked) {
  running erp(settings_of("erp"));
  BOOST_TEST(erp.post("/api/goods-movements", receipt).status == 201);
  BOOST_TEST(erp.post("/api/allocations", R"({"CHARG":"B1","MENGE":"4","KUNNR":"C"})").status ==
             201);
  BOOST_TEST(erp.post("/api/allocations", R"({"CHARG":"B1","MENGE":"7","KUNNR":"D"})").status ==
             409);
  BOOST_TEST(erp.post("/api/stock-blocks", R"({"HOLD":"H","CHARG":"B1"})").status == 201);
  BOOST_TEST(erp.post("/api/allocations", R"({"CHARG":"B1","MENGE":"1","KUNNR":"C"})").status ==
             409);
  BOOST_TEST(erp.state().at("/stock/B1/blocked") == "10");
  BOOST_TEST(erp.state().at("/stock/B1/unrestricted") == "0");
}

BOOST_AUTO_TEST_CASE(the_last_release_puts_stock_back_to_the_types_it_came_from) {
  running erp(settings_of("erp"));
  erp.post("/api/goods-movements", receipt);
  erp.post("/api/goods-movements",
           R"({"BWART":"101","MATNR":"PUMP","CHARG":"B1","MENGE":"3","MEINS":"ST","INSMK":"X"})");
  erp.post("/api/stock-blocks", R"({"HOLD":"H1","CHARG":"B1"})");
  erp.post("/api/stock-blocks", R"({"HOLD":"H2","CHARG":"B1"})");
  erp.post("/api/stock-unblocks", R"({"HOLD":"H1","CHARG":"B1"})");
  BOOST_TEST(erp.state().at("/stock/B1/blocked") == "13");
  erp.post("/api/stock-unblocks", R"({"HOLD":"H2","CHARG":"B1"})");
  BOOST_TEST(erp.state().at("/stock/B1/unrestricted") == "10");
  BOOST_TEST(erp.state().at("/stock/B1/quality") == "3");
  BOOST_TEST(erp.state().at("/stock/B1/blocked") == "0");
}

BOOST_AUTO_TEST_CASE(a_usage_decision_while_the_lot_is_held_decides_where_it_goes_back_to) {
  running erp(settings_of("erp"));
  erp.post("/api/goods-movements",
           R"({"BWART":"101","MATNR":"PUMP","CHARG":"B1","MENGE":"10","MEINS":"ST","INSMK":"X"})");
  erp.post("/api/stock-blocks", R"({"HOLD":"IL-1","CHARG":"B1"})");
  BOOST_TEST(
      erp.post("/api/goods-movements", R"({"BWART":"350","CHARG":"B1","MENGE":"10"})").status ==
      201);  // rejected
  BOOST_TEST(
      erp.post("/api/goods-movements", R"({"BWART":"343","CHARG":"B1","MENGE":"10"})").status ==
      201);  // then accepted
  BOOST_TEST(erp.state().at("/stock/B1/blocked") == "10");
  erp.post("/api/stock-unblocks", R"({"HOLD":"IL-1","CHARG":"B1"})");
  BOOST_TEST(erp.state().at("/stock/B1/unrestricted") == "10");
}

BOOST_AUTO_TEST_CASE(stock_that_arrives_after_the_hold_is_blocked) {
  running erp(settings_of("erp"));
  erp.post("/api/stock-blocks", R"({"HOLD":"H","CHARG":"B1","MATNR":"PUMP"})");
  erp.post("/api/goods-movements", receipt);
  BOOST_TEST(erp.state().at("/stock/B1/blocked") == "10");
  erp.post("/api/stock-unblocks", R"({"HOLD":"H","CHARG":"B1"})");
  BOOST_TEST(erp.state().at("/stock/B1/unrestricted") == "10");
}

BOOST_AUTO_TEST_CASE(movements_beyond_stock_and_of_unknown_lots_are_told_apart) {
  running erp(settings_of("erp"));
  erp.post("/api/goods-movements", receipt);
  BOOST_TEST(
      erp.post("/api/goods-movements", R"({"BWART":"261","CHARG":"B1","MENGE":"11"})").status ==
      422);
  BOOST_TEST(
      erp.post("/api/goods-movements", R"({"BWART":"261","CHARG":"B9","MENGE":"1"})").status ==
      425);
  BOOST_TEST(
      erp.post("/api/goods-movements", R"({"BWART":"999","CHARG":"B1","MENGE":"1"})").status ==
      422);
  BOOST_TEST(
      erp.post("/api/goods-movements", R"({"BWART":"261","CHARG":"B1","MENGE":"-1"})").status ==
      422);
  BOOST_TEST(erp.state().at("/stock/B1/unrestricted") == "10");
}

BOOST_AUTO_TEST_CASE(a_repeated_key_is_answered_again_and_acts_once) {
  running erp(settings_of("erp"));
  const auto first = erp.post("/api/goods-movements", receipt, "k1");
  const auto again = erp.post("/api/goods-movements", receipt, "k1");
  BOOST_TEST(again.status == 201);
  BOOST_TEST(again.at("/document") == first.at("/document"));
  BOOST_TEST(again.replayed == "true");
  BOOST_TEST(erp.state().at("/stock/B1/unrestricted") == "10");
}

BOOST_AUTO_TEST_CASE(canonical_messages_come_through_the_inbox) {
  running erp(settings_of("erp"));
  const auto out = erp.post(
      "/inbox",
      R"({"type":"production.goods_movement.post.v1","plant":"hamburg","data":{"order":"42","number":1,
    "movement_type":"101","material":"PUMP","movement":{"report":"P","batch":"B1","quantity":"10","unit":"EA","stock":"by_plan"}}})");
  BOOST_TEST(out.status == 201);
  BOOST_TEST(out.at("/document") != "(nothing)");
  BOOST_TEST(erp.state().at("/stock/B1/unit") == "ST");
  BOOST_TEST(erp.post("/inbox", R"({"type":"unknown.v1","data":{}})").status == 422);
}

BOOST_AUTO_TEST_CASE(down_loses_every_request_but_keeps_its_switches) {
  running erp(settings_of("erp"));
  BOOST_TEST(erp.post("/faults", R"({"down":true})").at("/down") == "true");
  BOOST_TEST(erp.post("/api/goods-movements", receipt).status == 0);
  BOOST_TEST(erp.state().at("/stock/B1/unrestricted") == "(nothing)");
  BOOST_TEST(erp.send("DELETE", "/faults").at("/down") == "false");
  BOOST_TEST(erp.post("/api/goods-movements", receipt).status == 201);
}

BOOST_AUTO_TEST_CASE(a_lost_answer_has_acted) {
  running erp(settings_of("erp"));
  erp.post(
      "/faults",
      R"({"lose_answer":2})");  // libcurl itself tries a second time when a kept connection dies
  BOOST_TEST(erp.post("/api/goods-movements", receipt, "k1").status == 0);
  BOOST_TEST(erp.state().at("/stock/B1/unrestricted") == "10");
  const auto again = erp.post("/api/goods-movements", receipt, "k1");
  BOOST_TEST(again.status == 201);
  BOOST_TEST(again.replayed == "true");
  BOOST_TEST(erp.state().at("/stock/B1/unrestricted") == "10");
}

BOOST_AUTO_TEST_CASE(errors_come_before_acting_and_wrong_switches_are_refused) {
  running erp(settings_of("erp"));
  erp.post("/faults", R"({"error_rate":1})");
  BOOST_TEST(erp.post("/api/goods-movements", receipt).status == 500);
  BOOST_TEST(erp.state().at("/stock/B1/unrestricted") == "(nothing)");
  for (const auto* wrong :
       {R"({"error_rate":2})", R"({"down":1})", R"({"slow_ms":-1})", R"({"unknown":true})"})
    BOOST_TEST(erp.post("/faults", wrong).status == 422, wrong);
  erp.send("DELETE", "/faults");
  erp.post("/faults", R"({"slow_ms":30})");
  BOOST_TEST(erp.post("/api/goods-movements", receipt).status == 201);
}

BOOST_AUTO_TEST_CASE(with_a_secret_only_signed_messages_are_taken) {
  const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  auto settings = settings_of("erp");
  settings.secrets = {secret};
  running erp(settings);
  BOOST_TEST(erp.post("/api/goods-movements", receipt).status == 401);
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  const auto signature = webhook_secrets::parse({secret})->sign("m1", now, receipt);
  const std::vector<std::pair<std::string, std::string>> headers{
      {"webhook-id", "m1"},
      {"webhook-timestamp", std::to_string(now)},
      {"webhook-signature", signature}};
  BOOST_TEST(erp.send("POST", "/api/goods-movements", receipt, headers).status == 201);
  BOOST_TEST(erp.send("POST", "/api/goods-movements", receipt + " ", headers).status == 401);
  BOOST_TEST(erp.state().status == 200);
}

BOOST_FIXTURE_TEST_CASE(the_mes_executes_step_by_step_and_reports, with_platform) {
  running mes(settings_for("mes"));
  BOOST_TEST(mes.post("/api/work-orders", dispatch).status == 201);
  BOOST_TEST(mes.post("/run", R"({"order":"42","step":"0010"})").status == 200);
  BOOST_TEST(mes.state().at("/orders/42/steps/0/done") == "true");
  BOOST_TEST(mes.state().at("/orders/42/steps/1/done") == "false");
  BOOST_TEST(
      mes.post("/run", R"({"order":"42","good":"9","scrap":"1","output_lot":"P1"})").status == 200);
  BOOST_TEST(mes.state().at("/orders/42/status") == "completed");
  BOOST_TEST(mes.post("/run", R"({"order":"42"})").status == 409);
  std::vector<std::string> commands;
  for (const auto& entry : platform->seen)
    commands.push_back(
        entry.substr(entry.find("/42/") + 4, entry.find(' ') - entry.find("/42/") - 4));
  const std::vector<std::string> expected{"report-dispatch",   "report-consumption",
                                          "confirm-operation", "confirm-operation",
                                          "report-production", "report-dispatch"};
  BOOST_TEST(commands == expected, boost::test_tools::per_element());
  BOOST_TEST(platform->token == "Bearer dev-mes");
  BOOST_TEST(platform->bodies[1].text("quantity") == "20");
  BOOST_TEST(platform->bodies[1].text("batch") == "H1");
  BOOST_TEST(platform->bodies[4].text("batch") == "P1");
  BOOST_TEST(platform->bodies[4].text("quantity") == "9");
}

BOOST_FIXTURE_TEST_CASE(the_mes_does_not_use_a_restricted_lot, with_platform) {
  running mes(settings_for("mes"));
  mes.post("/api/work-orders", dispatch);
  mes.post("/api/lots/H1/restrict", R"({"hold":"H"})");
  BOOST_TEST(mes.post("/run", R"({"order":"42"})").status == 409);
  BOOST_TEST(platform->seen.empty());
  mes.post("/api/lots/H1/clear", R"({"hold":"H"})");
  BOOST_TEST(mes.post("/run", R"({"order":"42"})").status == 200);
}

BOOST_FIXTURE_TEST_CASE(a_started_work_order_refuses_change_and_cancellation, with_platform) {
  running mes(settings_for("mes"));
  mes.post("/api/work-orders", dispatch);
  BOOST_TEST(mes.post("/api/work-orders/42/change", R"({"planned":"12"})").status == 200);
  mes.post("/run", R"({"order":"42","step":"0010"})");
  BOOST_TEST(mes.post("/api/work-orders/42/change", R"({"planned":"13"})").status == 409);
  BOOST_TEST(mes.post("/api/work-orders/42/cancel", "{}").status == 409);
}

BOOST_FIXTURE_TEST_CASE(reports_are_retried_under_their_key_until_they_are_answered,
                        with_platform) {
  platform->statuses = {503, 429, 200, 200, 409};
  running erp(settings_for("erp"));
  BOOST_TEST(erp.post("/act/create-order",
                      R"({"order":"42","material":"PUMP","quantity":"1","unit":"EA"})")
                 .status == 200);
  BOOST_REQUIRE_EQUAL(platform->seen.size(), 3u);
  BOOST_TEST(platform->seen[0] == "/v1/plants/hamburg/orders/42/create erp-create-42 503");
  BOOST_TEST(platform->seen[2] == "/v1/plants/hamburg/orders/42/create erp-create-42 200");
  BOOST_TEST(erp.post("/act/request-release", R"({"order":"42"})").status == 200);
  const auto refused = erp.post("/act/close-order", R"({"order":"42"})");
  BOOST_TEST(refused.status == 422);
  BOOST_TEST(refused.at("/platform/0/code") == "some.code");
  BOOST_TEST(erp.post("/act/close-order", R"({"order":"77"})").status == 404);
}

BOOST_FIXTURE_TEST_CASE(duplicates_and_disorder_on_demand, with_platform) {
  running qms(settings_for("qms"));
  qms.post("/faults", R"({"duplicate":true,"reorder":true})");
  qms.post(
      "/act/inspect",
      R"({"inspection":"IL","batch":"B","plan":"P","characteristic":"c","value":"1","unit":"EA","decision":"accept"})");
  BOOST_REQUIRE_EQUAL(platform->seen.size(), 6u);
  BOOST_TEST(platform->seen[0].find("decide-usage") != std::string::npos);
  BOOST_TEST(platform->seen[0] == platform->seen[1]);
  BOOST_TEST(platform->seen[5].find("create") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(without_a_platform_reports_are_kept_and_the_reason_is_said) {
  sim::faults none(1);
  sim::courier alone("", "token", none);
  std::promise<std::string> code;
  alone.send({sim::platform_call{}},
             [&](const std::vector<sim::call_outcome>& out) { code.set_value(out.at(0).code); });
  BOOST_TEST(code.get_future().get() == "simulator.no_platform");
}

BOOST_AUTO_TEST_CASE(a_client_tells_a_closed_port_from_silence) {
  http_client client;
  const auto port = free_port();
  BOOST_REQUIRE(port);
  const auto url = "http://127.0.0.1:" + std::to_string(*port) + '/';
  const auto closed = client.send({"GET", url, {}, {}, 5'000});
  BOOST_REQUIRE(!closed);
  BOOST_TEST(closed.error().code == "client.connection");
  struct silent final : http::handler {
    void handle(std::shared_ptr<http::exchange> e) override { kept.push_back(std::move(e)); }
    std::vector<std::shared_ptr<http::exchange>> kept;
  };
  const auto handler = std::make_shared<silent>();
  auto server = http::server::start({}, handler);
  BOOST_REQUIRE(server);
  const auto slow = client.send(
      {"GET", "http://127.0.0.1:" + std::to_string((*server)->port()) + '/', {}, {}, 50});
  BOOST_REQUIRE(!slow);
  BOOST_TEST(slow.error().code == "client.timeout");
}

BOOST_AUTO_TEST_CASE(unknown_systems_are_refused) {
  BOOST_TEST(!sim::service::start(settings_of("crm")));
}
