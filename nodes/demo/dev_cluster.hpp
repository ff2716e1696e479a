// The files of a cluster on one machine: keys and a configuration per node, for development, the
// demo and tests. Everything listens on loopback.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemas/result.hpp"

namespace millrace {

struct dev_node_ports {
  std::uint16_t http = 0, client = 0, consensus = 0, bulk = 0;
};

struct dev_node {
  std::size_t node = 0;   // 1 ..
  std::string directory;  // node.toml, node.key, data
  std::string config;
  dev_node_ports ports;
  [[nodiscard]] std::string to_json() const;
};

/// HTTP at base, base + 1, …; client ports from base + 100, consensus + 200, bulk + 300.
[[nodiscard]] std::vector<dev_node_ports> dev_ports(std::size_t nodes, std::uint16_t base);
/// Ports that were free a moment ago. Error: process.failed.
[[nodiscard]] result<std::vector<dev_node_ports>> free_dev_ports(std::size_t nodes);

/// Writes DIR/node-N/ for each node; `more` is appended to each configuration. Refused when there
/// is one already. Error: config.invalid.
[[nodiscard]] result<std::vector<dev_node>> write_dev_cluster(
    const std::string& directory, const std::vector<dev_node_ports>& ports,
    const std::string& more = {});

}  // namespace millrace
