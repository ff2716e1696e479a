// The built program as a node under test, and one plant with what the exchange needs: for
// end-to-end tests. One node for a whole test program; a plant of its own keeps each case apart.
#pragma once

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "cluster/local_port.hpp"
#include "nodes/client/http_client.hpp"
#include "nodes/demo/process.hpp"
#include "nodes/json/json_value.hpp"

namespace millrace::tests {

inline constexpr auto patience = std::chrono::seconds(20);

struct answer {
  long status = 0;
  json_value body;
  std::string text, etag;
  bool replayed = false;
  [[nodiscard]] std::string at(std::string_view pointer) const {
    const auto* found = body.at(pointer);
    return found != nullptr ? found->text() : "(nothing)";
  }
};

/// The node under test with its data.
class node {
 public:
  /// Arguments besides the usual ones; set before the first use of the node.
  static std::vector<std::string>& arguments() {
    static std::vector<std::string> extra;
    return extra;
  }
  static node& the() {
    static node only;
    return only;
  }
  ~node() {
    process_.kill();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  void kill() { process_.kill(); }
  int stop() { return process_.stop(std::chrono::seconds(15)); }
  void start() {
    std::vector<std::string> all{
        "node", "--dev", "--data", directory_ + "/data", "--http", "127.0.0.1:" + port_};
    all.insert(all.end(), arguments().begin(), arguments().end());
    auto started = process::start(MILLRACE_PROGRAM, all, directory_ + "/node.log");
    BOOST_REQUIRE(started);
    process_ = *std::move(started);
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
      if (send("GET", "/readyz", "ops").status == 200) return;
      BOOST_REQUIRE_MESSAGE(!process_.wait(std::chrono::milliseconds(5)), log());
    }
    BOOST_REQUIRE_MESSAGE(false, "not ready: " << log());
  }
  answer send(const std::string& method, const std::string& path, const std::string& system,
              const std::string& body = {}, const std::string& key = {},
              const std::string& type = "application/json", const std::string& person = {}) {
    http_request request{method, "http://127.0.0.1:" + port_ + path, {}, body, 20'000};
    if (!system.empty()) request.headers.emplace_back("Authorization", "Bearer dev-" + system);
    if (method == "POST") request.headers.emplace_back("Content-Type", type);
    if (!person.empty()) request.headers.emplace_back("On-Behalf-Of", person);
    if (!key.empty()) request.headers.emplace_back("Idempotency-Key", key);
    const auto got = client_.send(request);
    if (!got) return {0, {}, got.error().detail, {}, false};
    auto parsed = json_value::parse(got->body, 64);
    return {got->status, parsed ? *parsed : json_value(), got->body, got->header("etag"),
            got->header("idempotent-replayed") == "true"};
  }
  std::string log() const {
    std::ifstream in(directory_ + "/node.log");
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  [[nodiscard]] std::string data() const { return directory_ + "/data"; }
  [[nodiscard]] const std::string& port() const { return port_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + port_; }

 private:
  node() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "millrace-exchange-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    const auto port = free_port();
    BOOST_REQUIRE(port);
    port_ = std::to_string(*port);
    start();
  }
  std::string directory_, port_;
  process process_;
  http_client client_;
};

/// One plant with what the exchange needs.
struct plant {
  explicit plant(std::string name_) : name(std::move(name_)), base("/v1/plants/" + name) {}
  answer post(const std::string& path, const std::string& system, const std::string& body,
              const std::string& key = {}) {
    return node::the().send("POST", base + path, system, body, key);
  }
  answer get(const std::string& path) { return node::the().send("GET", base + path, "ops"); }
  /// A command that must be accepted.
  answer must(const std::string& path, const std::string& system, const std::string& body) {
    auto out = post(path, system, body);
    BOOST_TEST(out.status == 200, path << ' ' << body << " -> " << out.text);
    return out;
  }
  void eventually(const std::string& what, const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + patience;
    bool held = false;
    while (!(held = holds()) && std::chrono::steady_clock::now() < end) {
    }
    BOOST_TEST(held, what);
  }
  void set_up() {
    must("/commission", "ops", R"({"region":"eu","time_zone":"Europe/Berlin"})");
    must("/materials/HOUSING/define", "erp", R"({"revision":"A","base_unit":"EA"})");
    must(
        "/materials/PUMP-100/define", "erp",
        R"({"revision":"A","base_unit":"EA","routing":[{"operation":"0010","work_center":"WC-1","description":"Assemble"},{"operation":"0020","work_center":"WC-2","description":"Test"}],"components":[{"material":"HOUSING","quantity":"1","unit":"EA","operation":"0010"}]})");
    must(
        "/materials/PUMP-100/set-inspection-plan", "qms",
        R"({"plan":"IP-7","revision":"1","characteristics":[{"name":"pressure","lower":"9.5","upper":"10.5","unit":"BAR"}]})");
    must(
        "/batches/HSG-0001/receive", "erp",
        R"({"material":"HOUSING","quantity":"100","unit":"EA","supplier":"ACME","supplier_lot":"L-17"})");
  }
  void release_order(const std::string& order) {
    must(
        "/orders/" + order + "/create", "erp",
        R"({"material":"PUMP-100","revision":"A","quantity":"10","unit":"EA","due":"2026-12-01T00:00:00Z"})");
    must("/orders/" + order + "/request-release", "erp", "{}");
    eventually("order " + order + " is released",
               [&] { return get("/orders/" + order).at("/state/life") == "released"; });
  }
  std::size_t exceptions() {
    const auto list = node::the().send("GET", "/v1/exceptions?plant=" + name, "ops");
    return list.body.find("items") != nullptr ? list.body.find("items")->items().size() : 999;
  }
  std::string name, base;
};

}  // namespace millrace::tests
