// The node's configuration from TOML.
// Secrets are never in the file itself: tokens come as SHA-256, keys and webhook secrets from files
// that only we may read.
#include "nodes/config.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "nodes/config_parts.hpp"
#include "nodes/config_reader.hpp"
#include "nodes/gateway/path.hpp"
#include "schemas/text.hpp"

namespace millrace {
namespace {

error invalid(std::string detail) { return {"config.invalid", std::move(detail)}; }

system_set read_systems(table_reader& r, std::string_view key) {
  std::vector<std::string> names;
  r.texts(key, names);
  system_set out = 0;
  for (const auto& name : names) {
    const auto number = system_number(name);
    if (number && *number != 0)
      out = static_cast<system_set>(out | (1u << *number));
    else
      r.find(key, "no system '" + name + "'");
  }
  if (out == 0) r.find(key, "at least one system is needed");
  return out;
}

void read_node(table_reader& r, node_config& c, const std::string& directory) {
  r.text("data", c.data);
  c.data = rooted(directory, c.data);
  r.text("log_level", c.log_level);
  r.text("log_format", c.log_format);
  if (c.log_format != "text" && c.log_format != "json")
    r.find("log_format", "must be text or json");
  constexpr std::array levels{"trace", "debug", "info", "warn", "error"};
  if (std::find(levels.begin(), levels.end(), c.log_level) == levels.end())
    r.find("log_level", "must be trace, debug, info, warn or error");
}

void read_http(table_reader& r, node_config& c) {
  std::string address;
  r.text("address", address);
  if (!address.empty()) {
    const auto where = parse_host_port(address);
    if (where)
      std::tie(c.http_host, c.http_port) = *where;
    else
      r.find("address", where.error().detail);
  }
  r.number("threads", c.http_threads, 1, 64);
  r.flag("behind_tls_proxy", c.behind_tls_proxy);
  r.flag("open_metrics", c.gateway.open_metrics);
  r.number("header_bytes_max", c.http.header_bytes_max, 1024, 1024 * 1024);
  r.number("headers_max", c.http.headers_max, 8, 1000);
  r.number("body_bytes_max", c.http.body_bytes_max, 1024, 8 * 1024 * 1024);
  r.number("connections_max", c.http.connections_max, 1, 100'000);
  r.number("header_ms_max", c.http.header_ms_max, 100, 600'000);
  r.number("body_ms_max", c.http.body_ms_max, 100, 600'000);
  r.number("idle_ms_max", c.http.idle_ms_max, 100, 3'600'000);
  r.number("write_ms_max", c.http.write_ms_max, 100, 600'000);
  r.number("handling_ms_max", c.http.handling_ms_max, 1'000, 600'000);
  r.number("stop_ms_max", c.http.stop_ms_max, 0, 600'000);
}

void read_client_port(table_reader& r, node_config& c, const std::string& directory) {
  r.text("address", c.client);
  std::string file;
  r.text("secret_key_file", file);
  if (!file.empty()) {
    const auto lines = read_secret(rooted(directory, file));
    if (!lines)
      r.find("secret_key_file", lines.error().detail);
    else if (lines->front().size() != 40)
      r.find("secret_key_file", "the key must be 40 characters of Z85");
    else
      c.client_secret_key = lines->front();
  }
  r.number("in_flight_max", c.client_in_flight_max, 1, 1'000'000);
  r.number("frame_bytes_max", c.client_frame_bytes_max, 1024, 64 * 1024 * 1024);
  r.number("queue_max", c.client_queue_max, 1, 1'000'000);
  int n = 0;
  std::vector<finding> inner;
  for (const auto* table : r.tables("clients")) {
    table_reader one(*table, r.where() + "/clients/" + std::to_string(n++), inner);
    curve_client client;
    one.text("name", client.name);
    one.text("key", client.key);
    client.systems = read_systems(one, "systems");
    if (!is_client_name(client.name))
      one.find("name", "1 to 100 characters are needed, without parentheses");
    if (client.key.size() != 40) one.find("key", "must be 40 characters of Z85");
    c.curve_clients.push_back(std::move(client));
  }
  for (auto& f : inner) r.find(f.pointer.substr(r.where().size() + 1), f.detail);
}

void read_token(table_reader& r, node_config& c) {
  gateway::token_entry t;
  std::string hex;
  r.text("name", t.name);
  r.text("sha256", hex);
  r.flag("persons", t.persons);
  t.systems = read_systems(r, "systems");
  if (!is_client_name(t.name))
    r.find("name", "1 to 100 characters are needed, without parentheses");
  const auto digest = gateway::parse_sha256(hex);
  if (digest)
    t.digest = *digest;
  else
    r.find("sha256", "must be 64 hexadecimal digits: printf %s TOKEN | sha256sum");
  c.tokens.push_back(std::move(t));
}

void read_endpoint(table_reader& r, node_config& c, const std::string& directory) {
  endpoint_config e;
  std::string system;
  std::string secret_file;
  r.text("plant", e.plant);
  r.text("system", system);
  r.text("adapter", e.adapter);
  r.text("url", e.url);
  r.text("secret_file", secret_file);
  r.text("mapping", e.mapping);
  r.text("ca_file", e.ca_file);
  r.texts("allowed", e.allowed);
  e.mapping = rooted(directory, e.mapping);
  e.ca_file = rooted(directory, e.ca_file);
  if (const auto* headers = r.table("headers"))
    for (const auto& [name, value] : *headers) {
      const auto text = value.value_exact<std::string>();
      if (text)
        e.headers.emplace_back(std::string(name.str()), *text);
      else
        r.find("headers/" + std::string(name.str()), "must be a string");
    }
  if (e.plant != "*" && !gateway::is_plant_name(e.plant))
    r.find("plant", "must be a plant or \"*\"");
  const auto number = system_number(system);
  if (number && *number != 0)
    e.system = static_cast<System>(*number);
  else
    r.find("system", "no system '" + system + "'");
  if (e.adapter != "rest") r.find("adapter", "the only adapter is rest");
  if (e.url.rfind("http://", 0) != 0 && e.url.rfind("https://", 0) != 0)
    r.find("url", "must begin with http:// or https://");
  if (!secret_file.empty()) {
    auto lines = read_secret(rooted(directory, secret_file));
    if (lines)
      e.secrets = std::move(*lines);
    else
      r.find("secret_file", lines.error().detail);
  }
  for (const auto& other : c.endpoints)
    if (other.plant == e.plant && other.system == e.system)
      r.find("system", "this plant has an endpoint for it already");
  c.endpoints.push_back(std::move(e));
}

void read_rules(const toml::table& table, const std::string& prefix, node_config& c,
                std::vector<finding>& findings) {
  for (const auto& [key, value] : table) {
    const auto name = prefix + std::string(key.str());
    if (const auto* inner = value.as_table())
      read_rules(*inner, name + '.', c, findings);
    else if (const auto text = value.value_exact<std::string>())
      c.rules[name] = *text;
    else if (const auto number = value.value_exact<std::int64_t>())
      c.rules[name] = std::to_string(*number);
    else if (const auto flag = value.value_exact<bool>())
      c.rules[name] = *flag ? "true" : "false";
    else
      findings.push_back({"/rules/" + name, "must be a string, a whole number, true or false"});
  }
}

void read_limits(table_reader& r, node_config& c) {
  r.number("deadline_ms", c.gateway.deadline_ms, 100, 60'000);
  r.number("deadline_ms_max", c.gateway.deadline_ms_max, 100, 60'000);
  r.number("bulk_max", c.gateway.bulk_max, 1, 10'000);
  r.number("streams_max", c.gateway.streams_max, 1, 10'000);
  r.number("heartbeat_ms", c.gateway.heartbeat_ms, 1'000, 600'000);
  r.number("genealogy_nodes_max", c.gateway.genealogy_nodes_max, 10, 1'000'000);
  r.number("stock_batches_max", c.gateway.stock_batches_max, 10, 1'000'000);
  r.number("resident_bytes_max", c.resident_bytes_max, 16ll << 20, 1ll << 40);
  r.number("journal_map_bytes", c.journal_map_bytes, 16ll << 20, 1ll << 46);
  r.number("state_map_bytes", c.state_map_bytes, 16ll << 20, 1ll << 46);
  r.number("journal_days", c.journal_days, 0, 36'500);
  r.number("journal_bytes", c.journal_bytes, 0, 1ll << 50);
  r.number("window_ids", c.window_ids, 16, 1ll << 32);
  r.number("engine_threads", c.engine_threads, 0, 256);
}

void read_all(const toml::table& root, node_config& c, const std::string& directory,
              std::vector<finding>& findings) {
  table_reader r(root, "", findings);
  if (const auto* t = r.table("node")) {
    table_reader in(*t, "/node", findings);
    read_node(in, c, directory);
  }
  if (const auto* t = r.table("http")) {
    table_reader in(*t, "/http", findings);
    read_http(in, c);
  }
  if (const auto* t = r.table("client_port")) {
    table_reader in(*t, "/client_port", findings);
    read_client_port(in, c, directory);
  }
  if (const auto* t = r.table("cluster")) {
    table_reader in(*t, "/cluster", findings);
    read_cluster(in, c, directory);
  }
  if (const auto* t = r.table("limits")) {
    table_reader in(*t, "/limits", findings);
    read_limits(in, c);
  }
  if (const auto* t = r.table("rules")) read_rules(*t, "", c, findings);
  int n = 0;
  for (const auto* t : r.tables("tokens")) {
    table_reader in(*t, "/tokens/" + std::to_string(n++), findings);
    read_token(in, c);
  }
  const auto must_exist = c.rules.find("references.must_exist");
  c.gateway.references_must_exist = must_exist != c.rules.end() && must_exist->second == "true";
  n = 0;
  for (const auto* t : r.tables("endpoints")) {
    table_reader in(*t, "/endpoints/" + std::to_string(n++), findings);
    read_endpoint(in, c, directory);
  }
}

}  // namespace

result<node_config> parse_config(std::string_view text, const std::string& directory) {
  node_config c;
  std::vector<finding> findings;
  try {
    const auto root = toml::parse(text);
    read_all(root, c, directory, findings);
  } catch (const toml::parse_error& e) {
    std::ostringstream where;
    where << "line " << e.source().begin.line << ", column " << e.source().begin.column << ": "
          << e.description();
    return invalid(where.str());
  }
  if (findings.empty()) return c;
  auto e = invalid(
      findings.front().pointer + ": " + findings.front().detail +
      (findings.size() > 1 ? " (and " + std::to_string(findings.size() - 1) + " more)" : ""));
  e.findings = std::move(findings);
  return e;
}

result<node_config> load_config(const std::string& path) {
  std::ifstream in(path);
  if (!in) return invalid("cannot read " + path);
  std::ostringstream text;
  text << in.rdbuf();
  auto c = parse_config(text.str(), std::filesystem::path(path).parent_path().string());
  if (c) return c;
  auto e = std::move(c).error();
  e.detail = path + ": " + e.detail;
  return e;
}

std::vector<gateway::token_entry> dev_tokens() {
  std::vector<gateway::token_entry> out;
  for (const std::string name : {"erp", "mes", "qms", "wms", "cmms", "plm", "sqm", "ops"}) {
    gateway::token_entry t;
    t.name = "dev-" + name;
    t.digest = gateway::sha256(t.name);
    t.systems = static_cast<system_set>(1u << system_number(name).value_or(0));
    t.persons = true;
    out.push_back(std::move(t));
  }
  return out;
}

result<std::pair<std::string, std::uint16_t>> parse_host_port(std::string_view text) {
  std::string host = "127.0.0.1";
  auto port = text;
  if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
      host = host.substr(1, host.size() - 2);
    if (host == "localhost") host = "127.0.0.1";
  }
  const auto number = gateway::parse_number(port, 65535);
  if (number < 0 || host.empty()) return invalid("'" + std::string(text) + "' is not HOST:PORT");
  return std::pair(host, static_cast<std::uint16_t>(number));
}

result<endpoint_config> parse_endpoint(std::string_view text) {
  endpoint_config e;
  const auto equals = text.find('=');
  if (equals == std::string_view::npos)
    return invalid("an endpoint is SYSTEM=URL or PLANT/SYSTEM=URL");
  auto name = text.substr(0, equals);
  e.url = text.substr(equals + 1);
  if (const auto slash = name.find('/'); slash != std::string_view::npos) {
    e.plant = name.substr(0, slash);
    name = name.substr(slash + 1);
    if (!gateway::is_plant_name(e.plant)) return invalid("'" + e.plant + "' is not a plant");
  }
  const auto number = system_number(name);
  if (!number || *number == 0) return invalid("no system '" + std::string(name) + "'");
  if (e.url.rfind("http://", 0) != 0 && e.url.rfind("https://", 0) != 0)
    return invalid("the URL of an endpoint begins with http:// or https://");
  e.system = static_cast<System>(*number);
  return e;
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
}

result<void> check_config(const node_config& c) {
  if (c.data.empty()) return invalid("a data directory is needed: --data DIR or data in [node]");
  const bool http_local = is_loopback(c.http_host);
  if (c.dev && !http_local) return invalid("--dev is for loopback only, not for " + c.http_host);
  if (!http_local && !c.behind_tls_proxy)
    return invalid(
        "plain HTTP off loopback is refused; put a TLS proxy in front and set behind_tls_proxy");
  if (!c.client.empty()) {
    if (c.client.rfind("tcp://", 0) != 0) return invalid("the client port is tcp://HOST:PORT");
    const auto where = parse_host_port(std::string_view(c.client).substr(6));
    if (!where) return where.error();
    const bool local = is_loopback(where->first);
    if (c.dev && !local) return invalid("--dev is for loopback only, not for " + c.client);
    if (!local && c.client_secret_key.empty())
      return invalid("off loopback the client port needs CURVE: secret_key_file");
    if (!c.client_secret_key.empty() && c.curve_clients.empty())
      return invalid("CURVE without clients lets nobody in");
  }
  if (const auto sound = check_cluster(c); !sound) return sound.error();
  if (!c.dev && c.tokens.empty()) return invalid("nobody may speak: give [[tokens]] or --dev");
  return {};
}

}  // namespace millrace
