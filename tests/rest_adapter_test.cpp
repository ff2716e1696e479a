// layer: nodes
// The rest adapter against a real server on loopback: what it sends, how it judges answers, where
// it refuses to connect.
#define BOOST_TEST_MODULE rest_adapter
#include <boost/test/unit_test.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>

#include "nodes/adapters/address_guard.hpp"
#include "nodes/adapters/rest_adapter.hpp"
#include "nodes/adapters/rest_message.hpp"
#include "nodes/adapters/webhook_signature.hpp"
#include "nodes/http/server.hpp"
#include "schemas/quality/hold_kind.hpp"

using namespace millrace;
using verdict = attempt_result::verdict;

namespace millrace {
std::ostream& operator<<(std::ostream& out, attempt_result::verdict v) {
  return out << static_cast<int>(v);
}
}  // namespace millrace

namespace {

constexpr std::int64_t clock_s = 1'700'000'000;
const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Records requests and answers them by a script; without one it answers 200.
class outer_system final : public http::handler {
 public:
  using step = std::function<void(http::exchange&)>;
  void handle(std::shared_ptr<http::exchange> e) override {
    step next;
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(e->request());
      if (!script_.empty()) {
        next = std::move(script_.front());
        script_.pop_front();
      }
    }
    if (next) return next(*e);
    e->answer({200, {}, R"({"document":"4900000001"})"});
  }
  void then(step s) {
    const std::lock_guard lock(mutex_);
    script_.push_back(std::move(s));
  }
  void then(http::response r) {
    then([r = std::move(r)](http::exchange& e) { e.answer(r); });
  }
  std::vector<http::request> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  std::mutex mutex_;
  std::deque<step> script_;
  std::vector<http::request> seen_;
};

struct fixture {
  fixture() {
    http::server_options options;
    auto started = http::server::start(options, system);
    BOOST_REQUIRE(started);
    server = *std::move(started);
  }
  std::unique_ptr<rest_adapter> adapter(rest_options options = {.allow_loopback = true},
                                        std::vector<std::string> allowed = {},
                                        std::string path = "") {
    options.unix_seconds = [] { return clock_s; };
    rest_endpoint erp;
    erp.plant = "hamburg";
    erp.system = System::erp;
    erp.url = "http://127.0.0.1:" + std::to_string(server->port()) + path;
    erp.secrets = {secret};
    erp.headers = {{"Authorization", "Bearer t0"}};
    erp.allowed = std::move(allowed);
    auto made = rest_adapter::start(schema_model::built_in(), {erp}, options);
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().detail));
    return *std::move(made);
  }
  std::shared_ptr<outer_system> system = std::make_shared<outer_system>();
  std::unique_ptr<http::server> server;
};

attempt hold_attempt() {
  hold::PlaceT place;
  place.hold = "IL-1";
  place.batch = "PMP-0001";
  place.material = "PUMP-100";
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(hold::Place::Pack(builder, &place));
  attempt a;
  a.plant = "hamburg";
  a.system = System::erp;
  a.id = "msg_42";
  a.key = "PMP-0001";
  a.correlation = "c-1";
  a.actor = "hold/IL-1";
  a.kind = "hold";
  a.member = static_cast<std::uint8_t>(hold::Delivery::Place);
  a.body = std::make_shared<const bytes>(builder.GetBufferPointer(),
                                         builder.GetBufferPointer() + builder.GetSize());
  a.timeout_ms = 2'000;
  return a;
}

attempt_result outcome_of(rest_adapter& adapter, attempt a) {
  std::promise<attempt_result> done;
  auto result = done.get_future();
  adapter.attempt_delivery(std::move(a),
                           [&done](attempt_result r) { done.set_value(std::move(r)); });
  return result.get();
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_delivery_is_a_signed_webhook_with_its_ids, fixture) {
  const auto out = outcome_of(*adapter(), hold_attempt());
  BOOST_TEST(out.what == verdict::acknowledged);
  BOOST_TEST(out.document == "4900000001");
  const auto seen = system->seen();
  BOOST_REQUIRE_EQUAL(seen.size(), 1u);
  BOOST_TEST(seen[0].method == "POST");
  BOOST_TEST(seen[0].target == "/inbox");
  BOOST_TEST(seen[0].get("webhook-id") == "msg_42");
  BOOST_TEST(seen[0].get("idempotency-key") == "msg_42");
  BOOST_TEST(seen[0].get("correlation-id") == "c-1");
  BOOST_TEST(seen[0].get("authorization") == "Bearer t0");
  BOOST_TEST(seen[0].get("content-type") == "application/json");
  BOOST_TEST(seen[0].get("traceparent").size() == 55u);
  BOOST_TEST(webhook_secrets::parse({secret})->verify("msg_42", seen[0].get("webhook-timestamp"),
                                                      seen[0].get("webhook-signature"),
                                                      seen[0].body, clock_s));
  const auto body = json_value::parse(seen[0].body);
  BOOST_REQUIRE(body);
  BOOST_TEST(body->text("type") == "quality.hold.place.v1");
  BOOST_TEST(body->at("/data/batch")->text() == "PMP-0001");
  BOOST_TEST(body->text("actor") == "hold/IL-1");
}

BOOST_FIXTURE_TEST_CASE(the_endpoints_mapping_makes_the_request, fixture) {
  const auto map =
      mapping::load(R"({"mapping":"m","version":2,"deliveries":{"quality.hold.place.v1":
    {"method":"PUT","path":"/lots/{/data/batch}","document":"/n/0","body":{"h":{"$from":"/data/hold"}}}}})");
  BOOST_REQUIRE(map);
  rest_endpoint erp;
  erp.system = System::erp;
  erp.url = "http://127.0.0.1:" + std::to_string(server->port()) + "/base/";
  erp.map = *map;
  auto made = rest_adapter::start(schema_model::built_in(), {erp}, {.allow_loopback = true});
  BOOST_REQUIRE(made);
  system->then(http::response{201, {}, R"({"n":["D-7"]})"});
  BOOST_TEST(outcome_of(**made, hold_attempt()).document == "D-7");
  const auto seen = system->seen();
  BOOST_REQUIRE_EQUAL(seen.size(), 1u);
  BOOST_TEST(seen[0].method == "PUT");
  BOOST_TEST(seen[0].target == "/base/lots/PMP-0001");
  BOOST_TEST(seen[0].body == R"({"h":"IL-1"})");
  BOOST_TEST(!seen[0].has("webhook-signature"));
}

BOOST_FIXTURE_TEST_CASE(a_message_that_cannot_be_said_is_dead_without_a_request, fixture) {
  const auto map = mapping::load(
      R"({"mapping":"m","version":1,"deliveries":{"other.v1":{"path":"/x","body":1}}})");
  rest_endpoint erp;
  erp.system = System::erp;
  erp.url = "http://127.0.0.1:" + std::to_string(server->port());
  erp.map = *map;
  auto made = rest_adapter::start(schema_model::built_in(), {erp}, {.allow_loopback = true});
  BOOST_REQUIRE(made);
  const auto out = outcome_of(**made, hold_attempt());
  BOOST_TEST(out.what == verdict::dead);
  BOOST_TEST(out.detail.starts_with("mapping.no_delivery"));
  auto damaged = hold_attempt();
  damaged.body = std::make_shared<const bytes>(bytes{1, 2, 3});
  const auto unread = outcome_of(**made, damaged);
  BOOST_TEST(unread.what == verdict::dead);
  BOOST_TEST(unread.detail.starts_with("mapping.unknown_type"));
  BOOST_TEST(system->seen().empty());
}

BOOST_FIXTURE_TEST_CASE(answers_become_verdicts, fixture) {
  auto rest = adapter();
  const auto with = [&](int status, std::string body = "{}",
                        std::vector<http::header> headers = {}) {
    system->then(http::response{status, std::move(headers), std::move(body)});
    return outcome_of(*rest, hold_attempt());
  };
  for (const int status : {200, 201, 202, 204})
    BOOST_TEST(with(status).what == verdict::acknowledged, status);
  for (const int status : {302, 408, 425, 429, 500, 502, 503, 504})
    BOOST_TEST(with(status).what == verdict::retry, status);
  for (const int status : {400, 401, 403, 404, 409, 422})
    BOOST_TEST(with(status).what == verdict::dead, status);
  BOOST_TEST(with(410).what == verdict::gone);
  BOOST_TEST(with(503, "{}", {{"Retry-After", "7"}}).retry_after_ms == 7'000u);
  BOOST_TEST(with(429, "{}", {{"Retry-After", "999999"}}).retry_after_ms == 3'600'000u);
  BOOST_TEST(with(422, R"({"detail":"order is closed"})").detail == "HTTP 422: order is closed");
  BOOST_TEST(with(400, R"({"error":{"message":{"value":"Bestellung gesperrt"}}})").detail ==
             "HTTP 400: Bestellung gesperrt");
  const auto replay = with(409, R"({"document":"D-1"})", {{"Idempotent-Replayed", "true"}});
  BOOST_TEST(replay.what == verdict::acknowledged);
  BOOST_TEST(replay.document == "D-1");
}

BOOST_FIXTURE_TEST_CASE(a_redirect_is_not_followed, fixture) {
  auto rest = adapter();
  system->then(http::response{
      307,
      {{"Location", "http://127.0.0.1:" + std::to_string(server->port()) + "/elsewhere"}},
      ""});
  BOOST_TEST(outcome_of(*rest, hold_attempt()).what == verdict::retry);
  BOOST_TEST(system->seen().size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(silence_and_a_closed_connection_are_retried, fixture) {
  auto rest = adapter();
  system->then([](http::exchange& e) { e.drop(); });
  BOOST_TEST(outcome_of(*rest, hold_attempt()).what == verdict::retry);
  std::mutex mutex;
  std::shared_ptr<http::stream> kept;
  system->then([&](http::exchange& e) {  // the head comes, the body never ends
    const std::lock_guard lock(mutex);
    kept = e.open({200, {}, ""});
    kept->write("{");
  });
  auto slow = hold_attempt();
  slow.timeout_ms = 200;
  const auto out = outcome_of(*rest, slow);
  BOOST_TEST(out.what == verdict::retry);
  BOOST_TEST(!out.detail.empty());
  const auto port = server->port();
  server->stop();
  BOOST_TEST(port != 0);
  BOOST_TEST(outcome_of(*rest, hold_attempt()).what == verdict::retry);
}

BOOST_FIXTURE_TEST_CASE(an_endless_answer_is_cut_and_still_counts, fixture) {
  rest_options options{.answer_bytes_max = 1'000, .allow_loopback = true};
  auto rest = adapter(options);
  system->then(http::response{200, {}, std::string(100'000, 'x')});
  BOOST_TEST(outcome_of(*rest, hold_attempt()).what == verdict::acknowledged);
  system->then(http::response{500, {}, std::string(100'000, 'x')});
  BOOST_TEST(outcome_of(*rest, hold_attempt()).what == verdict::retry);
}

BOOST_FIXTURE_TEST_CASE(private_addresses_are_out_of_reach_unless_allowed, fixture) {
  auto strict = adapter({});
  const auto out = outcome_of(*strict, hold_attempt());
  BOOST_TEST(out.what == verdict::retry);
  BOOST_TEST(out.detail.find("may not reach") != std::string::npos);
  BOOST_TEST(system->seen().empty());
  auto allowed = adapter({}, {"127.0.0.1"});
  BOOST_TEST(outcome_of(*allowed, hold_attempt()).what == verdict::acknowledged);
}

BOOST_FIXTURE_TEST_CASE(an_unbound_system_is_retried_and_a_stopped_adapter_answers, fixture) {
  auto rest = adapter();
  BOOST_TEST(rest->bound("hamburg", System::erp));
  BOOST_TEST(!rest->bound("hamburg", System::mes));
  BOOST_TEST(!rest->bound("lyon", System::erp));
  auto other = hold_attempt();
  other.system = System::mes;
  BOOST_TEST(outcome_of(*rest, other).what == verdict::retry);
  BOOST_TEST(rest->preview(other).error().code == "endpoint.unknown");
  BOOST_TEST(rest->preview(hold_attempt())->path == "/inbox");
  rest->stop();
  BOOST_TEST(outcome_of(*rest, hold_attempt()).what == verdict::retry);
}

BOOST_FIXTURE_TEST_CASE(many_attempts_at_once_each_get_their_own_answer, fixture) {
  auto rest = adapter();
  constexpr std::size_t count = 200;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t acknowledged = 0, ended = 0;
  for (std::size_t i = 0; i < count; ++i) {
    auto a = hold_attempt();
    a.id = "msg_" + std::to_string(i);
    rest->attempt_delivery(std::move(a), [&](attempt_result r) {
      const std::lock_guard lock(mutex);
      acknowledged += r.what == verdict::acknowledged;
      ++ended;
      changed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return ended == count; });
  BOOST_TEST(acknowledged == count);
  BOOST_TEST(server->figures().accepted <= 32u);  // connections are used again
}

BOOST_AUTO_TEST_CASE(wrong_endpoints_are_refused_at_the_start) {
  const auto start = [](rest_endpoint e) {
    return rest_adapter::start(schema_model::built_in(), {std::move(e)});
  };
  for (const std::string url : {"", "ftp://host/", "file:///etc/passwd", "host:80",
                                "http://u:p@host/", "http://host/?a=1", "http://host/#f"}) {
    rest_endpoint e;
    e.system = System::erp;
    e.url = url;
    const auto out = start(e);
    BOOST_REQUIRE_MESSAGE(!out, url);
    BOOST_TEST(out.error().code == "config.invalid");
  }
  rest_endpoint fine;
  fine.system = System::erp;
  fine.url = "https://example.com/base";
  BOOST_TEST(bool(start(fine)));
  auto secretless = fine;
  secretless.secrets = {"plain"};
  BOOST_TEST(!start(secretless));
  auto network = fine;
  network.allowed = {"10.0.0.0/33"};
  BOOST_TEST(!start(network));
  BOOST_TEST(!rest_adapter::start(schema_model::built_in(), {fine, fine}));
}

BOOST_AUTO_TEST_CASE(the_guard_knows_the_special_ranges) {
  const auto guard = *address_guard::with_allowed({});
  for (const auto* blocked : {"127.0.0.1",
                              "10.1.2.3",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "0.0.0.0",
                              "224.0.0.1",
                              "255.255.255.255",
                              "::1",
                              "::",
                              "fe80::1",
                              "fc00::1",
                              "fd12::1",
                              "ff02::1",
                              "::ffff:10.0.0.1",
                              "64:ff9b::a00:1",
                              "2002:a00:1::",
                              "not an address",
                              ""})
    BOOST_TEST(!guard.permits(std::string_view(blocked)), blocked);
  for (const auto* open :
       {"8.8.8.8", "172.32.0.1", "192.169.0.1", "2606:4700::1111", "::ffff:8.8.8.8"})
    BOOST_TEST(guard.permits(std::string_view(open)), open);
  const auto inner = *address_guard::with_allowed({"10.1.0.0/16", "fd00::/8"});
  BOOST_TEST(inner.permits(std::string_view("10.1.255.1")));
  BOOST_TEST(!inner.permits(std::string_view("10.2.0.1")));
  BOOST_TEST(inner.permits(std::string_view("::ffff:10.1.0.1")));
  BOOST_TEST(inner.permits(std::string_view("fd00::5")));
}
