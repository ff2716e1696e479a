// A cluster of three nodes as processes on this machine, driven over HTTP. Shared by the tests that
// stop, kill and wipe nodes.
#pragma once

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "nodes/client/http_client.hpp"
#include "nodes/demo/dev_cluster.hpp"
#include "nodes/demo/process.hpp"
#include "nodes/json/json_value.hpp"

namespace millrace::test {

using steady = std::chrono::steady_clock;
inline constexpr auto patience = std::chrono::seconds(60);
inline constexpr std::size_t nodes = 3;

struct answer {
  long status = 0;
  json_value body;
  std::string text;
  [[nodiscard]] std::string at(std::string_view pointer) const {
    const auto* found = body.at(pointer);
    return found != nullptr ? found->text() : "(nothing)";
  }
};

class cluster {
 public:
  /// `settings` is put behind each node's configuration.
  explicit cluster(const std::string& settings = {}) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "millrace-cluster-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    const auto ports = free_dev_ports(nodes);
    BOOST_REQUIRE(ports);
    auto made = write_dev_cluster(directory_, *ports);
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().detail));
    members_ = std::move(*made);
    for (const auto& m : members_) std::ofstream(m.config, std::ios::app) << settings;
    running_.resize(nodes);
    for (std::size_t n = 1; n <= nodes; ++n) start(n);
    for (std::size_t n = 1; n <= nodes; ++n) wait_ready(n);
  }
  ~cluster() {
    for (auto& p : running_) p.kill();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  void start(std::size_t n) {
    auto started =
        process::start(MILLRACE_PROGRAM, {"node", "--dev", "--config", at(n).config}, log_of(n));
    BOOST_REQUIRE(started);
    running_[n - 1] = *std::move(started);
  }
  void wait_ready(std::size_t n) {
    eventually("node " + std::to_string(n) + " is ready", [&] {
      BOOST_REQUIRE_MESSAGE(running_[n - 1].running(), log(n));
      return send(n, "GET", "/readyz").status == 200;
    });
  }
  /// All that the stopped node has stored is gone.
  void wipe(std::size_t n) { std::filesystem::remove_all(at(n).directory + "/data"); }
  void kill(std::size_t n) { running_[n - 1].kill(); }
  int stop(std::size_t n) { return running_[n - 1].stop(std::chrono::seconds(20)); }

  [[nodiscard]] answer send(std::size_t n, const std::string& method, const std::string& path,
                            const std::string& system = "ops", const std::string& body = {},
                            const std::string& key = {}) const {
    http_client client;
    return send(client, n, method, path, system, body, key);
  }
  [[nodiscard]] answer send(http_client& client, std::size_t n, const std::string& method,
                            const std::string& path, const std::string& system,
                            const std::string& body, const std::string& key,
                            long timeout_ms = 20'000) const {
    http_request request{method,
                         "http://127.0.0.1:" + std::to_string(at(n).ports.http) + path,
                         {{"Authorization", "Bearer dev-" + system}},
                         body,
                         timeout_ms};
    if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    if (!key.empty()) request.headers.emplace_back("Idempotency-Key", key);
    const auto got = client.send(request);
    if (!got) return {0, {}, got.error().detail};
    auto parsed = json_value::parse(got->body, 64);
    return {got->status, parsed ? *parsed : json_value(), got->body};
  }
  answer must(std::size_t n, const std::string& path, const std::string& system,
              const std::string& body) {
    auto out = send(n, "POST", path, system, body);
    BOOST_REQUIRE_MESSAGE(out.status == 200, "node " << n << ' ' << path << " -> " << out.status
                                                     << ' ' << out.text << '\n'
                                                     << log(n));
    return out;
  }
  /// What node `n` says of a plant, null when it does not name it.
  [[nodiscard]] json_value plant(std::size_t n, const std::string& name) const {
    const auto view = send(n, "GET", "/v1/cluster");
    if (const auto* plants = view.body.find("plants"))
      for (const auto& p : plants->items())
        if (p.text("plant") == name) return p;
    return {};
  }
  void eventually(const std::string& what, const std::function<bool()>& holds) const {
    const auto end = steady::now() + patience;
    bool held = false;
    while (!(held = holds()) && steady::now() < end) std::this_thread::yield();
    if (held) return;
    std::string logs;
    for (std::size_t n = 1; n <= nodes; ++n)
      logs += "--- node " + std::to_string(n) + '\n' + log(n);
    BOOST_REQUIRE_MESSAGE(held, what << '\n' << logs);
  }
  [[nodiscard]] std::string log(std::size_t n) const {
    std::ifstream in(log_of(n));
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

 private:
  [[nodiscard]] const dev_node& at(std::size_t n) const { return members_[n - 1]; }
  [[nodiscard]] std::string log_of(std::size_t n) const { return at(n).directory + "/node.log"; }
  std::string directory_;
  std::vector<dev_node> members_;
  std::vector<process> running_;
};

inline constexpr const char* lot = "/v1/plants/hamburg/batches/HSG-0001";

inline std::string adjustment(const std::string& document) {
  return R"({"quantity":"1","unit":"EA","reason":"count","document":")" + document + "\"}";
}

}  // namespace millrace::test
