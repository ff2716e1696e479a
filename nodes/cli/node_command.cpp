// `millrace node`: reads the settings, constructs in order, runs until a signal, stops in reverse.
// Signals are blocked in every thread and taken by sigtimedwait here, so a stop is ordinary code.
#include "nodes/cli/node_command.hpp"

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "actors/registry.hpp"
#include "cluster/node_engine.hpp"
#include "cluster/routed_engine.hpp"
#include "nodes/adapters/rest_adapter.hpp"
#include "nodes/adapters/staged_sink.hpp"
#include "nodes/cli/exit_codes.hpp"
#include "nodes/client_port.hpp"
#include "nodes/config.hpp"
#include "nodes/gateway/correlation.hpp"
#include "nodes/gateway/gateway.hpp"
#include "nodes/http/server.hpp"
#include "nodes/log.hpp"
#include "nodes/slas/sla_reader.hpp"

namespace millrace::cli {
namespace {

/// What the command line says; it wins over the file.
struct flags {
  std::string config, data, http, client, log_level, log_format;
  std::vector<std::string> endpoints;
  bool dev = false;
};

result<node_config> settings_of(const flags& f) {
  node_config c;
  if (!f.config.empty()) {
    auto loaded = load_config(f.config);
    if (!loaded) return loaded.error();
    c = std::move(*loaded);
  }
  if (!f.data.empty()) c.data = f.data;
  if (!f.client.empty()) c.client = f.client;
  if (!f.log_level.empty()) c.log_level = f.log_level;
  if (!f.log_format.empty()) c.log_format = f.log_format;
  c.dev = f.dev;
  if (!f.http.empty()) {
    const auto where = parse_host_port(f.http);
    if (!where) return where.error();
    std::tie(c.http_host, c.http_port) = *where;
  }
  for (const auto& text : f.endpoints) {
    auto e = parse_endpoint(text);
    if (!e) return e.error();
    c.endpoints.push_back(std::move(*e));
  }
  if (c.dev)
    for (auto& t : dev_tokens()) c.tokens.push_back(std::move(t));
  c.gateway.threads = c.http_threads;
  if (const auto sound = check_config(c); !sound) return sound.error();
  return c;
}

result<std::vector<rest_endpoint>> rest_endpoints(const node_config& c) {
  std::vector<rest_endpoint> out;
  for (const auto& e : c.endpoints) {
    rest_endpoint r;
    r.plant = e.plant;
    r.system = e.system;
    r.url = e.url;
    r.secrets = e.secrets;
    r.headers = e.headers;
    r.allowed = e.allowed;
    r.ca_file = e.ca_file;
    if (!e.mapping.empty()) {
      auto map = mapping::load_file(e.mapping);
      if (!map)
        return error{"config.invalid", e.mapping + ": " + map.error().detail, map.error().findings};
      r.map = std::move(*map);
    }
    out.push_back(std::move(r));
  }
  return out;
}

node_options engine_options(const node_config& c) {
  node_options o;
  o.data = c.data;
  o.rules.insert(c.rules.begin(), c.rules.end());
  for (const auto& e : c.endpoints) o.endpoints.push_back({e.plant, e.system});
  o.resident_bytes_max = c.resident_bytes_max;
  o.host.retain_us = std::int64_t{c.journal_days} * 86'400 * 1'000'000;
  o.host.retain_bytes = c.journal_bytes;
  o.host.window.ids_max = c.window_ids;
  o.journal.map_bytes = c.journal_map_bytes;
  o.state.map_bytes = c.state_map_bytes;
  o.workers = c.engine_threads;
  if (!c.cluster.given) return o;
  o.cluster = c.cluster.name;
  o.node = "node-" + std::to_string(c.cluster.node);
  cluster_options among;
  among.self = c.cluster.node;
  among.region = c.cluster.region;
  among.key = *curve_key_of(c.cluster.secret_key);  // check_config has seen it
  among.consensus = c.cluster.consensus;
  among.bulk = c.cluster.bulk;
  for (const auto& p : c.cluster.peers)
    among.peers.push_back({p.node, p.public_keys, p.consensus, p.bulk});
  o.peers = std::move(among);
  return o;
}

routed_options cluster_settings(const node_config& c) {
  routed_options o;
  o.founders = c.cluster.founders;
  o.model = &schema_model::built_in();
  o.new_key = gateway::make_correlation;
  placed_node self;
  self.node = c.cluster.node;
  self.region = c.cluster.region;
  self.consensus = c.cluster.consensus;
  self.bulk = c.cluster.bulk;
  self.public_key = curve_key_of(c.cluster.secret_key)->public_key;
  o.nodes.push_back(std::move(self));
  for (const auto& p : c.cluster.peers) {
    placed_node n;
    n.node = p.node;
    n.region = p.region;
    n.consensus = p.consensus;
    n.bulk = p.bulk;
    n.public_key = p.public_keys.front();
    o.nodes.push_back(std::move(n));
  }
  return o;
}

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

/// Waits for a signal; calls `tick` about once a second meanwhile.
int wait_for_signal(const std::function<void()>& tick) {
  const auto set = stop_signals();
  while (true) {
    const timespec second{1, 0};
    const int received = sigtimedwait(&set, nullptr, &second);
    if (received > 0) return received;
    tick();
  }
}

/// The running parts, in the order of their construction.
struct parts {
  kind_registry kinds;
  std::unique_ptr<rest_adapter> adapter;
  std::unique_ptr<staged_sink> staged;  // before it: what a plant in shadow files is not sent
  std::unique_ptr<node_engine> engine;
  std::unique_ptr<routed_engine> routed;  // around it in a cluster
  std::atomic<routed_engine*> routed_now{nullptr};
  [[nodiscard]] engine_api& api() {
    return routed ? static_cast<engine_api&>(*routed) : static_cast<engine_api&>(*engine);
  }
  std::unique_ptr<gateway::authenticator> port_auth;
  std::shared_ptr<gateway::gateway> gate;
  std::unique_ptr<client_port> port;
  std::unique_ptr<http::server> server;
};

result<void> start_engine(const node_config& c, parts& p) {
  actors::register_kinds(p.kinds);
  auto endpoints = rest_endpoints(c);
  if (!endpoints) return endpoints.error();
  rest_options adapter_options;
  adapter_options.allow_loopback = c.dev;
  auto adapter =
      rest_adapter::start(schema_model::built_in(), std::move(*endpoints), adapter_options);
  if (!adapter) return adapter.error();
  p.adapter = std::move(*adapter);
  p.staged = std::make_unique<staged_sink>(*p.adapter, [raw = p.adapter.get()](const attempt& a) {
    const auto made = raw->preview(a);
    return made ? result<void>() : result<void>(made.error());
  });
  auto options = engine_options(c);
  if (options.peers)
    options.peers->members = [&p](std::string_view plant) {
      const auto* routed = p.routed_now.load();
      return routed != nullptr ? routed->voters(plant) : std::vector<node_number>();
    };
  auto engine = node_engine::start(std::move(options), p.kinds, p.staged.get());
  if (!engine) return engine.error();
  p.engine = std::move(*engine);
  p.staged->attach(*p.engine);
  if (c.cluster.given) p.routed = std::make_unique<routed_engine>(*p.engine, cluster_settings(c));
  p.routed_now = p.routed.get();
  return {};
}

result<void> start_ports(const node_config& c, parts& p) {
  p.port_auth = std::make_unique<gateway::authenticator>(c.tokens);
  p.gate = std::make_shared<gateway::gateway>(p.api(), schema_model::built_in(),
                                              gateway::authenticator(c.tokens), c.gateway);
  p.gate->set_cluster(p.routed.get());
  p.gate->set_journals(p.engine.get());
  p.gate->set_service_levels(std::make_shared<slas::reader>(
      p.api(), schema_model::built_in(), std::filesystem::path(c.data) / "service-levels"));
  p.gate->set_preview([raw = p.adapter.get()](const attempt& a) { return raw->preview(a); });
  if (!c.client.empty()) {
    client_port_options o;
    o.address = c.client;
    o.secret_key = c.client_secret_key;
    o.clients = c.curve_clients;
    o.in_flight_max = c.client_in_flight_max;
    o.frame_bytes_max = c.client_frame_bytes_max;
    o.queue_max = c.client_queue_max;
    o.deadline_ms_max = c.gateway.deadline_ms_max;
    auto port = client_port::start(std::move(o), p.api(), schema_model::built_in(), *p.port_auth,
                                   p.gate->counters());
    if (!port) return port.error();
    p.port = std::move(*port);
    spdlog::info("client port on {}", p.port->address());
  }
  http::server_options o;
  o.host = c.http_host;
  o.port = c.http_port;
  o.threads = c.http_threads;
  o.bounds = c.http;
  auto server = http::server::start(std::move(o), p.gate);
  if (!server) return server.error();
  p.server = std::move(*server);
  p.gate->set_server_figures([raw = p.server.get()] { return raw->figures(); });
  spdlog::info("http on http://{}:{}", c.http_host, p.server->port());
  return {};
}

/// In reverse: nothing new, then what is under way, then the last checkpoint.
void stop(parts& p) {
  if (p.gate) p.gate->begin_stop();
  if (p.server) p.server->stop();
  if (p.port) p.port->stop();
  if (p.routed) p.routed->stop();
  if (p.engine) p.engine->stop();
  if (p.adapter) p.adapter->stop();
  p.port.reset();
  p.engine.reset();  // its last continuations still name the gateway and the router
  p.routed.reset();
  p.server.reset();
  p.gate.reset();
  p.staged.reset();
  p.adapter.reset();
}

int run(const flags& f) {
  const auto c = settings_of(f);
  if (!c) {
    std::fprintf(stderr, "millrace node: %s\n", c.error().detail.c_str());
    for (const auto& x : c.error().findings)
      std::fprintf(stderr, "  %s: %s\n", x.pointer.c_str(), x.detail.c_str());
    return exit_usage;
  }
  const auto set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  start_log(c->log_level, c->log_format);
  if (c->dev)
    spdlog::warn("development mode: the tokens dev-erp, dev-mes, … are known to everybody");
  parts p;
  auto started = start_engine(*c, p);
  if (started) started = start_ports(*c, p);
  if (!started) {
    spdlog::error("{}: {}", started.error().code, started.error().detail);
    for (const auto& x : started.error().findings) spdlog::error("  {}: {}", x.pointer, x.detail);
    const bool usage = started.error().code == "config.invalid";
    stop(p);
    return usage ? exit_usage : exit_unavailable;
  }
  bool told = false;
  const int received = wait_for_signal([&] {
    p.gate->tick();
    if (!told && p.api().ready()) spdlog::info("ready");
    told = told || p.api().ready();
  });
  spdlog::info("stopping on {}", received == SIGTERM ? "SIGTERM" : "SIGINT");
  stop(p);
  spdlog::info("stopped");
  spdlog::shutdown();
  return exit_fine;
}

}  // namespace

void add_node_command(CLI::App& app, int& exit_code) {
  auto f = std::make_shared<flags>();
  auto* command = app.add_subcommand("node", "Run one node until SIGTERM");
  command->add_option("--config", f->config, "TOML file, every key explained in config/node.toml");
  command->add_option("--data", f->data, "directory of journal and state");
  command->add_option("--http", f->http, "HOST:PORT of the HTTP API");
  command->add_option("--client", f->client, "tcp://HOST:PORT of the ZeroMQ client port");
  command
      ->add_option("--endpoint", f->endpoints,
                   "SYSTEM=URL or PLANT/SYSTEM=URL of an outer system; repeatable")
      ->take_all();
  command->add_flag("--dev", f->dev, "development: built-in tokens, loopback only");
  command->add_option("--log-level", f->log_level, "trace, debug, info, warn or error")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
  command->add_option("--log-format", f->log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  command->callback([f, &exit_code] { exit_code = run(*f); });
}

}  // namespace millrace::cli
