// Starting, killing and asking the demo's processes.
#include "nodes/demo/world.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cluster/local_port.hpp"
#include "nodes/simulators/built_in_mapping.hpp"

namespace millrace::demo {
namespace {

constexpr auto start_most = std::chrono::seconds(30);
constexpr auto stop_grace = std::chrono::seconds(10);
constexpr std::size_t log_end_bytes = 2'000;
// The demo's endpoints are signed like real ones; the key is no secret.
constexpr const char* demo_secret = "whsec_bWlsbHJhY2UtZGVtby1zaWduaW5nLWtleS0wMDAx";

error not_started(std::string detail) { return {"demo.not_started", std::move(detail)}; }

bool write_file(const std::string& path, std::string_view text, mode_t mode) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  return out.good() && ::chmod(path.c_str(), mode) == 0;
}

std::string port_of(const std::string& url) { return url.substr(std::string("http://").size()); }

}  // namespace

std::string reply::in_short() const {
  if (status == 0) return failure;
  std::string out = std::to_string(status);
  if (body.has("code")) out += ' ' + body.text("code");
  if (body.has("detail"))
    out += ": " + body.text("detail");
  else if (body.has("error"))
    out += ": " + body.text("error");
  else if (status >= 300 || body.has("platform"))
    out += ' ' + body.dump().substr(0, 600);
  return out;
}

result<std::unique_ptr<world>> world::open(settings s) {
  auto out = std::unique_ptr<world>(new world(std::move(s)));
  if (auto begun = out->begin(); !begun) return std::move(begun).error();
  return out;
}

world::~world() {
  for (auto& n : nodes_) n.runs.kill();
  for (auto& [name, s] : systems_) s.runs.kill();
  std::error_code ignored;
  if (!directory_.empty() && !keep_) std::filesystem::remove_all(directory_, ignored);
}

result<void> world::begin() {
  std::string pattern = (std::filesystem::temp_directory_path() / "millrace-demo-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return not_started("no temporary directory");
  directory_ = pattern;
  if (auto chosen = choose_ports(); !chosen) return chosen;
  if (auto written = write_config(); !written) return written;
  for (const auto& s : settings_.systems)
    if (auto ok = start_system(s, systems_[s.name]); !ok) return ok;
  for (auto& n : nodes_)
    if (auto ok = start_node(n); !ok) return ok;
  for (auto& [name, s] : systems_)
    if (auto ok = wait_ready(s.runs, name, s.url + "/healthz"); !ok) return ok;
  for (auto& n : nodes_)
    if (auto ok = wait_ready(n.runs, "node", n.url + "/readyz"); !ok) return ok;
  return {};
}

result<void> world::choose_ports() {
  nodes_.resize(settings_.nodes);
  for (const auto& s : settings_.systems) systems_[s.name];
  std::vector<std::string*> urls;
  for (auto& n : nodes_) urls.push_back(&n.url);
  for (auto& [name, s] : systems_) urls.push_back(&s.url);
  for (auto* url : urls) {
    const auto port = free_port();
    if (!port) return port.error();
    *url = "http://127.0.0.1:" + std::to_string(*port);
  }
  return {};
}

result<void> world::start_system(const scenario_system& s, running_system& at) {
  std::vector<std::string> arguments{
      "simulator", s.kind,     "--http",    port_of(at.url), "--platform",
      node_url(),  "--secret", demo_secret, "--seed",        std::to_string(settings_.seed)};
  if (s.plant != "*") arguments.insert(arguments.end(), {"--plant", s.plant});
  auto started = process::start(settings_.program, arguments, directory_ + '/' + s.name + ".log");
  if (!started) return std::move(started).error();
  at.runs = *std::move(started);
  return {};
}

/// Each system is reached in its own dialect, by a mapping.
result<std::string> world::write_endpoints() const {
  std::string config;
  for (const auto& s : settings_.systems) {
    config += "\n[[endpoints]]\nplant = \"" + s.plant + "\"\nsystem = \"" + s.system +
              "\"\nadapter = \"rest\"\nurl = \"" + systems_.at(s.name).url +
              "\"\nsecret_file = \"" + directory_ + "/webhook.secret\"\n";
    if (s.mapping.empty()) continue;
    const auto mapping = simulator::built_in_mapping(s.mapping);
    if (mapping.empty()) return not_started("no built-in mapping '" + s.mapping + "'");
    const auto file = directory_ + '/' + s.name + ".json";
    config += "mapping = \"" + file + "\"\n";
    if (!write_file(file, mapping, 0600)) return not_started("cannot write to " + directory_);
  }
  if (!write_file(directory_ + "/webhook.secret", demo_secret, 0600))
    return not_started("cannot write to " + directory_);
  return config;
}

result<void> world::write_config() {
  auto endpoints = write_endpoints();
  if (!endpoints) return std::move(endpoints).error();
  if (nodes_.size() == 1) {
    auto& n = nodes_.front();
    n.config = directory_ + "/node.toml";
    n.data = directory_ + "/data";
    if (!write_file(n.config, "# Written by `millrace demo`.\n" + *endpoints, 0600))
      return not_started("cannot write to " + directory_);
    return {};
  }
  auto ports = free_dev_ports(nodes_.size());
  if (!ports) return ports.error();
  const auto made = write_dev_cluster(directory_, *ports, *endpoints);
  if (!made) return made.error();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].config = (*made)[i].config;
    nodes_[i].data = (*made)[i].directory + "/data";
  }
  return {};
}

result<void> world::start_node(running_node& n) {
  auto started = process::start(
      settings_.program,
      {"node", "--dev", "--data", n.data, "--http", port_of(n.url), "--config", n.config},
      directory_ + "/node.log");
  if (!started) return std::move(started).error();
  n.runs = *std::move(started);
  return {};
}

result<void> world::wait_ready(process& p, const std::string& name, const std::string& url) {
  const auto end = std::chrono::steady_clock::now() + start_most;
  while (std::chrono::steady_clock::now() < end) {
    const auto answer = client_.send({"GET", url, {}, {}, 1'000});
    if (answer && answer->status == 200) return {};
    if (!p.running()) return not_started(name + " has ended:\n" + log_end(name));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return not_started(name + " is not ready:\n" + log_end(name));
}

reply world::platform(const std::string& method, const std::string& path, const std::string& system,
                      const std::string& body, const std::string& key, const std::string& person) {
  http_request request{
      method, node_url() + path, {{"Authorization", "Bearer dev-" + system}}, body, 20'000};
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  if (!key.empty()) request.headers.emplace_back("Idempotency-Key", key);
  if (!person.empty()) request.headers.emplace_back("On-Behalf-Of", person);
  const auto answer = client_.send(request);
  if (!answer) return {0, {}, 0, answer.error().detail};
  auto parsed = json_value::parse(answer->body);
  return {answer->status, parsed ? *std::move(parsed) : json_value(), answer->seconds * 1000, {}};
}

reply world::simulator(const std::string& name, const std::string& method, const std::string& path,
                       const std::string& body) {
  const auto answer = client_.send(
      {method, simulator_url(name) + path, {{"Content-Type", "application/json"}}, body, 60'000});
  if (!answer) return {0, {}, 0, answer.error().detail};
  auto parsed = json_value::parse(answer->body);
  return {answer->status, parsed ? *std::move(parsed) : json_value(), answer->seconds * 1000, {}};
}

std::string world::kill_node() {
  dead_ = 0;
  if (nodes_.size() > 1) {
    const auto cluster = get("/v1/cluster").body;
    if (const auto* plants = cluster.find("plants"))
      for (const auto& p : plants->items())
        if (p.text("plant").front() != '_' && p.has("leader"))
          dead_ = static_cast<std::size_t>(p.find("leader")->integer()) - 1;
  }
  nodes_[dead_].runs.kill();
  if (nodes_.size() == 1) return "kill -9";
  if (at_ == dead_) at_ = (dead_ + 1) % nodes_.size();
  return "kill -9 of node " + std::to_string(dead_ + 1) +
         ", which leads; the story goes on at node " + std::to_string(at_ + 1);
}

result<double> world::restart_node() {
  const auto begun = std::chrono::steady_clock::now();
  auto& n = nodes_[dead_];
  if (auto started = start_node(n); !started) return std::move(started).error();
  if (auto ready = wait_ready(n.runs, "node", n.url + "/readyz"); !ready)
    return std::move(ready).error();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun)
      .count();
}

void world::kill_all() {
  for (auto& n : nodes_) n.runs.signal(SIGSTOP);  // none sees another one go
  for (auto& n : nodes_) n.runs.kill();
}

result<void> world::restart_all() {
  for (auto& n : nodes_)
    if (auto started = start_node(n); !started) return started;
  for (auto& n : nodes_)
    if (auto ready = wait_ready(n.runs, "node", n.url + "/readyz"); !ready) return ready;
  return {};
}

int world::stop_node() {
  for (const auto& n : nodes_) n.runs.signal(SIGTERM);
  int worst = 0;
  for (auto& n : nodes_) worst = std::max(worst, n.runs.stop(stop_grace));
  return worst;
}

bool world::node_runs() {
  return std::all_of(nodes_.begin(), nodes_.end(), [](auto& n) { return n.runs.running(); });
}

std::vector<std::string> world::node_urls() const {
  std::vector<std::string> out;
  for (const auto& n : nodes_) out.push_back(n.url);
  return out;
}

std::vector<std::string> world::data() const {
  std::vector<std::string> out;
  for (const auto& n : nodes_) out.push_back(n.data);
  return out;
}

int world::run(const std::vector<std::string>& arguments) {
  auto started = process::start(settings_.program, arguments, directory_ + "/run.log");
  return started ? started->wait(start_most).value_or(-1) : -1;
}

world::program_end world::run_and_read(const std::vector<std::string>& arguments) {
  std::error_code ignored;
  std::filesystem::remove(directory_ + "/run.log", ignored);
  const auto code = run(arguments);
  return {code, log_end("run")};
}

void world::write_line(const std::string& file, const std::string& line) const {
  std::ofstream(directory_ + '/' + file, std::ios::binary | std::ios::app) << line << '\n';
}

std::string world::file_or_word(const std::string& word) const {
  const auto path = directory_ + '/' + word;
  return !word.empty() && word.find('/') == std::string::npos &&
                 std::filesystem::is_regular_file(path)
             ? path
             : word;
}

std::string world::simulator_url(const std::string& name) const {
  const auto found = systems_.find(name);
  return found == systems_.end() ? std::string() : found->second.url;
}

std::string world::log_end(const std::string& name) const {
  std::ifstream in(directory_ + '/' + name + ".log", std::ios::binary | std::ios::ate);
  if (!in) return {};
  const auto size = static_cast<std::size_t>(in.tellg());
  const auto wanted = std::min(size, log_end_bytes);
  std::string out(wanted, '\0');
  in.seekg(static_cast<std::streamoff>(size - wanted));
  in.read(out.data(), static_cast<std::streamsize>(wanted));
  return out;
}

}  // namespace millrace::demo
