// Starting, killing and asking the demo's processes.
#include "nodes/demo/world.hpp"

#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

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
  node_.kill();
  for (auto& [name, s] : systems_) s.runs.kill();
  std::error_code ignored;
  if (!directory_.empty() && !keep_) std::filesystem::remove_all(directory_, ignored);
}

result<void> world::begin() {
  std::string pattern = (std::filesystem::temp_directory_path() / "millrace-demo-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return not_started("no temporary directory");
  directory_ = pattern;
  for (const auto& s : settings_.systems) systems_[s.name];
  std::vector<std::string*> urls{&node_url_};
  for (auto& [name, s] : systems_) urls.push_back(&s.url);
  for (auto* url : urls) {
    const auto port = free_port();
    if (!port) return port.error();
    *url = "http://127.0.0.1:" + std::to_string(*port);
  }
  if (auto written = write_config(); !written) return written;
  for (const auto& s : settings_.systems)
    if (auto ok = start_system(s, systems_[s.name]); !ok) return ok;
  if (auto ok = start_node(); !ok) return ok;
  for (auto& [name, s] : systems_)
    if (auto ok = wait_ready(s.runs, name, s.url + "/healthz"); !ok) return ok;
  return wait_ready(node_, "node", node_url_ + "/readyz");
}

result<void> world::start_system(const scenario_system& s, running_system& at) {
  std::vector<std::string> arguments{
      "simulator", s.kind,     "--http",    port_of(at.url), "--platform",
      node_url_,   "--secret", demo_secret, "--seed",        std::to_string(settings_.seed)};
  if (s.plant != "*") arguments.insert(arguments.end(), {"--plant", s.plant});
  auto started = process::start(settings_.program, arguments, directory_ + '/' + s.name + ".log");
  if (!started) return std::move(started).error();
  at.runs = *std::move(started);
  return {};
}

result<void> world::write_config() const {
  std::string config =
      "# Written by `millrace demo`: each system is reached in its own dialect, by a mapping.\n";
  for (const auto& s : settings_.systems) {
    config += "\n[[endpoints]]\nplant = \"" + s.plant + "\"\nsystem = \"" + s.kind +
              "\"\nadapter = \"rest\"\nurl = \"" + systems_.at(s.name).url +
              "\"\nsecret_file = \"webhook.secret\"\n";
    if (s.mapping.empty()) continue;
    const auto mapping = simulator::built_in_mapping(s.mapping);
    if (mapping.empty()) return not_started("no built-in mapping '" + s.mapping + "'");
    config += "mapping = \"" + s.name + ".json\"\n";
    if (!write_file(directory_ + '/' + s.name + ".json", mapping, 0600))
      return not_started("cannot write to " + directory_);
  }
  if (!write_file(directory_ + "/webhook.secret", demo_secret, 0600) ||
      !write_file(directory_ + "/node.toml", config, 0600))
    return not_started("cannot write to " + directory_);
  return {};
}

result<void> world::start_node() {
  auto started = process::start(settings_.program,
                                {"node", "--dev", "--data", data(), "--http", port_of(node_url_),
                                 "--config", directory_ + "/node.toml"},
                                directory_ + "/node.log");
  if (!started) return std::move(started).error();
  node_ = *std::move(started);
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
                      const std::string& body, const std::string& key) {
  http_request request{
      method, node_url_ + path, {{"Authorization", "Bearer dev-" + system}}, body, 20'000};
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  if (!key.empty()) request.headers.emplace_back("Idempotency-Key", key);
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

void world::kill_node() { node_.kill(); }

result<double> world::restart_node() {
  const auto begun = std::chrono::steady_clock::now();
  if (auto started = start_node(); !started) return std::move(started).error();
  if (auto ready = wait_ready(node_, "node", node_url_ + "/readyz"); !ready)
    return std::move(ready).error();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun)
      .count();
}

int world::stop_node() { return node_.stop(stop_grace); }

int world::run(const std::vector<std::string>& arguments) {
  auto started = process::start(settings_.program, arguments, directory_ + "/run.log");
  return started ? started->wait(start_most).value_or(-1) : -1;
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
