// layer: nodes
// The HTTP server against raw bytes: framing that proxies read differently, limits, deadlines,
// order, the clean stop.
#define BOOST_TEST_MODULE http_server
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "nodes/http/server.hpp"
#include "tests/raw_client.hpp"

using namespace millrace;
using tests::raw_client;
using tests::status_of;

namespace {

/// Echoes method, target and body; some paths do something else.
class echo final : public http::handler {
 public:
  void handle(std::shared_ptr<http::exchange> e) override {
    ++handled;
    const auto& target = e->request().target;
    if (target == "/drop") return;
    if (target == "/hold") {
      const std::lock_guard lock(mutex);
      held.push_back(std::move(e));
      arrived.notify_all();
      return;
    }
    if (target == "/thread") {
      others.emplace_back([e] { e->answer(text("threaded")); });
      return;
    }
    if (target == "/stream") {
      http::response head;
      head.set("Content-Type", "text/plain");
      const std::lock_guard lock(mutex);
      stream = e->open(std::move(head));
      stream->write("first\n");
      arrived.notify_all();
      return;
    }
    e->answer(text(e->request().method + ' ' + target + ' ' + e->request().body));
  }
  static http::response text(std::string body) {
    http::response r;
    r.set("Content-Type", "text/plain");
    r.body = std::move(body);
    return r;
  }
  ~echo() override {
    for (auto& t : others) t.join();
  }
  std::atomic<int> handled{0};
  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<std::shared_ptr<http::exchange>> held;
  std::shared_ptr<http::stream> stream;
  std::vector<std::thread> others;
};

struct running {
  explicit running(http::limits bounds = {}, std::size_t threads = 1) {
    http::server_options options;
    options.bounds = bounds;
    options.threads = threads;
    auto started = http::server::start(options, handler);
    BOOST_REQUIRE(started.has_value());
    server = std::move(*started);
  }
  ~running() { server->stop(); }
  std::shared_ptr<echo> handler = std::make_shared<echo>();
  std::unique_ptr<http::server> server;
  [[nodiscard]] std::uint16_t port() const { return server->port(); }
};

const std::string host = "Host: x\r\n";

/// Sends bytes, gives the status of the answer.
std::string said(const running& r, std::string_view bytes) {
  raw_client c(r.port());
  BOOST_REQUIRE(c.connected());
  c.send(bytes);
  return c.response();
}
int ask(const running& r, std::string_view bytes) { return status_of(said(r, bytes)); }
bool names(const std::string& answer, const std::string& code) {
  return answer.find("\"code\":\"" + code + '"') != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_request_is_answered_and_the_connection_kept) {
  running r;
  raw_client c(r.port());
  for (int i = 0; i < 3; ++i) {
    c.send("POST /a" + std::to_string(i) + " HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\nhi");
    const auto answer = c.response();
    BOOST_TEST(status_of(answer) == 200);
    BOOST_TEST(answer.find("POST /a" + std::to_string(i) + " hi") != std::string::npos);
    BOOST_TEST(answer.find("Connection: close") == std::string::npos);
    BOOST_TEST(answer.find("\r\nDate: ") != std::string::npos);
  }
  BOOST_TEST(r.server->figures().accepted == 1);
}

BOOST_AUTO_TEST_CASE(pipelined_requests_are_answered_in_order_one_after_the_other) {
  running r;
  raw_client c(r.port());
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += (i % 2 ? "GET /thread HTTP/1.1\r\n" : "GET /" + std::to_string(i) + " HTTP/1.1\r\n") +
           host + "\r\n";
  c.send(all);
  for (int i = 0; i < 50; ++i) {
    const auto answer = c.response();
    BOOST_TEST(answer.find(i % 2 ? "threaded" : "GET /" + std::to_string(i) + ' ') !=
               std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(bytes_may_arrive_one_by_one) {
  running r;
  raw_client c(r.port());
  for (const char b : "\r\nPOST /slow HTTP/1.1\r\n" + host +
                          "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    c.send({&b, 1});
  BOOST_TEST(c.response().find("POST /slow abc") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(framing_that_can_be_read_two_ways_is_refused) {
  running r;
  const auto post = "POST / HTTP/1.1\r\n" + host;
  BOOST_TEST(ask(r, post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") ==
             400);
  BOOST_TEST(ask(r, post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc") == 400);
  BOOST_TEST(ask(r, post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc") == 400);
  BOOST_TEST(ask(r, post + "Content-Length: 3, 3\r\n\r\nabc") == 400);
  BOOST_TEST(ask(r, post + "Content-Length: +3\r\n\r\nabc") == 400);
  BOOST_TEST(ask(r, post + "Content-Length: -1\r\n\r\n") == 400);
  BOOST_TEST(ask(r, post + "Content-Length: 99999999999999999999\r\n\r\n") == 400);
  BOOST_TEST(ask(r, post + "Content-Length : 3\r\n\r\nabc") == 400);
  BOOST_TEST(ask(r, post + "Transfer-Encoding: identity\r\n\r\n") == 400);
  BOOST_TEST(ask(r, post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n") == 400);
  BOOST_TEST(
      ask(r, post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") ==
      400);
  BOOST_TEST(ask(r, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
  BOOST_TEST(ask(r, "GET / HTTP/1.1\nHost: x\n\n") == 400);
  BOOST_TEST(ask(r, "GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n") == 400);
  BOOST_TEST(ask(r, "GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n") == 400);
  BOOST_TEST(ask(r, "GET / HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n") == 400);
  BOOST_TEST(ask(r, "GET / HTTP/1.1\r\n" + host + std::string("X: a\0b\r\n\r\n", 10)) == 400);
  BOOST_TEST(ask(r, "GET / HTTP/1.1\r\n\r\n") == 400);
  BOOST_TEST(ask(r, "GET / HTTP/1.1\r\n" + host + "Host: y\r\n\r\n") == 400);
  BOOST_TEST(ask(r, "GET / HTTP/2.0\r\n" + host + "\r\n") == 400);
  BOOST_TEST(ask(r, "GET  / HTTP/1.1\r\n" + host + "\r\n") == 400);
  BOOST_TEST(ask(r, "GET http://x/ HTTP/1.1\r\n" + host + "\r\n") == 400);
  BOOST_TEST(ask(r, "GET /\xc3\xa4 HTTP/1.1\r\n" + host + "\r\n") == 400);
  BOOST_TEST(ask(r, "garbage\r\n\r\n") == 400);
  BOOST_TEST(r.handler->handled.load() == 0);
}

BOOST_AUTO_TEST_CASE(what_follows_a_refused_request_is_never_read_as_a_request) {
  running r;
  raw_client c(r.port());
  c.send(
      "POST / HTTP/1.1\r\n" + host +
      "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n" +
      host + "\r\n");
  const auto all = c.rest();
  BOOST_TEST(status_of(all) == 400);
  BOOST_TEST(all.find("HTTP/1.1", 9) == std::string::npos);
  BOOST_TEST(all.find("Connection: close") != std::string::npos);
  BOOST_TEST(all.find("application/problem+json") != std::string::npos);
  BOOST_TEST(all.find("\"code\":\"request.malformed\"") != std::string::npos);
  BOOST_TEST(r.handler->handled.load() == 0);
}

BOOST_AUTO_TEST_CASE(chunks_are_checked) {
  running r;
  const auto post = "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n";
  BOOST_TEST(ask(r, post + "5\r\nhello\r\n0\r\n\r\n") == 200);
  BOOST_TEST(ask(r, post + "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n") >= 400);
  BOOST_TEST(ask(r, post + "zz\r\nhello\r\n0\r\n\r\n") == 400);
  BOOST_TEST(ask(r, post + "5\r\nhelloXX0\r\n\r\n") == 400);
  BOOST_TEST(ask(r, post + "5;" + std::string(40'000, 'x') + "\r\nhello\r\n0\r\n\r\n") == 400);
}

BOOST_AUTO_TEST_CASE(trailers_do_not_become_headers) {
  running r;
  raw_client c(r.port());
  c.send("POST /t HTTP/1.1\r\n" + host +
         "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nAuthorization: Bearer x\r\n\r\n");
  BOOST_TEST(status_of(c.response()) == 200);
}

BOOST_AUTO_TEST_CASE(sizes_are_bounded) {
  running r;
  BOOST_TEST(ask(r, "GET / HTTP/1.1\r\n" + host + "X: " + std::string(20'000, 'a') + "\r\n\r\n") ==
             431);
  BOOST_TEST(ask(r, "GET /" + std::string(20'000, 'a')) == 431);
  BOOST_TEST(names(said(r, "GET /" + std::string(20'000, 'a')), "request.header_too_large"));
  std::string many;
  for (int i = 0; i < 200; ++i) many += "X" + std::to_string(i) + ": y\r\n";
  BOOST_TEST(ask(r, "GET / HTTP/1.1\r\n" + host + many + "\r\n") == 431);
  BOOST_TEST(ask(r, "POST / HTTP/1.1\r\n" + host + "Content-Length: 1048577\r\n\r\n") == 413);
  BOOST_TEST(ask(r, "POST / HTTP/1.1\r\n" + host + "Content-Length: 1048576\r\n\r\n" +
                        std::string(1048576, 'a')) == 200);
}

BOOST_AUTO_TEST_CASE(a_ten_megabyte_body_gets_a_clean_413) {
  running r;
  const std::string body(10 * 1024 * 1024, 'a');
  {
    raw_client c(r.port());
    BOOST_TEST(c.send("POST / HTTP/1.1\r\n" + host +
                      "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body));
    const auto all = c.rest();
    BOOST_TEST(status_of(all) == 413);
    BOOST_TEST(all.find("request.too_large") != std::string::npos);
    BOOST_TEST(!c.reset());
  }
  raw_client c(r.port());
  BOOST_TEST(c.send("POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nA00000\r\n" +
                    body + "\r\n0\r\n\r\n"));
  BOOST_TEST(status_of(c.rest()) == 413);
  BOOST_TEST(!c.reset());
}

BOOST_AUTO_TEST_CASE(a_chunked_body_may_come_byte_by_byte) {
  running r;
  raw_client c(r.port());
  BOOST_TEST(c.send("POST /e HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n"));
  // found by fuzzing: Beast asserted on a last chunk in pieces
  for (const char byte : std::string("3\r\nabc\r\n0\r\n\r\n")) {
    BOOST_TEST(c.send(std::string_view(&byte, 1)));
    std::this_thread::yield();
  }
  BOOST_TEST(c.response().find("POST /e abc") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(expect_continue_is_answered_before_the_body) {
  running r;
  raw_client c(r.port());
  c.send("POST /e HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  BOOST_TEST(c.response() == "HTTP/1.1 100 Continue\r\n\r\n");
  c.send("ok");
  BOOST_TEST(c.response().find("POST /e ok") != std::string::npos);
  raw_client big(r.port());
  big.send("POST /e HTTP/1.1\r\n" + host +
           "Expect: 100-continue\r\nContent-Length: 20000000\r\n\r\n");
  BOOST_TEST(status_of(big.response()) == 413);
}

BOOST_AUTO_TEST_CASE(slow_clients_meet_deadlines) {
  http::limits bounds;
  bounds.header_ms_max = 200;
  bounds.body_ms_max = 200;
  bounds.idle_ms_max = 200;
  running r(bounds);
  BOOST_TEST(names(said(r, "GET / HT"), "request.timeout"));
  BOOST_TEST(ask(r, "POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nab") == 408);
  raw_client idle(r.port());
  BOOST_TEST(idle.rest().empty());
  BOOST_TEST(r.server->figures().timed_out == 2);
  // empty lines before a request are allowed, but they do not hold the connection
  raw_client blank(r.port());
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (blank.send("\r\n") && std::chrono::steady_clock::now() < patience)
    std::this_thread::yield();
  BOOST_TEST(!blank.send("\r\n"));
}

BOOST_AUTO_TEST_CASE(a_handler_that_never_answers_is_answered_for) {
  http::limits bounds;
  bounds.handling_ms_max = 200;
  running r(bounds);
  BOOST_TEST(ask(r, "GET /hold HTTP/1.1\r\n" + host + "\r\n") == 503);
  BOOST_TEST(ask(r, "GET /drop HTTP/1.1\r\n" + host + "\r\n") == 500);
  r.handler->held.clear();
}

BOOST_AUTO_TEST_CASE(connections_are_capped) {
  http::limits bounds;
  bounds.connections_max = 2;
  running r(bounds);
  raw_client one(r.port());
  raw_client two(r.port());
  one.send("GET / HTTP/1.1\r\n" + host + "\r\n");
  two.send("GET / HTTP/1.1\r\n" + host + "\r\n");
  BOOST_TEST(status_of(one.response()) == 200);
  BOOST_TEST(status_of(two.response()) == 200);
  raw_client three(r.port());
  const auto answer = three.rest();
  BOOST_TEST(status_of(answer) == 503);
  BOOST_TEST(answer.find("node.connections") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(head_has_a_length_and_no_body) {
  running r;
  raw_client c(r.port());
  c.send("HEAD /h HTTP/1.1\r\n" + host + "\r\nGET /next HTTP/1.1\r\n" + host + "\r\n");
  const auto head = c.response(false);
  BOOST_TEST(head.find("Content-Length: 8") != std::string::npos);
  BOOST_TEST(c.response().find("GET /next") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(connection_close_and_http_1_0_end_the_connection) {
  running r;
  raw_client c(r.port());
  c.send("GET / HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n");
  BOOST_TEST(c.rest().find("Connection: close") != std::string::npos);
  raw_client old(r.port());
  old.send("GET / HTTP/1.0\r\n\r\n");
  BOOST_TEST(status_of(old.rest()) == 200);
}

BOOST_AUTO_TEST_CASE(a_client_that_ends_its_side_still_gets_its_answer) {
  running r;
  raw_client c(r.port());
  c.send("GET /thread HTTP/1.1\r\n" + host + "\r\n");
  c.end_sending();
  BOOST_TEST(status_of(c.rest()) == 200);
}

BOOST_AUTO_TEST_CASE(streams_are_chunked_and_end_with_either_side) {
  running r;
  raw_client c(r.port());
  c.send("GET /stream HTTP/1.1\r\n" + host + "\r\n");
  const auto begin = c.until("first\n\r\n");
  BOOST_TEST(begin.find("Transfer-Encoding: chunked") != std::string::npos);
  BOOST_TEST(begin.find("6\r\nfirst\n\r\n") != std::string::npos);
  r.handler->stream->write("second\n");
  BOOST_TEST(!c.until("7\r\nsecond\n\r\n").empty());
  r.handler->stream->close();
  BOOST_TEST(c.rest().find("0\r\n\r\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_stream_whose_reader_does_not_read_is_bounded) {
  http::limits bounds;
  bounds.stream_bytes_max = 64 * 1024;
  running r(bounds);
  raw_client c(r.port());
  c.send("GET /stream HTTP/1.1\r\n" + host + "\r\n");
  BOOST_REQUIRE(!c.until("first").empty());
  const std::string piece(1024 * 1024, 'x');
  for (int i = 0; i < 200 && !r.handler->stream->closed(); ++i) r.handler->stream->write(piece);
  c.rest();
  BOOST_TEST(r.handler->stream->closed());
}

BOOST_AUTO_TEST_CASE(stop_lets_what_is_under_way_finish) {
  running r;
  raw_client idle(r.port());
  idle.send("GET / HTTP/1.1\r\n" + host + "\r\n");
  BOOST_TEST(status_of(idle.response()) == 200);
  raw_client busy(r.port());
  busy.send("GET /hold HTTP/1.1\r\n" + host + "\r\n");
  std::shared_ptr<http::exchange> e;
  {
    std::unique_lock lock(r.handler->mutex);
    r.handler->arrived.wait(lock, [&] { return !r.handler->held.empty(); });
    e = std::move(r.handler->held.front());
    r.handler->held.clear();
  }
  std::thread stopping([&] { r.server->stop(); });
  BOOST_TEST(idle.rest().empty());
  e->answer(echo::text("late but whole"));
  e.reset();
  const auto answer = busy.rest();
  BOOST_TEST(answer.find("late but whole") != std::string::npos);
  BOOST_TEST(answer.find("Connection: close") != std::string::npos);
  stopping.join();
  raw_client after(r.port());
  BOOST_TEST(!after.connected());
}

BOOST_AUTO_TEST_CASE(an_exchange_may_outlive_the_server) {
  http::limits bounds;
  bounds.stop_ms_max = 50;
  auto r = std::make_unique<running>(bounds);
  raw_client c(r->port());
  c.send("GET /hold HTTP/1.1\r\n" + host + "\r\n");
  std::shared_ptr<http::exchange> e;
  {
    std::unique_lock lock(r->handler->mutex);
    r->handler->arrived.wait(lock, [&] { return !r->handler->held.empty(); });
    e = std::move(r->handler->held.front());
    r->handler->held.clear();
  }
  r.reset();
  e->answer(echo::text("too late"));
  BOOST_TEST(c.rest().find("too late") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_address_in_use_is_refused) {
  running r;
  http::server_options options;
  options.port = r.port();
  const auto second = http::server::start(options, r.handler);
  BOOST_REQUIRE(!second.has_value());
  BOOST_TEST(second.error().code == "port.unavailable");
}
