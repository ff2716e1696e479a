// Writing the files of a cluster on one machine.
#include "nodes/demo/dev_cluster.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "cluster/curve_key.hpp"
#include "cluster/local_port.hpp"

namespace millrace {
namespace {

constexpr std::uint16_t client_offset = 100;
constexpr std::uint16_t consensus_offset = 200;
constexpr std::uint16_t bulk_offset = 300;

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  ::chmod(path.c_str(), 0600);
  out << text;
  out.close();
  return out.good();
}

std::string tcp(std::uint16_t port) { return "\"tcp://127.0.0.1:" + std::to_string(port) + '"'; }

std::string config_of(std::size_t node, const std::vector<dev_node_ports>& ports,
                      const std::vector<curve_key>& keys) {
  const auto& mine = ports[node];
  std::string out =
      "# A node of a cluster on one machine, for development.\n[node]\ndata = \"data\"\n";
  out += "\n[http]\naddress = \"127.0.0.1:" + std::to_string(mine.http) + "\"\n";
  out += "\n[client_port]\naddress = " + tcp(mine.client) + '\n';
  out +=
      "\n[cluster]\nname = \"dev\"\nnode = " + std::to_string(node + 1) +
      "\nregion = \"local\"\nsecret_key_file = \"node.key\"\nconsensus = " + tcp(mine.consensus) +
      "\nbulk = " + tcp(mine.bulk) + '\n';
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (i == node) continue;
    out += "\n[[cluster.peers]]\nnode = " + std::to_string(i + 1) +
           "\nregion = \"local\"\nconsensus = " + tcp(ports[i].consensus) +
           "\nbulk = " + tcp(ports[i].bulk) + "\npublic_keys = ['" + keys[i].public_key + "']\n";
  }
  return out;
}

}  // namespace

std::string dev_node::to_json() const {
  return "{\"node\":" + std::to_string(node) +
         ",\"http\":\"127.0.0.1:" + std::to_string(ports.http) +
         "\",\"client\":\"tcp://127.0.0.1:" + std::to_string(ports.client) + "\",\"config\":\"" +
         config + "\"}";
}

std::vector<dev_node_ports> dev_ports(std::size_t nodes, std::uint16_t base) {
  std::vector<dev_node_ports> out;
  for (std::size_t i = 0; i < nodes; ++i) {
    const auto http = static_cast<std::uint16_t>(base + i);
    out.push_back({http, static_cast<std::uint16_t>(http + client_offset),
                   static_cast<std::uint16_t>(http + consensus_offset),
                   static_cast<std::uint16_t>(http + bulk_offset)});
  }
  return out;
}

result<std::vector<dev_node_ports>> free_dev_ports(std::size_t nodes) {
  std::vector<dev_node_ports> out(nodes);
  for (auto& p : out)
    for (auto* port : {&p.http, &p.client, &p.consensus, &p.bulk}) {
      const auto free = free_port();
      if (!free) return free.error();
      *port = *free;
    }
  return out;
}

result<std::vector<dev_node>> write_dev_cluster(const std::string& directory,
                                                const std::vector<dev_node_ports>& ports,
                                                const std::string& more) {
  namespace fs = std::filesystem;
  std::vector<curve_key> keys;
  for (std::size_t i = 0; i < ports.size(); ++i) keys.push_back(make_curve_key());
  std::vector<dev_node> out;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    dev_node n;
    n.node = i + 1;
    n.directory = fs::absolute(directory).string() + "/node-" + std::to_string(n.node);
    n.config = n.directory + "/node.toml";
    n.ports = ports[i];
    std::error_code failed;
    if (fs::exists(n.config)) return error{"config.invalid", n.config + " is there already"};
    fs::create_directories(n.directory, failed);
    if (failed || !write_file(n.directory + "/node.key", keys[i].secret_key + '\n') ||
        !write_file(n.config, config_of(i, ports, keys) + more))
      return error{"config.invalid", "cannot write to " + n.directory};
    out.push_back(std::move(n));
  }
  return out;
}

}  // namespace millrace
