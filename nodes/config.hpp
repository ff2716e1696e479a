// The node's configuration: one TOML file, every key documented in config/node.toml, unknown keys
// refused.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/address.hpp"
#include "nodes/gateway/auth.hpp"
#include "nodes/gateway/core.hpp"
#include "nodes/http/message.hpp"
#include "schemas/common_generated.h"
#include "schemas/result.hpp"

namespace millrace {

/// A client that may connect to the client port with its CURVE key.
struct curve_client {
  std::string name;  // principal
  std::string key;   // public key, Z85, 40 characters
  system_set systems = 0;
};

/// One outer system of one plant, or of every plant ("*") without one of its own.
struct endpoint_config {
  std::string plant = "*";
  System system = System::none;
  std::string adapter = "rest";
  std::string url;
  std::vector<std::string> secrets;  // "whsec_…", newest first
  std::vector<std::pair<std::string, std::string>> headers;
  std::string mapping;               // file; empty = the canonical form
  std::vector<std::string> allowed;  // networks besides public ones
  std::string ca_file;
};

/// Another node of the cluster.
struct cluster_peer_config {
  std::uint64_t node = 0;
  std::string region;
  std::string consensus, bulk;           // "tcp://host:port", where it listens
  std::vector<std::string> public_keys;  // Z85; two while its key is being changed
};

/// [cluster]; without the section a node is a cluster of its own.
struct cluster_config {
  bool given = false;
  std::string name;
  std::uint64_t node = 0;  // this node's number
  std::string region;
  std::string secret_key;       // CURVE, Z85
  std::string consensus, bulk;  // "tcp://host:port", where this node listens
  std::vector<cluster_peer_config> peers;
  std::vector<std::uint64_t> founders;  // of the system group, in order
};

struct node_config {
  // [node]
  std::string data;  // directory
  bool dev = false;  // built-in tokens, loopback only
  std::string log_level = "info";
  std::string log_format = "text";  // text, json
  // [http]
  std::string http_host = "127.0.0.1";
  std::uint16_t http_port = 8480;
  std::size_t http_threads = 1;
  bool behind_tls_proxy = false;  // plain HTTP off loopback, since a proxy in front speaks TLS
  http::limits http;
  gateway::settings gateway;
  // [client_port]
  std::string client;             // "tcp://127.0.0.1:8481"; empty = none
  std::string client_secret_key;  // CURVE, Z85; empty = NULL mechanism, loopback only
  std::uint32_t client_in_flight_max = 4096;
  std::uint32_t client_frame_bytes_max = 8 * 1024 * 1024;
  std::uint32_t client_queue_max = 1000;
  std::vector<curve_client> curve_clients;
  cluster_config cluster;
  // [[tokens]], [[endpoints]], [rules], [limits]
  std::vector<gateway::token_entry> tokens;
  std::vector<endpoint_config> endpoints;
  std::map<std::string, std::string> rules;
  std::uint64_t resident_bytes_max = 512ull * 1024 * 1024;  // of all plants' actors in memory
  std::uint64_t journal_map_bytes = 64ull * 1024 * 1024 * 1024;
  std::uint64_t state_map_bytes = 64ull * 1024 * 1024 * 1024;
  std::uint32_t journal_days = 0;      // retention; 0 = everything stays
  std::uint64_t journal_bytes = 0;     // likewise, of one plant
  std::uint64_t window_ids = 262'144;  // keys that a plant remembers: the same on all nodes
  std::uint32_t engine_threads = 0;    // 0 = as many as the machine has
};

/// Reads a file. Error: config.invalid with a finding per wrong, missing or unknown key
/// ("/http/adress").
[[nodiscard]] result<node_config> load_config(const std::string& path);
/// The same of TOML text; relative file names in it are taken from `directory`.
[[nodiscard]] result<node_config> parse_config(std::string_view toml,
                                               const std::string& directory = ".");

/// dev-erp, dev-mes, dev-qms, dev-wms, dev-cmms, dev-plm, dev-sqm, dev-ops.
[[nodiscard]] std::vector<gateway::token_entry> dev_tokens();

/// "127.0.0.1:8480" or "[::1]:8480"; a bare port means loopback. Error: config.invalid.
[[nodiscard]] result<std::pair<std::string, std::uint16_t>> parse_host_port(std::string_view text);
/// "erp=http://127.0.0.1:9001" or "hamburg/erp=…". Error: config.invalid.
[[nodiscard]] result<endpoint_config> parse_endpoint(std::string_view text);
[[nodiscard]] bool is_loopback(std::string_view host);

/// What must hold before a node may start: dev and plain ports on loopback only, a data directory,
/// somebody who may speak.
[[nodiscard]] result<void> check_config(const node_config& config);

}  // namespace millrace
